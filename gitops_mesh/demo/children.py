"""Child processes that never outlive the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from gitops_mesh.cluster.standalone.keeper import holder
from gitops_mesh.demo import minder
from gitops_mesh.errors import GitOpsMeshError


class Children:
    """Starts processes, each the head of a group of its own, so that Ctrl-C reaches this process only.

    On leaving, all are ended in reverse order; if this process is killed instead, a minder ends them.
    """

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._locks: dict[str, Path] = {}
        self._minder = subprocess.Popen(
            [sys.executable, "-m", minder.__name__], stdin=subprocess.PIPE, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self, name: str, command: Sequence[str], log: Path, *, piped: bool = False, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process with its output (its errors only, when `piped`) appended to `log`."""
        with log.open("ab") as out:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        self._tell(f"+{child.pid}")
        self._children[name] = child
        return child

    def adopt(self, name: str, lock: Path) -> None:
        """Mind a process that is no child of this one: the one that holds (or is about to take) this lock."""
        self._tell(f"+{lock.absolute()}")
        self._locks[name] = lock.absolute()

    @property
    def groups(self) -> dict[str, int]:
        """The process group of everything that is minded, by name."""
        held = {name: holder(lock) for name, lock in self._locks.items()}
        own = {name: child.pid for name, child in self._children.items()}
        return {**{name: group for name, group in held.items() if group}, **own}

    @property
    def minder(self) -> int:
        """The process id of the minder."""
        return self._minder.pid

    def check(self) -> None:
        """Raise GitOpsMeshError when a child has ended by itself."""
        for name, child in self._children.items():
            code = child.poll()
            if code is not None:
                raise GitOpsMeshError(f"{name} ended by itself with exit code {code}", remedy="see its log")
        for name, lock in self._locks.items():
            if holder(lock) is None:
                raise GitOpsMeshError(f"{name} ended by itself", remedy=f"see its log in {lock.parent}")

    def stop(self, name: str) -> None:
        """End one child and whatever it started; nothing when it is not there."""
        lock = self._locks.pop(name, None)
        if lock is not None:
            minder.end(minder.groups_of([str(lock)], patience=0))
            self._tell(f"-{lock}")
        child = self._children.pop(name, None)
        if child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(minder.GRACE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        minder.end([child.pid])
        if child.stdout:
            child.stdout.close()
        self._tell(f"-{child.pid}")

    def close(self) -> None:
        """End every child, the latest first, then the minder. A second call does nothing."""
        for name in (*reversed(list(self._children)), *self._locks):
            self.stop(name)
        if self._minder.stdin and not self._minder.stdin.closed:
            with suppress(BrokenPipeError):
                self._minder.stdin.close()
            self._minder.wait()

    def _tell(self, line: str) -> None:
        pipe = self._minder.stdin
        if pipe is None or pipe.closed:
            return
        with suppress(BrokenPipeError):  # the minder was killed; this process still ends its children itself
            pipe.write(f"{line}\n".encode())
            pipe.flush()
