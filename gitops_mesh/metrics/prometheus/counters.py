"""From counters of many processes to increments of each destination. Pure.

A counter that fell began again at 0. One that is seen for the first time began at 0 where its process was known
before, since then it is new; of a process that was not known, nothing is known of the time before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Name = tuple[tuple[str, str, str], str, str, tuple[tuple[str, str], ...]]
"""(destination, what is counted, edge of a bucket, all labels)"""
Value = tuple[Name, str, float]
"""(counter, the process that counts, the count)"""


@dataclass(slots=True)
class Counters:
    """Remembers what every counter said last."""

    _last: dict[Name, float] = field(default_factory=dict)
    _processes: set[str] = field(default_factory=set)

    def add(self, values: Iterable[Value]) -> Mapping[Name, int]:
        """The increments since the call before, of the counters that have one."""
        found: dict[Name, int] = {}
        seen: set[str] = set()
        for series, process, value in values:
            seen.add(process)
            before = self._last.get(series, 0.0 if process in self._processes else value)
            found[series] = round(value if value < before else value - before)
            self._last[series] = value
        self._processes |= seen
        return found

    def keep(self, known: Iterable[Name]) -> None:
        """Forget every series but these, which a reading has just brought."""
        wanted = set(known)
        for series in [series for series in self._last if series not in wanted]:
            del self._last[series]
