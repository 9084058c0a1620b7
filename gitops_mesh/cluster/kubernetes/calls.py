"""Several calls at once, none of which delays the others for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from gitops_mesh.errors import ClusterError, Unreachable
from gitops_mesh.model.objects import ObjectKey

T = TypeVar("T")

PATIENCE = 4.0
"""Seconds that a pass waits for a call that hangs, or waits for proxies; it goes on behind the loop."""
PER_CALL = 0.05
"""Seconds more for each call of a wave, for waves that are large and no call of which hangs."""


class Late(ClusterError):
    """A call has not answered yet; what comes of it is seen by the watch."""


class Calls(Generic[T]):
    """Runs calls in a pool. Calls of one chain run in order; an object with a call under way gets no second one."""

    def __init__(self, pool: ThreadPoolExecutor, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._pool = pool
        self._late: dict[ObjectKey, Future[None]] = {}

    def all(self, calls: Sequence[tuple[ObjectKey, str, Callable[[], T]]]) -> list[T | ClusterError]:
        """The answers, in order. Raises Unreachable when every call ended so."""
        answers: dict[int, T | ClusterError | Unreachable] = {}
        chains: dict[str, list[int]] = {}
        for number, (key, chain, _) in enumerate(calls):
            late = self._late.pop(key, None)
            if late is not None and not late.done():
                self._late[key] = late
                answers[number] = Late(f"{key}: a call of before is still under way")
            else:
                chains.setdefault(chain or f"\0{number}", []).append(number)
        running = {
            self._pool.submit(_chain, [(n, calls[n][2]) for n in numbers], answers): numbers
            for numbers in chains.values()
        }
        deadline = time.monotonic() + self._patience + PER_CALL * len(calls)
        _, hanging = wait(running, timeout=max(deadline - time.monotonic(), 0))
        self._late |= {calls[number][0]: future for future in hanging for number in running[future]}
        told = [
            answers[n] if n in answers else Late(f"{key}: the API server has not answered yet")
            for n, (key, _, _) in enumerate(calls)
        ]
        return _known(told)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _chain(steps: Sequence[tuple[int, Callable[[], T]]], answers: dict[int, T | ClusterError | Unreachable]) -> None:
    for number, step in steps:
        try:
            answers[number] = step()
        except (ClusterError, Unreachable) as error:
            answers[number] = error


def _known(told: Sequence[T | ClusterError | Unreachable]) -> list[T | ClusterError]:
    away = [answer for answer in told if isinstance(answer, Unreachable)]
    if away and len(away) == len(told):
        raise away[0]
    return [ClusterError(a.message, remedy=a.remedy) if isinstance(a, Unreachable) else a for a in told]
