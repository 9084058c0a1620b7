"""A real Prometheus that scrapes loopback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import urllib3
import yaml

from tests.controlplane.certificates import Certificates
from tests.controlplane.processes import Process
from tests.fakes.backend import free_ports


class Prometheus:
    """Scrapes `targets` (host:port → path) every `interval`. `web` is its web configuration, with users, and
    `headers` sign us in; with `certificates` it speaks TLS and wants a client certificate.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        targets: Mapping[str, str],
        *,
        interval: str = "1s",
        web: Mapping[str, Any] | None = None,
        certificates: Certificates | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{port}"
        self._certificates, self._headers = certificates, dict(headers or {})
        jobs = [
            {"job_name": target, "metrics_path": path, "static_configs": [{"targets": [target]}]}
            for target, path in targets.items()
        ]
        config = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": jobs}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        (folder / "web.yaml").write_text(yaml.safe_dump({**(web or {}), **_tls(certificates)}))
        command = [
            str(program),
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.config.file={folder / 'web.yaml'}",
            "--log.level=error",
        ]
        self._command, self._log = command, folder / "prometheus.log"
        self.start()

    def start(self) -> None:
        """Start, also again: on the same port, with what it has stored."""
        self._process = Process(self._command, self._log)
        self._process.until(self._ready)

    def _ready(self) -> bool:
        return self._get("/-/ready").status == 200

    def value(self, query: str) -> float | None:
        """What an instant query with one answer gives now."""
        answer = self._get(f"/api/v1/query?query={quote(query)}")
        result = orjson.loads(answer.data)["data"]["result"] if answer.status == 200 else []
        return float(result[0]["value"][1]) if result else None

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        own = self._certificates
        files = {"ca_certs": own.authority, "cert_file": own.client, "key_file": own.client_key} if own else {}
        options: dict[str, Any] = {name: str(file) for name, file in files.items()}
        with urllib3.PoolManager(retries=False, timeout=5, headers=self._headers, **options) as pool:
            try:
                return pool.request("GET", self.url + path)
            except urllib3.exceptions.HTTPError:
                return urllib3.HTTPResponse(status=0)

    def stop(self) -> None:
        self._process.end()


def _tls(certificates: Certificates | None) -> dict[str, Any]:
    if certificates is None:
        return {}
    return {
        "tls_server_config": {
            "cert_file": str(certificates.server),
            "key_file": str(certificates.server_key),
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(certificates.authority),
        }
    }
