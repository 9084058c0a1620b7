"""Whether the decision loop lives."""

from __future__ import annotations

from gitops_mesh.ports import Clock

STALE = 120.0
"""Seconds without a finished tick after which the loop counts as stuck."""


class Health:
    """What the loop reports and the probes read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._last: float | None = None
        self.ticks = 0
        self.seconds = 0.0
        """Spent in ticks, together."""

    def ticked(self, seconds: float) -> None:
        self._last = self._clock.monotonic()
        self.ticks += 1
        self.seconds += seconds

    @property
    def age(self) -> float:
        """Seconds since the last tick, or since the start."""
        return self._clock.monotonic() - (self._last if self._last is not None else self._started)

    @property
    def alive(self) -> bool:
        return self.age < STALE

    @property
    def ready(self) -> bool:
        return self._last is not None
