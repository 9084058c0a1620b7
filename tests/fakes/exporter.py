"""An exporter over real HTTP, whose counters a test sets: Istio's and Envoy's shapes, in Prometheus' text format."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

HOST = "reviews.shop.svc.cluster.local"
EDGES = ("1", "25", "100", "+Inf")
"""Upper edges in milliseconds; what does not fail takes 20 ms."""


class Exporter:
    """One process that counts. `values`: (metric, labels) → total."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self.changes = 0
        """Exported, too, so that a test can tell when Prometheus has the latest."""
        self.broken = False
        """Whether scrapes fail."""
        self._lock = threading.Lock()
        self._text: bytes | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.text()
                self.send_response(500 if outer.broken else 200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.target = f"127.0.0.1:{self._server.server_address[1]}"

    def add(self, metric: str, amount: float, **labels: str) -> None:
        """Raise one counter, which begins at 0."""
        with self._lock:
            key = (metric, tuple(sorted(labels.items())))
            self.values[key] = self.values.get(key, 0.0) + amount
            self.changes += 1
            self._text = None

    def istio(self, version: str, requests: int, code: str = "200", **labels: str) -> None:
        """Requests to a version of a host as Istio's proxies count them."""
        told = {
            "reporter": "source",
            "source_workload": "gateway",
            "destination_service": HOST,
            "destination_version": version,
            "destination_canonical_revision": version,
            "destination_workload": f"reviews-{version}",
            "request_protocol": "http",
            "response_code": code,
            "response_flags": "-",
            "connection_security_policy": "unknown",
            "grpc_response_status": "",
        } | labels
        self.add("istio_requests_total", requests, **told)
        for edge in EDGES:
            fast = code == "200" and edge == "1"
            self.add("istio_request_duration_milliseconds_bucket", 0 if fast else requests, **told, le=edge)

    def clear(self) -> None:
        """As after a restart: no counter is there."""
        with self._lock:
            self.values.clear()
            self.changes += 1
            self._text = None

    def text(self) -> bytes:
        with self._lock:
            if self._text is None:
                registry = CollectorRegistry(auto_describe=False)
                registry.register(_Told({**self.values, ("exporter_changes", ()): self.changes}))  # type: ignore[arg-type] # it collects
                self._text = generate_latest(registry)
            return self._text

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Told:
    def __init__(self, values: dict[tuple[str, tuple[tuple[str, str], ...]], float]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        found: dict[str, Metric] = {}
        for (name, labels), value in self._values.items():
            metric = found.setdefault(name, Metric(name, name, "untyped"))
            metric.add_sample(name, dict(labels), value)
        yield from found.values()
