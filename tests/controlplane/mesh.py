"""The whole test mesh: API server, istiod, a gateway and a sidecar, and backends that count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tests.controlplane.apiserver import APPLY, Answered, ApiServer, path_of
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

    def split(self, count: int = 200, via: str = "gateway", host: str = HOST) -> Counter[str]:
        """Which backends answered so many requests."""
        return Counter(self.ask(via, host=host).backend for _ in range(count))

    def exists(self, path: str) -> bool:
        """Whether the API server has an object."""
        try:
            self.server.get(path)
        except Answered as error:
            if error.status != 404:
                raise
            return False
        return True

    def refuses(self, document: Mapping[str, Any]) -> bool:
        """Whether admission would turn an object down."""
        try:
            self.server.call("PATCH", f"{path_of(document)}?fieldManager=probe&dryRun=All", document, APPLY)
        except Answered as error:
            return error.status == 422
        return False

    def flags(self, since: float = 0.0) -> Counter[str]:
        """Response flags in the proxies' access log, of requests that began since then (seconds since the epoch)."""
        lines = self.access_log.read_bytes().splitlines() if self.access_log.exists() else []
        told = [orjson.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        return Counter(str(one["flags"]) for one in told if float(one["at"]) >= since)
