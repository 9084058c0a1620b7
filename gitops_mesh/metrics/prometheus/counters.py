"""From counters of many processes to increments. Pure.

before → now      increment
40     → 65       25
65     → 10       10: the counter began again at 0, since its process did, or dropped it for a while
65     → 60       0, and 65 is kept: half or more left is no restart but another replica of Prometheus, which lags
40     → 40       0: Prometheus has scraped nothing new
none   → 3        3, where the process was there the time before and had no such counter: the first failure, say
none   → 40       none, where the process was not there: it may have counted for days before it was scraped
40     → missing  none; 40 is kept for an hour, since one failed scrape takes all counters of a process away
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from gitops_mesh.metrics.prometheus.preset import Counted, Identity

KEPT = 3600.0
"""Seconds for which a counter that is not there any more is remembered."""
_SWEEP = 60.0
"""Seconds between looks for such ones."""

Name = bytes
"""What tells a counter from every other: a digest of all its labels."""


@dataclass(frozen=True, slots=True)
class Value:
    """One counter at one moment."""

    identity: Identity
    counted: Counted
    process: str
    name: Name
    """Unique among the values of one identity and kind."""
    edge: float
    """Of a bucket, in seconds; else 0."""
    failed: bool
    value: float


@dataclass(slots=True)
class Sums:
    """The increments of one destination since the reading before."""

    requests: int = 0
    errors: int = 0
    buckets: dict[float, int] = field(default_factory=lambda: defaultdict(int))
    """By upper edge; an edge where nothing rose is there too, since quantiles are found between edges."""


@dataclass(slots=True)
class _Known:
    """The last word of one counter."""

    value: float
    at: float


class Counters:
    """Remembers what every counter of the destinations asked for said last. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._last: dict[Identity, dict[tuple[Counted, Name], _Known]] = {}
        self._since: dict[Identity, float] = {}
        self._seen: dict[tuple[Counted, str], float] = {}
        self._swept = 0.0

    def add(self, values: Iterable[Value], asked: Collection[Identity], now: float) -> Mapping[Identity, Sums]:
        """The increments of what was asked for at the reading before, too. What is not asked for is forgotten.

        `now` rises from one call to the next.
        """
        self.forget(self._last.keys() - set(asked))
        self._expire(now)
        sums = {identity: Sums() for identity in self._last}
        processes: set[tuple[Counted, str]] = set()
        for value in values:
            processes.add((value.counted, value.process))
            rise = self._rise(value, now)
            if value.identity in sums:
                _count(sums[value.identity], value, rise)
        for identity in asked:
            self._last.setdefault(identity, {})
            self._since.setdefault(identity, now)
        self._seen.update(dict.fromkeys(processes, now))
        return sums

    def forget(self, identities: Collection[Identity] | None = None) -> None:
        """Forget these destinations, or all."""
        for identity in list(self._last if identities is None else identities):
            del self._last[identity]
            del self._since[identity]

    def _rise(self, value: Value, now: float) -> int:
        known = self._last.setdefault(value.identity, {})
        before = known.get((value.counted, value.name))
        if before is None:
            known[value.counted, value.name] = _Known(value.value, now)
            return round(value.value) if self._began(value) else 0
        before.at = now
        if value.value >= before.value:
            rise = value.value - before.value
        elif value.value < before.value / 2:
            rise = value.value
        else:
            return 0
        before.value = value.value
        return round(rise)

    def _began(self, value: Value) -> bool:
        """Whether a counter that is new began at 0 since its process was seen last."""
        seen = self._seen.get((value.counted, value.process))
        since = self._since.get(value.identity)
        return seen is not None and since is not None and since <= seen

    def _expire(self, now: float) -> None:
        if now - self._swept < _SWEEP:
            return
        self._swept = now
        self._seen = {process: at for process, at in self._seen.items() if now - at < KEPT}
        for known in self._last.values():
            for name in [name for name, one in known.items() if now - one.at >= KEPT]:
                del known[name]


def _count(sums: Sums, value: Value, rise: int) -> None:
    if value.counted is Counted.BUCKETS:
        sums.buckets[value.edge] += rise
        return
    if value.counted is Counted.REQUESTS:
        sums.requests += rise
    if value.failed:
        sums.errors += rise
