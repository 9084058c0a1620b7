"""The real clock: the only module that asks the operating system for the time."""

from __future__ import annotations

import time


class SystemClock:
    """The Clock port on the machine's clocks."""

    def now(self) -> float:
        return time.time()  # noqa: TID251 - this is the clock

    def monotonic(self) -> float:
        return time.monotonic()
