"""The daemon: schedules, watches and signals that only wake the one decision loop."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from gitops_mesh.app import App
from gitops_mesh.errors import GitOpsMeshError, SourceError, Unreachable
from gitops_mesh.web.health import Health
from gitops_mesh.web.server import serve

log = logging.getLogger(__name__)

BACKOFF = (1.0, 60.0)
"""Seconds between tries while something is away: the first, and the most."""


class Poller:
    """Fetches the source off the decision loop; an outage is said once, and its end."""

    def __init__(self, app: App, wake: Callable[[], None], retry: Callable[[float], None]) -> None:
        self._app = app
        self._wake = wake
        self._retry = retry
        self._one = threading.Lock()
        self._failures = 0
        self.fetched = threading.Event()
        """Set once a fetch has succeeded."""

    def poll(self) -> None:
        """One fetch; never two at once. A failure is tried again with backoff."""
        if not self._one.acquire(blocking=False):
            return
        try:
            fetched = self._app.refresh()
        except (Unreachable, SourceError) as error:
            self._failures += 1
            if self._failures == 1:
                log.warning("the source cannot be fetched, and is tried again: %s", error)
            self._retry(min(BACKOFF[0] * 2 ** (self._failures - 1), BACKOFF[1]))
        else:
            if self._failures:
                log.info("the source is back after %d failed fetches", self._failures)
            self._failures = 0
            self.fetched.set()
            if fetched.rewritten:
                log.warning("the branch was rewritten: %s does not descend from what was seen", fetched.revision)
            if fetched.changed:
                log.info("HEAD is %s", fetched.revision)
                self._wake()
        finally:
            self._one.release()


class _Changed(FileSystemEventHandler):
    """Calls back when a ref of a local repository moves."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = str(event.src_path) + str(getattr(event, "dest_path", ""))
        if event.event_type in ("modified", "moved", "created") and ("refs" in path or "packed-refs" in path):
            self._changed()


def run(app: App) -> None:
    """Drive the app until SIGTERM or SIGINT. Raises Busy when the server's port is in use."""
    wake, ending = threading.Event(), threading.Event()
    health = Health(app.clock)
    with ExitStack() as stack:
        if app.settings.server:
            stack.enter_context(serve(app.settings.server, app.status, health))
        poller = _schedule(app, wake, stack)
        _signals(stack, wake, ending, poller.poll)
        log.info("gitops-mesh drives %s", ", ".join(r.cluster.name for r in app.reconcilers))
        _loop(app, wake, ending, health, poller)
    log.info("ended; traffic goes on as it is")


def _loop(app: App, wake: threading.Event, ending: threading.Event, health: Health, poller: Poller) -> None:
    failures = 0
    while not ending.is_set():
        wake.clear()
        delay = BACKOFF[0]
        try:
            if poller.fetched.is_set() or _has_head(app):
                began = app.clock.monotonic()
                delay = app.tick()
                health.ticked(app.clock.monotonic() - began)
                failures = 0
        except GitOpsMeshError as error:
            failures += 1
            delay = min(BACKOFF[0] * 2 ** (failures - 1), BACKOFF[1])
            log.error("a pass failed, and is tried again in %.0f s: %s", delay, error)  # noqa: TRY400 - said whole
        except Exception:  # the loop must outlive a mistake of ours; it is logged whole and tried again
            failures += 1
            delay = min(BACKOFF[0] * 2 ** (failures - 1), BACKOFF[1])
            log.exception("a pass failed unexpectedly, and is tried again in %.0f s", delay)
        if delay > 0:
            wake.wait(delay)


def _has_head(app: App) -> bool:
    """Whether the mirror has a revision from an earlier life: rollouts go on while the remote is away."""
    try:
        return bool(app.source.head())
    except SourceError:
        return False


def _schedule(app: App, wake: threading.Event, stack: ExitStack) -> Poller:
    scheduler = BackgroundScheduler(timezone=UTC)

    def once(seconds: float) -> None:
        at = datetime.fromtimestamp(app.clock.now() + seconds, UTC)
        scheduler.add_job(poller.poll, "date", run_date=at, id="retry", replace_existing=True)

    poller = Poller(app, wake.set, once)
    interval = app.settings.source.interval
    scheduler.add_job(poller.poll, "interval", seconds=interval, max_instances=1, coalesce=True, id="poll")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler.start()
    stack.callback(scheduler.shutdown, wait=False)
    once(0)
    place = app.source.watch_path()
    if place is not None:
        _watch(place, lambda: once(0.05), stack)
    return poller


def _watch(place: Path, changed: Callable[[], None], stack: ExitStack) -> None:
    observer = Observer()
    try:
        observer.schedule(_Changed(changed), str(place), recursive=True)
        observer.start()
    except OSError as error:
        log.warning("%s is polled only, since it cannot be watched: %s", place, error)
        return
    stack.callback(observer.stop)


def _signals(stack: ExitStack, wake: threading.Event, ending: threading.Event, poll: Callable[[], None]) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()
        wake.set()

    def poll_now(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=poll, daemon=True).start()

    for number, handler in ((signal.SIGTERM, end), (signal.SIGINT, end), (signal.SIGHUP, poll_now)):
        before = signal.signal(number, handler)
        stack.callback(signal.signal, number, before)


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)


class _Text(logging.Formatter):
    """`2026-01-02T03:04:05Z INFO message`, with what would not print escaped."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        safe = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in message)
        return f"{at} {record.levelname} {safe}"


def log_to_stderr(form: str) -> None:
    """One line for each event on the standard error, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("uvicorn", "watchdog", "git", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
