"""What wakes a thread that waits."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue


class Bell:
    """Rung from any thread, and from signal handlers: unlike an Event's, a SimpleQueue's lock is never held
    by the very code that the handler interrupts. Rings that nobody waited for count as one.
    """

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake whoever waits, or whoever waits next."""
        self._rings.put(None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a ring, at most so long (`None`: for ever); whether there was one."""
        try:
            self._rings.get(timeout=seconds if seconds is None else max(seconds, 0.0))
        except Empty:
            return False
        with suppress(Empty):
            while True:
                self._rings.get_nowait()
        return True
