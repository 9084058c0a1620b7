"""Readings by the Prometheus provider, in short words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gitops_mesh.clock import SystemClock
from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.provider import PrometheusMetrics
from gitops_mesh.model.measurements import Counts, Reading
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import PrometheusSettings

HOST = "reviews.shop.svc.cluster.local"
REF = RouteRef(ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews"), "http/main")
V1, V2 = Destination(HOST, "v1"), Destination(HOST, "v2")
BOTH = ((REF, V1), (REF, V2))


def by_version(to: Destination) -> Labels:
    """As if every subset were named after the version that it selects."""
    return (("version", to.subset),) if to.subset else ()


@dataclass(slots=True)
class Reader:
    """One provider, asked about the same destinations again and again."""

    metrics: PrometheusMetrics
    watched: Collection[tuple[RouteRef, Destination]] = BOTH

    def read(self) -> Reading:
        return self.metrics.read(self.watched)

    def counts(self) -> Mapping[str, Counts]:
        reading = self.read()
        assert not reading.problem, reading.problem
        assert not reading.unclear, reading.unclear
        return {m.destination.subset: m.counts for m in reading.measurements}

    def rises(self) -> dict[str, tuple[int, int]]:
        """Subset → requests and errors since the reading before."""
        return {subset: (counts.requests, counts.errors) for subset, counts in self.counts().items()}


def reader(url: str, *, timeout: float = 5.0, **settings: Any) -> Reader:
    """A provider with these settings."""
    return Reader(PrometheusMetrics(PrometheusSettings(url, **settings), by_version, SystemClock(), timeout=timeout))
