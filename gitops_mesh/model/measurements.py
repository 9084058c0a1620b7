"""What metrics bring and what a judge says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gitops_mesh.model.routes import Destination, RouteRef


@dataclass(frozen=True, slots=True)
class Counts:
    """Integer increments of one population over some time.

    `buckets` are cumulative histogram counts by upper edge in seconds (`inf` last); empty where the
    source has no latency.
    """

    requests: int = 0
    errors: int = 0
    buckets: tuple[tuple[float, int], ...] = ()

    def plus(self, other: Counts) -> Counts:
        edges = dict(self.buckets)
        for edge, count in other.buckets:
            edges[edge] = edges.get(edge, 0) + count
        return Counts(self.requests + other.requests, self.errors + other.errors, tuple(sorted(edges.items())))

    @property
    def error_rate(self) -> float | None:
        """The share of requests that failed, `None` without requests."""
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The increments of one destination of one route since the reading before."""

    ref: RouteRef
    destination: Destination
    counts: Counts


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a metrics provider. `problem` is set when it failed: then there are no measurements.

    The first reading of a series brings no increment, since nothing is known of the time before.
    """

    at: float
    measurements: tuple[Measurement, ...] = ()
    problem: str = ""
    unclear: tuple[tuple[RouteRef, str], ...] = ()
    """Routes without measurements, since their destinations cannot be told by their metrics, each with the reason."""
    shared: bool = False
    """The counts are of a destination as a whole: routes that share one are given the same requests."""


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105
    REGRESS = "regress"
    INSUFFICIENT = "insufficient"
    ERROR = "provider-error"


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One metric's part of a verdict, with the numbers it was made of."""

    metric: str
    outcome: Outcome
    reason: str
    canary: float | None = None
    stable: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's word on a rollout at one moment; `reason` is a sentence for the ledger."""

    outcome: Outcome
    reason: str
    metrics: tuple[MetricVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict is made of; kept with the rollout, so that a restart goes on with it.

    `canary` and `stable` count since the current step's weight was written; `before` is the stable
    population over the whole rollout while it had traffic, for the time when all of it has moved.
    """

    canary: Counts = field(default_factory=Counts)
    stable: Counts = field(default_factory=Counts)
    before: Counts = field(default_factory=Counts)
    problem: str = ""
    """Why the latest reading failed; empty when it did not."""
    readings: int = 0
    """Successful readings since the current step's weight was written."""
    at: float = 0.0
    """When the latest reading was taken."""
