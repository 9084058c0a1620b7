"""An admin interface that says of Envoy's statistics what a test wants, over real HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

EDGES = (("0.5", 0.0), ("25", 1.0), ("+Inf", 1.0))
"""Upper edges in milliseconds, and the share of requests that they take in."""


class Statistics:
    """Totals of clusters by name, as (completed, failed)."""

    def __init__(self) -> None:
        self.totals: dict[str, tuple[int, int]] = {}
        self.status = 200
        self.patterns: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.patterns += parse_qs(urlparse(self.path).query).get("filter", [])
                body = outer.text().encode()
                self.send_response(outer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def text(self) -> str:
        lines = []
        for name, (completed, failed) in self.totals.items():
            own = f'envoy_cluster_name="{name}"'
            lines.append(f"envoy_cluster_upstream_rq_completed{{{own}}} {completed}")
            lines.append(f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{own}}} {failed}')
            for edge, share in EDGES:
                lines.append(f'envoy_cluster_upstream_rq_time_bucket{{{own},le="{edge}"}} {int(completed * share)}')
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
