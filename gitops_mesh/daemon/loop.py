"""The decision loop: tick, wait, tick; everything else only wakes it.

Fatal at the start are a wrong configuration, a state folder or a port that somebody else has. Whatever is
away or fails later is tried again with backoff, said once, and said again when it is over: a daemon that
ends leaves a rollout without its judge.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from gitops_mesh.daemon.bell import Bell
from gitops_mesh.daemon.fetching import Fetcher
from gitops_mesh.daemon.troubles import FIRST, Trouble
from gitops_mesh.daemon.watching import polling, watching
from gitops_mesh.errors import GitOpsMeshError, SourceError
from gitops_mesh.model.revisions import Fetch
from gitops_mesh.model.settings import Settings
from gitops_mesh.model.status import Status
from gitops_mesh.ports import Clock
from gitops_mesh.web.health import Health
from gitops_mesh.web.server import serve

log = logging.getLogger(__name__)


class Watched(Protocol):
    """As much of a Source as the daemon needs."""

    def head(self) -> str: ...

    def watch_path(self) -> Path | None: ...


class Driven(Protocol):
    """What the daemon drives (see `app.App`)."""

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def source(self) -> Watched: ...

    @property
    def problems(self) -> Mapping[str, str]:
        """Why the latest tick did not reach a cluster, by its name; empty when it did."""
        ...

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread, when a cluster changed."""
        ...

    def refresh(self) -> Fetch: ...

    def tick(self) -> float: ...

    def status(self) -> Status: ...


def run(app: Driven, *, backoff: float = FIRST) -> None:
    """Drive the app until SIGTERM or SIGINT, which let the tick under way finish. Raises Busy for the server's port.

    `backoff` is the first wait after a failure, in seconds. Runs in the main thread, because of the signals.
    """
    bell = Bell()
    health = Health(app.clock)
    source = app.settings.source
    with ExitStack() as stack:
        if app.settings.server:
            stack.enter_context(serve(app.settings.server, app.status, health))
        fetcher = Fetcher(app.refresh, bell.ring, health.fetched, backoff)
        ending = stack.enter_context(_signals(bell, fetcher.ask))
        stack.enter_context(fetcher.running())
        stack.enter_context(polling(source.interval, fetcher.ask))
        stack.enter_context(watching(app.source.watch_path(), source.branch, fetcher.ask))
        app.subscribe(bell.ring)
        log.info("gitops-mesh drives %s", ", ".join(cluster.name for cluster in app.settings.clusters))
        _Loop(app, bell, health, backoff).until(ending)
    log.info("ended; traffic goes on as it is")


class _Loop:
    def __init__(self, app: Driven, bell: Bell, health: Health, backoff: float) -> None:
        self._app = app
        self._bell = bell
        self._health = health
        self._pass = Trouble("a pass failed", "passes succeed again", backoff)
        self._clusters = {
            cluster.name: Trouble(f"cluster {cluster.name} is away", f"cluster {cluster.name} is back", backoff)
            for cluster in app.settings.clusters
        }

    def until(self, ending: Callable[[], bool]) -> None:
        while not ending():
            delay = self._once()
            self._health.passed()
            if delay > 0 and not ending():
                self._bell.wait(delay)

    def _once(self) -> float:
        """One pass, if there is a revision to look at; the seconds after which the next one is useful."""
        try:
            if not _has_head(self._app.source):
                return FIRST
            began = self._app.clock.monotonic()
            delay = self._app.tick()
            self._health.ticked(self._app.clock.monotonic() - began, reached=self._reached())
            self._pass.over()
        except GitOpsMeshError as error:
            return self._pass.again(str(error))
        except Exception as error:  # the loop must outlive a mistake of ours; it is logged whole and tried again
            log.exception("a pass failed unexpectedly")
            return self._pass.again(repr(error))
        return delay

    def _reached(self) -> bool:
        """Say which clusters went away or came back; whether any was reached."""
        for name, trouble in self._clusters.items():
            problem = self._app.problems.get(name, "")
            if problem:
                trouble.again(problem)
            else:
                trouble.over()
        return any(not self._app.problems.get(name) for name in self._clusters)


def _has_head(source: Watched) -> bool:
    """Whether there is a revision, from an earlier life maybe: rollouts go on while the remote is away."""
    try:
        return bool(source.head())
    except SourceError:
        return False


@contextmanager
def _signals(bell: Bell, poll: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """SIGHUP polls; SIGTERM and SIGINT ask to end, the second time at once. Yields whether to end."""
    asked: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        bell.ring()

    def poll_now(_: int, __: FrameType | None) -> None:
        poll()

    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: poll_now}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
