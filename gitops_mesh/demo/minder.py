"""Ends other processes when the one that started it is gone, however it went.

Run as `python -m gitops_mesh.demo.minder`. Its standard input is a pipe that only its parent holds:
lines `+GROUP` and `-GROUP` name process groups to mind and to forget, `+/LOCK` and `-/LOCK` a file that
is locked by the leader of one, who may not be there yet. At the end of input (the parent closed it,
crashed or was killed) every group still minded is ended, gently first.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TextIO

from gitops_mesh.cluster.standalone.keeper import holder

GRACE = 5.0
"""Seconds between the request to end and the end."""
PATIENCE = 2.0
"""Seconds in which a process that was about to start may take its lock."""


def mind(lines: Iterable[str]) -> set[str]:
    """Follow the lines until they end; the groups and locks that are left."""
    minded: set[str] = set()
    for line in lines:
        sign, name = line[:1], line[1:].strip()
        if not (name.isdecimal() or name.startswith("/")):
            continue
        if sign == "+":
            minded.add(name)
        elif sign == "-":
            minded.discard(name)
    return minded


def groups_of(minded: Iterable[str], patience: float = PATIENCE) -> set[int]:
    """The process groups that are meant; a lock gets some seconds to find its holder."""
    names = set(minded)
    locks = {Path(name) for name in names if name.startswith("/")}
    found = {int(name) for name in names if name.isdecimal()}
    deadline, pause = monotonic() + patience, Event()
    while locks:
        held = {lock: group for lock in locks if (group := holder(lock))}
        found |= set(held.values())
        locks -= held.keys()
        if monotonic() > deadline:
            break
        pause.wait(0.05)
    return found


def end(groups: Iterable[int], grace: float = GRACE) -> None:
    """End process groups: SIGTERM, and SIGKILL to those that are still there after `grace` seconds."""
    left = {group for group in groups if _signal(group, signal.SIGTERM)}
    deadline = monotonic() + grace
    pause = Event()
    while left and monotonic() < deadline:
        left = {group for group in left if alive(group)}
        if left:
            pause.wait(0.05)
    for group in left:
        _signal(group, signal.SIGKILL)


def alive(group: int) -> bool:
    """Whether the process group has a member that has not ended (one that only waits to be reaped has)."""
    if not _signal(group, 0):
        return False
    stats = list(_stats())
    return not stats or any(int(fields[2]) == group and fields[0] not in "ZX" for fields in stats)


def _stats() -> Iterable[list[str]]:
    """State, parent, process group … of every process, where the system has `/proc`; else nothing."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process ended meanwhile
            yield path.read_text().rpartition(")")[2].split()


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main(lines: TextIO = sys.stdin) -> None:
    """Outlive whatever the terminal sends, and end what is left at the end of input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    minded = mind(lines)
    end({int(name) for name in minded if name.isdecimal()})
    end(groups_of(minded))


if __name__ == "__main__":
    main()
