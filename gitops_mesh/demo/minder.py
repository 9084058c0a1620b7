"""Ends other processes when the one that started it is gone, however it went.

Run as `python -m gitops_mesh.demo.minder`. Its standard input is a pipe that only its parent holds:
lines `+PGID` and `-PGID` name process groups to mind and to forget. At the end of input (the parent
closed it, crashed or was killed) every group still minded is ended, gently first.
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

GRACE = 5.0
"""Seconds between the request to end and the end."""


def mind(lines: Iterable[str]) -> set[int]:
    """Follow the lines until they end; the groups that are left."""
    groups: set[int] = set()
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if number.isdigit() and sign == "+":
            groups.add(int(number))
        elif number.isdigit() and sign == "-":
            groups.discard(int(number))
    return groups


def end(groups: Iterable[int], grace: float = GRACE) -> None:
    """End process groups: SIGTERM, and SIGKILL to those that are still there after `grace` seconds."""
    left = {group for group in groups if _signal(group, signal.SIGTERM)}
    deadline = monotonic() + grace
    pause = Event()
    while left and monotonic() < deadline:
        pause.wait(0.05)
        left = {group for group in left if alive(group)}
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
    end(mind(lines))


if __name__ == "__main__":
    main()
