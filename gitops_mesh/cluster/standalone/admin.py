"""Envoy's admin interface."""

from __future__ import annotations

import http.client
from urllib.parse import quote

from gitops_mesh.cluster.standalone.bootstrap import LOOPBACK
from gitops_mesh.errors import Unreachable

TIMEOUT = 2.0
"""Seconds for one answer."""


class Admin:
    """Asks the Envoy on a port of loopback. Every method raises Unreachable when it does not answer."""

    def __init__(self, port: int, timeout: float = TIMEOUT) -> None:
        self.port = port
        self._timeout = timeout

    def live(self) -> bool:
        """Whether it serves, with everything that it was given at its start."""
        status, body = self._get("/ready")
        return status == http.HTTPStatus.OK and body.strip() == "LIVE"

    def stats(self, pattern: str) -> dict[str, str]:
        """Counters, gauges and texts whose names match the regular expression."""
        _, body = self._get(f"/stats?filter={quote(pattern, safe='')}")
        found = {}
        for line in body.splitlines():
            name, colon, value = line.partition(": ")
            if colon:
                found[name] = value.strip().strip('"')
        return found

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=self._timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"Envoy's admin interface on port {self.port} does not answer: {error}",
                remedy="start it with `gitops-mesh envoy start`; its log says why it ended",
            ) from error
        finally:
            connection.close()
