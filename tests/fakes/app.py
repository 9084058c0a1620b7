"""An App that does what a test tells it, and says when it did."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from gitops_mesh.clock import SystemClock
from gitops_mesh.errors import SourceError
from gitops_mesh.model.revisions import Fetch
from gitops_mesh.model.settings import ClusterSettings, Settings, SourceSettings
from gitops_mesh.model.status import ClusterStatus, Status

T = TypeVar("T")
HEAD = "5e1f" * 10


def settings(folder: Path, *, server: str = "", interval: float = 3600.0) -> Settings:
    source = SourceSettings(str(folder / "repo"), interval=interval)
    return Settings(folder / "gitops-mesh.yaml", folder / "state", source, (ClusterSettings("demo"),), server=server)


def status(*clusters: ClusterStatus) -> Status:
    return Status(HEAD, "Move reviews to v2", "", clusters)


class FakeSource:
    def __init__(self) -> None:
        self.revision = ""
        self.folder: Path | None = None

    def head(self) -> str:
        if not self.revision:
            raise SourceError("never fetched")
        return self.revision

    def watch_path(self) -> Path | None:
        return self.folder


class FakeApp:
    """`on_refresh` and `on_tick` are what happens at each call, the last one again and again; what they return
    or raise goes to the daemon. `happened` gets a word for each call.
    """

    def __init__(self, folder: Path, *, server: str = "", interval: float = 3600.0) -> None:
        self.settings = settings(folder, server=server, interval=interval)
        self.clock = SystemClock()
        self.source = FakeSource()
        self.problems: dict[str, str] = {"demo": ""}
        self.happened: SimpleQueue[str] = SimpleQueue()
        self.refreshes = 0
        self.on_refresh: list[Callable[[], Fetch]] = [self.fetched]
        self.on_tick: list[Callable[[], float]] = [ended]

    def fetched(self) -> Fetch:
        changed = self.source.revision != HEAD
        self.source.revision = HEAD
        return Fetch(HEAD, changed)

    def subscribe(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def refresh(self) -> Fetch:
        self.happened.put("refresh")
        self.refreshes += 1
        return _next(self.on_refresh)()

    def tick(self) -> float:
        self.happened.put("tick")
        return _next(self.on_tick)()

    def status(self) -> Status:
        return status(ClusterStatus("demo", "", True, False, (), (), (), (), True, ""))

    def calls(self) -> list[str]:
        """What happened so far."""
        found = []
        while not self.happened.empty():
            found.append(self.happened.get())
        return found


def _next(queue: list[T]) -> T:
    return queue.pop(0) if len(queue) > 1 else queue[0]


def ended() -> float:
    """A tick in which somebody ends the daemon."""
    os.kill(os.getpid(), signal.SIGTERM)
    return 3600.0


def raising(error: Exception) -> Callable[[], float]:
    def tick() -> float:
        raise error

    return tick
