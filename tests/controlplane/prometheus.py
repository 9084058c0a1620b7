"""A real Prometheus that scrapes loopback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests.controlplane.processes import Process
from tests.fakes.backend import free_ports


class Prometheus:
    """Scrapes `targets` (host:port → path) every `interval`; `web` is its web configuration, with users or TLS."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        targets: Mapping[str, str],
        *,
        interval: str = "1s",
        web: Mapping[str, Any] | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        jobs = [
            {"job_name": target, "metrics_path": path, "static_configs": [{"targets": [target]}]}
            for target, path in targets.items()
        ]
        config = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": jobs}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        (folder / "web.yaml").write_text(yaml.safe_dump(dict(web or {})))
        command = [
            str(program),
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.config.file={folder / 'web.yaml'}",
            "--log.level=error",
            *labels,
        ]
        self._process = Process(command, folder / "prometheus.log")
        self._process.until(self._ready)

    def _ready(self) -> bool:
        try:
            status = urllib3.request("GET", f"{self.url}/-/ready", retries=False, timeout=2).status
        except urllib3.exceptions.HTTPError:
            return False
        return status in (200, 401)

    def stop(self) -> None:
        self._process.end()
