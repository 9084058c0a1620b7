"""Whether the decision loop lives, and what it has done."""

from __future__ import annotations

from gitops_mesh.ports import Clock

STALE = 120.0
"""Seconds without a finished pass after which the loop counts as stuck; it waits at most 60 between two."""


class Health:
    """What the loop and the fetcher report, and the probes read. Single assignments, so that no lock is needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passed = clock.monotonic()
        self._fetched: float | None = None
        self.ready = False
        """Whether a tick has reached a cluster since the start."""
        self.ticks = 0
        """Ticks that did not fail."""
        self.seconds = 0.0
        """Spent in them, together."""

    def passed(self) -> None:
        """The loop went round, whatever came of it."""
        self._passed = self._clock.monotonic()

    def ticked(self, seconds: float, *, reached: bool) -> None:
        """A tick did not fail; `reached`: it saw at least one cluster."""
        self.ticks += 1
        self.seconds += seconds
        self.ready = self.ready or reached

    def fetched(self) -> None:
        """The source was fetched."""
        self._fetched = self._clock.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the loop last went round, or since the start."""
        return self._clock.monotonic() - self._passed

    @property
    def source_age(self) -> float | None:
        """Seconds since the last fetch that succeeded, `None` before the first."""
        return None if self._fetched is None else self._clock.monotonic() - self._fetched

    @property
    def alive(self) -> bool:
        return self.age < STALE
