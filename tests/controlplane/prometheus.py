"""A real Prometheus that scrapes loopback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests.controlplane.certificates import Certificates
from tests.controlplane.processes import Process
from tests.fakes.backend import free_ports


class Prometheus:
    """Scrapes `targets` (host:port → path) every `interval`. `web` is its web configuration, with users; with
    `certificates` it speaks TLS and wants a client certificate.
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
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{port}"
        self._certificates = certificates
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
        own = self._certificates
        files = {"ca_certs": own.authority, "cert_file": own.client, "key_file": own.client_key} if own else {}
        with urllib3.PoolManager(retries=False, timeout=2, **{k: str(v) for k, v in files.items()}) as pool:
            try:
                status = pool.request("GET", f"{self.url}/-/ready").status
            except urllib3.exceptions.HTTPError:
                return False
        return status in (200, 401)

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
