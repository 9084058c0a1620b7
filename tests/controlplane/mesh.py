"""The whole test mesh: API server, istiod, a gateway and a sidecar, and backends that count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tests.controlplane.apiserver import ApiServer
from tests.controlplane.binaries import Binaries
from tests.controlplane.envoys import Envoy
from tests.controlplane.istiod import Istiod
from tests.controlplane.processes import until
from tests.fakes.backend import Answer, Backend, ask, free_ports

ISTIO = "networking.istio.io/v1"
HOST = "reviews.shop.mesh"
FOREIGN = ("NR", "NC", "UH")
"""Flags of answers that Envoy gave because it knew no route, no cluster, no healthy endpoint."""


class Mesh:
    """Versions of one service on `HOST`, reached through the gateway and through a sidecar's forward proxy."""

    def __init__(self, programs: Binaries, folder: Path, *, versions: tuple[str, ...] = ("v1", "v2", "v3")) -> None:
        self.folder = folder
        self.server = ApiServer(programs, folder / "apiserver")
        self.server.install_crds()
        self.server.namespace("shop", "istio-system", "gitops-mesh")
        self.gateway_port, self.sidecar_port = free_ports(2)
        self.access_log = folder / "access.log"
        self.istiod = Istiod(
            self.server, programs.istiod, folder / "istiod", http_proxy=self.sidecar_port, access_log=self.access_log
        )
        self.backends = {version: Backend(version) for version in versions}
        self.server.apply(self.service_entry(), self.gateway())
        self.gateway_proxy = Envoy("router", folder / "gateway", self.istiod.grpc, 901, istio="ingressgateway")
        self.sidecar_proxy = Envoy("sidecar", folder / "sidecar", self.istiod.grpc, 902, app="client")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        for part in (self.gateway_proxy, self.sidecar_proxy, self.istiod, self.server):
            part.stop()
        for backend in self.backends.values():
            backend.close()

    def service_entry(self, host: str = HOST) -> dict[str, Any]:
        """The service: one endpoint for each version."""
        endpoints = [
            {"address": "127.0.0.1", "ports": {"http": backend.port}, "labels": {"app": "reviews", "version": version}}
            for version, backend in self.backends.items()
        ]
        return {
            "apiVersion": ISTIO,
            "kind": "ServiceEntry",
            "metadata": {"name": host.partition(".")[0], "namespace": "shop"},
            "spec": {
                "hosts": [host],
                "location": "MESH_INTERNAL",
                "resolution": "STATIC",
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                "endpoints": endpoints,
            },
        }

    def gateway(self) -> dict[str, Any]:
        """What the gateway listens for."""
        port = {"number": self.gateway_port, "name": "http", "protocol": "HTTP"}
        return {
            "apiVersion": ISTIO,
            "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "shop"},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": [{"port": port, "hosts": ["*"]}]},
        }

    def ask(self, via: str = "gateway", path: str = "/", host: str = HOST) -> Answer:
        """One request through the `gateway` or the `sidecar`."""
        return ask(self.gateway_port if via == "gateway" else self.sidecar_port, host, path)

    def serves(self, via: str = "gateway") -> bool:
        """Whether requests reach a backend."""
        try:
            return bool(self.ask(via).backend)
        except OSError:
            return False

    def until_served(self) -> None:
        """Wait until both ways in lead to a backend."""
        until(lambda: self.serves("gateway") and self.serves("sidecar"), 30, "both ways in serve")

    def split(self, count: int = 200, via: str = "gateway") -> Counter[str]:
        """Which backends answered so many requests."""
        return Counter(self.ask(via).backend for _ in range(count))

    def flags(self, since: int = 0) -> Counter[str]:
        """Response flags in the proxies' access log, from that byte on."""
        data = self.access_log.read_bytes()[since:] if self.access_log.exists() else b""
        return Counter(str(orjson.loads(line)["flags"]) for line in data.splitlines() if line.startswith(b"{"))

    def logged(self) -> int:
        """How long the access log is, to begin counting here."""
        return self.access_log.stat().st_size if self.access_log.exists() else 0
