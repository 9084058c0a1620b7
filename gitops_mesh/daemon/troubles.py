"""Saying once that something is wrong, and once that it is over."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

FIRST, MOST = 1.0, 60.0
"""Seconds between tries while something is wrong: the first, doubled up to the most."""


class Trouble:
    """One thing that may go wrong, tried again with backoff; not safe to share between threads."""

    def __init__(self, what: str, back: str, first: float = FIRST) -> None:
        self._what = what
        self._back = back
        self._first = first
        self._tries = 0
        self._told = ""

    def again(self, problem: str) -> float:
        """It is (still) wrong: say so if that is news; the seconds after which to try again."""
        delay = min(self._first * 2.0 ** min(self._tries, 30), MOST)
        self._tries += 1
        if problem != self._told:
            log.warning("%s, tried again with backoff: %s", self._what, problem)
            self._told = problem
        return delay

    def over(self) -> bool:
        """It is well: say so if it was not, and whether it was not."""
        was = self._tries > 0
        if was:
            log.info("%s after %d %s", self._back, self._tries, "failure" if self._tries == 1 else "failures")
        self._tries = 0
        self._told = ""
        return was
