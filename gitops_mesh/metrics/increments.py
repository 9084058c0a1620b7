"""The arithmetic of counters: from samples to increments. Pure.

before → now      increment
none   → 40       none: nothing is known of the time before
40     → 65       25
65     → 10       10: the counter began again at 0 (Envoy restarted, the cluster was made anew)
65     → missing  none, and the next sample is a first one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_mesh.model.measurements import Counts


@dataclass(frozen=True, slots=True)
class Sample:
    """What the counters of one series say at one moment: totals since some start that is not known."""

    completed: int = 0
    """Answers that clients got, whoever made them: the destination, or Envoy in its stead."""
    failed: int = 0
    """Those of class 5xx: also for connections refused, reset, timed out."""
    unavailable: int = 0
    """Those with 503."""
    timeouts: int = 0
    """Those with 504."""
    resets: int = 0
    """Requests that the destination broke off alone (HTTP/2)."""
    closed: int = 0
    """Connections that the destination closed in the middle of a request."""
    timed_out: int = 0
    """Requests that took longer than their route allows."""
    retried: int = 0
    buckets: Mapping[float, int] = field(default_factory=dict)
    """Cumulative, by upper edge in seconds."""


def increment(before: Sample, now: Sample) -> Counts:
    """What happened between two samples of one series.

    An answer that breaks off after its status was sent counts as completed and well; the client got half
    of it. Resets and timeouts that neither an error answer nor a retry accounts for are such ones: they
    count as errors, never more of them than can be told for sure.
    """
    if now.completed < before.completed:
        before = Sample()
    failed = _rise(before.failed, now.failed)
    broken = _rise(before.resets, now.resets) + _rise(before.closed, now.closed)
    cut = max(0, broken - _rise(before.unavailable, now.unavailable) - _rise(before.retried, now.retried))
    late = max(0, _rise(before.timed_out, now.timed_out) - _rise(before.timeouts, now.timeouts))
    requests = _rise(before.completed, now.completed)
    buckets = tuple((edge, _rise(before.buckets.get(edge, 0), count)) for edge, count in sorted(now.buckets.items()))
    return Counts(requests, min(failed + cut + late, requests), buckets)


class Increments:
    """Remembers the latest sample of every series."""

    def __init__(self) -> None:
        self._latest: dict[str, Sample] = {}

    def add(self, samples: Mapping[str, Sample], watched: frozenset[str]) -> dict[str, Counts]:
        """The increments of the watched series since their samples before; what is not watched is forgotten."""
        found = {
            name: increment(self._latest[name], sample) for name, sample in samples.items() if name in self._latest
        }
        self._latest = {name: sample for name, sample in samples.items() if name in watched}
        return {name: counts for name, counts in found.items() if name in watched}


def _rise(before: int, now: int) -> int:
    return now - before if now >= before else now
