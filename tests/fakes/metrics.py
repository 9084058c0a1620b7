"""A metrics provider on a virtual clock: requests in proportion to live weights, errors by a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from gitops_mesh.mesh.routes import routes
from gitops_mesh.model.measurements import Counts, Measurement, Reading
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.ports import Clock, Cluster

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, float("inf"))


class FakeMetrics:
    """Every route gets `requests_per_second`, split as its live weights say.

    `errors` and `latency` (seconds, 0.01 if not given) are looked up by destination, then its text
    (`reviews:v2`), its subset, its host. `problem`, while not empty, makes readings fail.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        errors: Mapping[Any, float] | None = None,
        *,
        requests_per_second: float = 100.0,
        latency: Mapping[Any, float] | None = None,
    ) -> None:
        self.cluster = cluster
        self.clock = clock
        self.errors: Mapping[Any, float] = errors if errors is not None else {}
        self.latency: Mapping[Any, float] = latency if latency is not None else {}
        self.requests_per_second = requests_per_second
        self.problem = ""
        self.shared = False
        """Whether it counts by destination, whatever the route, as Prometheus does."""
        self._read_at: dict[tuple[RouteRef, Destination], float] = {}
        self._left: dict[tuple[RouteRef, Destination, str], Fraction] = {}

    def read(self, watched: Collection[tuple[RouteRef, Destination]]) -> Reading:
        now = self.clock.now()
        if self.problem:
            return Reading(now, problem=self.problem)
        bodies = {live.key: live.body for live in self.cluster.objects()}
        found = []
        places = {
            (RouteRef(key, r.id), d) for key, body in bodies.items() for r in routes(body) for d, _ in r.split.shares
        }
        for ref, destination in sorted({*watched, *places} if self.shared else watched):
            since = self._read_at.get((ref, destination))
            self._read_at[ref, destination] = now
            if since is None:
                continue
            counts = self._counts(ref, destination, bodies.get(ref.key, {}), now - since)
            found.append(Measurement(ref, destination, counts))
        if self.shared:
            together: dict[Destination, Counts] = {}
            for one in found:
                together[one.destination] = together.get(one.destination, Counts()).plus(one.counts)
            found = [Measurement(one.ref, one.destination, together[one.destination]) for one in found]
        return Reading(now, tuple(found), shared=self.shared)

    def _counts(self, ref: RouteRef, destination: Destination, body: Tree, seconds: float) -> Counts:
        share = next((r.split.share(destination) for r in routes(body) if r.id == ref.route), Fraction(0))
        rate = Fraction(self.requests_per_second) * Fraction(seconds).limit_denominator(1000)
        requests = self._whole(ref, destination, "requests", rate * share)
        failing = Fraction(self._of(self.errors, destination, 0.0)).limit_denominator(10**6)
        errors = self._whole(ref, destination, "errors", requests * failing)
        slow = self._of(self.latency, destination, 0.01)
        return Counts(requests, min(errors, requests), tuple((edge, requests if slow <= edge else 0) for edge in EDGES))

    def _whole(self, ref: RouteRef, destination: Destination, what: str, amount: Fraction) -> int:
        """Whole numbers whose sum stays exact: what is left over counts next time."""
        exact = self._left.get((ref, destination, what), Fraction(0)) + amount
        self._left[ref, destination, what] = exact - int(exact)
        return int(exact)

    @staticmethod
    def _of(table: Mapping[Any, float], destination: Destination, default: float) -> float:
        for name in (destination, str(destination), destination.subset, destination.host):
            if name in table:
                return table[name]
        return default
