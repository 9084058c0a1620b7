"""A steady load through the mesh, from a thread of its own, that remembers what it was answered."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from time import monotonic
from typing import Self

from gitops_mesh.demo import wire

RECENT = 2000
"""Latencies that are kept of each backend."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked, and how often."""

    name: str
    port: int
    host: str
    path: str
    rate: float
    """Requests a second."""
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back so far."""

    served: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """(backend, status) → answers that carry a backend's mark."""
    foreign: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """(target, status) → answers that no backend gave: Envoy's own."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """target → requests without any answer."""
    latencies: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """backend → its latest latencies in seconds, as the caller saw them."""

    @property
    def foreign_503(self) -> int:
        """Answers of 503 that no backend sent."""
        return sum(count for (_, status), count in self.foreign.items() if status == 503)

    @property
    def total(self) -> int:
        return sum((*self.served.values(), *self.foreign.values(), *self.lost.values()))


class Load:
    """Sends at a steady rate, whatever is answered; `with` starts and ends it."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = tuple(targets)
        self._lock = Lock()
        self._served: Counter[tuple[str, int]] = Counter()
        self._foreign: Counter[tuple[str, int]] = Counter()
        self._lost: Counter[str] = Counter()
        self._latencies: dict[str, deque[float]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._work, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):  # the loop ended by itself
            self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(wire.TIMEOUT)

    def answers(self) -> Answers:
        """A copy of what came back so far."""
        with self._lock:
            latencies = {backend: tuple(seen) for backend, seen in self._latencies.items()}
            return Answers(dict(self._served), dict(self._foreign), dict(self._lost), latencies)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._all())
        self._loop.close()

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    async def _all(self) -> None:
        await asyncio.gather(
            *(self._send(target, lane) for target in self._targets for lane in range(target.connections))
        )

    async def _send(self, target: Target, lane: int) -> None:
        """One lane: a request each period; one that comes late does not shift those after it."""
        period = target.connections / target.rate
        due = monotonic() + period * lane / target.connections
        line = _Line(target)
        try:
            while True:
                await asyncio.sleep(max(0.0, due - monotonic()))
                due = max(due + period, monotonic() - 1.0)
                began = monotonic()
                self._count(target, await line.ask(), monotonic() - began)
        finally:
            line.hang_up()

    def _count(self, target: Target, got: wire.Message | None, seconds: float) -> None:
        with self._lock:
            if got is None:
                self._lost[target.name] += 1
                return
            backend = got.headers.get(wire.SERVED_BY, "")
            if not backend:
                self._foreign[target.name, got.status] += 1
                return
            self._served[backend, got.status] += 1
            self._latencies.setdefault(backend, deque(maxlen=RECENT)).append(seconds)


class _Line:
    """A connection that is kept, and opened again when the other side closed it between two requests."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> wire.Message | None:
        """The answer; `None` when there is none.

        A kept connection that the other side closed before it answered a byte is no loss: the request
        is sent again on a new one, as any HTTP client does (RFC 9112, section 9.3.1).
        """
        kept = self._open is not None
        for attempt in (1, 2) if kept else (2,):
            try:
                return await self._ask()
            except (OSError, EOFError, TimeoutError, wire.Malformed) as error:
                self.hang_up()
                if attempt == 2 or not _was_stale(error):
                    return None
        return None

    async def _ask(self) -> wire.Message:
        async with asyncio.timeout(wire.TIMEOUT):
            if self._open is None:
                self._open = await asyncio.open_connection("127.0.0.1", self._target.port)
            reader, writer = self._open
            writer.write(wire.request(self._target.host, self._target.path))
            await writer.drain()
            got = await wire.read(reader)
        if got.closes:
            self.hang_up()
        return got

    def hang_up(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _was_stale(error: Exception) -> bool:
    unanswered = isinstance(error, asyncio.IncompleteReadError) and not error.partial
    return unanswered or isinstance(error, ConnectionError)
