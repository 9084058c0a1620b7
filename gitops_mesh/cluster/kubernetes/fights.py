"""Fights over objects with other controllers: when to stop correcting, and for how long not to ask again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from gitops_mesh.errors import Contested
from gitops_mesh.model.objects import ObjectKey

ROUNDS, WITHIN = 3, 600.0
"""So many corrections against one manager within so many seconds, and we stop."""
QUIET = 30.0
"""Seconds for which a lost fight over the same version is not begun again."""


class Fights:
    """Remembers who was corrected and who could not be. Safe to share."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._corrections: dict[tuple[ObjectKey, str], list[float]] = {}
        self._lost: dict[ObjectKey, tuple[str, float, Contested]] = {}

    def correct(self, key: ObjectKey, managers: Iterable[str]) -> None:
        """We are about to overrule these managers once more. Raises Contested when it was too often already."""
        now = self._now()
        with self._lock:
            recent = {
                manager: [at for at in self._corrections.get((key, manager), ()) if now - at < WITHIN]
                for manager in managers
            }
            for manager, times in recent.items():
                if len(times) >= ROUNDS:
                    raise Contested(
                        f"{key}: {manager} keeps changing it; corrected {ROUNDS} times in {WITHIN / 60:.0f} minutes",
                        remedy=f"stop {manager}, or take the object out of Git",
                    )
            self._corrections |= {(key, manager): [*times, now] for manager, times in recent.items()}

    def lost(self, key: ObjectKey, version: str, error: Contested) -> None:
        """Remember that the object at this version is not ours to write."""
        with self._lock:
            self._lost[key] = (version, self._now(), error)

    def over(self, key: ObjectKey, version: str) -> Contested | None:
        """Why not to write this object at this version now, if it was found out just before."""
        with self._lock:
            known = self._lost.get(key)
            if known is None or known[0] != version or self._now() - known[1] > QUIET:
                self._lost.pop(key, None)
                return None
            return known[2]
