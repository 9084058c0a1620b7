"""From counters of many processes to increments. Pure.

before → now      increment
40     → 65       25
65     → 10       10: the counter began again at 0, since its process did, or dropped it for a while
65     → 60       0, and 65 is kept: half or more left is no restart but another replica of Prometheus, which lags
40     → 40       0: Prometheus has scraped nothing new
none   → 3        3, where the process was there the time before and had no such counter: the first failure, say
none   → 40       none, where the process was not there: it may have counted for days before it was scraped
40     → missing  none; 40 is kept for an hour, since one failed scrape takes all counters of a process away

Restarts and lags are of whole processes, so what one process counts of one destination is looked at together. Judged
alone, a replica that shows 90 of 100 requests and 1 of 3 failed ones would lag by the first and begin again by the
others. It lags while nothing rises, and what falls has half or more left, together. Falls beside rises are a restart:
then what fell in a supposed lag has begun again, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    fell: bool = False
    """Whether it was seen below `value`, in what was taken for a lag."""


Old = Sequence[tuple[Value, _Known]]
"""Counters of one process and destination, with what they said before."""


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
        groups: dict[tuple[Identity, Counted, str], list[Value]] = defaultdict(list)
        for value in values:
            groups[value.identity, value.counted, value.process].append(value)
        for (identity, _, _), group in groups.items():
            for value, rise in self._rises(group, now):
                if identity in sums:
                    _count(sums[identity], value, rise)
        for identity in asked:
            self._last.setdefault(identity, {})
            self._since.setdefault(identity, now)
        self._seen.update(dict.fromkeys(((counted, process) for _, counted, process in groups), now))
        return sums

    def forget(self, identities: Collection[Identity] | None = None) -> None:
        """Forget these destinations, or all."""
        for identity in list(self._last if identities is None else identities):
            del self._last[identity]
            del self._since[identity]

    def _rises(self, group: Sequence[Value], now: float) -> Iterator[tuple[Value, int]]:
        """What each counter of one process and destination rose by."""
        known = self._last.setdefault(group[0].identity, {})
        old: list[tuple[Value, _Known]] = []
        for value in group:
            before = known.get((value.counted, value.name))
            if before is None:
                known[value.counted, value.name] = _Known(value.value, now)
                yield value, round(value.value) if self._began(value) else 0
            else:
                old.append((value, before))
        yield from _risen(old, now)

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


def _risen(old: Old, now: float) -> Iterator[tuple[Value, int]]:
    fallen = [(value, before) for value, before in old if value.value < before.value]
    lags = _lags(old, fallen)
    for value, before in old:
        before.at = now
        fell = value.value < before.value
        if lags:
            before.fell = before.fell or fell
            yield value, 0
            continue
        began = fell or (before.fell and bool(fallen))
        yield value, round(value.value if began else value.value - before.value)
        before.value, before.fell = value.value, False


def _lags(old: Old, fallen: Old) -> bool:
    rises = any(value.value > before.value for value, before in old)
    left, whole = sum(value.value for value, _ in fallen), sum(before.value for _, before in fallen)
    return bool(fallen) and not rises and left >= whole / 2


def _count(sums: Sums, value: Value, rise: int) -> None:
    if value.counted is Counted.BUCKETS:
        sums.buckets[value.edge] += rise
        return
    if value.counted is Counted.REQUESTS:
        sums.requests += rise
    if value.failed:
        sums.errors += rise
