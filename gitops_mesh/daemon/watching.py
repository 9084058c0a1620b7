"""What asks for a fetch: the clock, and a repository on this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

_KINDS = frozenset({"created", "modified", "moved"})
"""Kinds of events that mean a change; a fetch itself opens and closes the same files."""


@contextmanager
def polling(seconds: float, ask: Callable[[], None]) -> Iterator[None]:
    """Ask every so many seconds."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        ask, "interval", seconds=seconds, max_instances=1, coalesce=True, misfire_grace_time=None, id="poll"
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


@contextmanager
def watching(folder: Path | None, branch: str, ask: Callable[[], None]) -> Iterator[None]:
    """Ask when this branch moves in the Git directory `folder`; `None` watches nothing."""
    observer = Observer()
    try:
        if folder is not None:
            _schedule(observer, folder, branch, ask)
            observer.start()
    except OSError as error:
        log.warning("%s cannot be watched, so it is polled only: %s", folder, error)
    try:
        yield
    finally:
        if observer.is_alive():
            observer.stop()
            observer.join(timeout=5)


def _schedule(observer: BaseObserver, folder: Path, branch: str, ask: Callable[[], None]) -> None:
    handler = _Moves(folder, branch, ask)
    observer.schedule(handler, str(folder))
    for below in ("refs", "reftable"):
        if (folder / below).is_dir():
            observer.schedule(handler, str(folder / below), recursive=True)


class _Moves(FileSystemEventHandler):
    """Calls back when the branch's ref may have moved, however this repository keeps its refs."""

    def __init__(self, folder: Path, branch: str, ask: Callable[[], None]) -> None:
        self._files = {str(folder / "refs" / "heads" / branch), str(folder / "packed-refs")}
        self._tables = str(folder / "reftable") + os.sep
        self._ask = ask

    def on_any_event(self, event: FileSystemEvent) -> None:
        paths = {os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")}
        moved = paths & self._files or any(path.startswith(self._tables) for path in paths)
        if event.event_type in _KINDS and moved:
            self._ask()
