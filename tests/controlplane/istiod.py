"""A real istiod, fed by the test API server."""

from __future__ import annotations

from pathlib import Path

import urllib3
import yaml

from tests.controlplane.apiserver import ApiServer
from tests.controlplane.processes import Process
from tests.fakes.backend import free_ports

NO_MTLS = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "default", "namespace": "istio-system"},
    "spec": {"mtls": {"mode": "DISABLE"}},
}
"""Without it listeners wait for certificates of an agent that is not there."""
LOG = '{"at":%START_TIME(%s.%3f)%,"flags":"%RESPONSE_FLAGS%","code":%RESPONSE_CODE%}\n'


class Istiod:
    """The control plane of Envoys on this machine."""

    def __init__(self, server: ApiServer, program: Path, folder: Path, *, http_proxy: int, access_log: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.grpc, self._http, self._https, self._monitoring, self._ctrlz = free_ports(5)
        self._server = server
        self._program = program
        mesh = {
            "enableAutoMtls": False,
            "enablePrometheusMerge": False,
            "defaultConfig": {"discoveryAddress": f"127.0.0.1:{self.grpc}"},
            "proxyHttpPort": http_proxy,
            "accessLogFile": str(access_log),
            "accessLogFormat": LOG,
        }
        (folder / "mesh.yaml").write_text(yaml.safe_dump(mesh))
        server.namespace("istio-system")
        server.apply(NO_MTLS)
        self._process = self._start()

    def _start(self) -> Process:
        at = {"grpcAddr": self.grpc, "httpAddr": self._http, "httpsAddr": self._https}
        at["monitoringAddr"] = self._monitoring
        command = [
            str(self._program),
            "discovery",
            f"--kubeconfig={self._server.kubeconfig()}",
            f"--meshConfig={self.folder / 'mesh.yaml'}",
            *(f"--{flag}=127.0.0.1:{port}" for flag, port in at.items()),
            "--secureGRPCAddr=",
            f"--ctrlz_port={self._ctrlz}",
        ]
        env = {
            "POD_NAMESPACE": "istio-system",
            "POD_NAME": "istiod-0",
            "REVISION": "default",
            "PILOT_ENABLE_METADATA_EXCHANGE": "false",
            "PILOT_ENABLE_ALPN_FILTER": "false",
            "INJECTION_WEBHOOK_CONFIG_NAME": "",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "",
        }
        started = Process(command, self.folder / "istiod.log", env)
        started.until(self._ready)
        return started

    def _ready(self) -> bool:
        try:
            return (
                urllib3.request("GET", f"http://127.0.0.1:{self._http}/ready", retries=False, timeout=2).status == 200
            )
        except urllib3.exceptions.HTTPError:
            return False

    def kill(self) -> None:
        self._process.kill()

    def restart(self) -> None:
        """Start it again after `kill`."""
        self._process = self._start()

    def stop(self) -> None:
        self._process.end()
