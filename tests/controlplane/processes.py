"""A process of the test mesh: its log in a file, its end certain."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PDEATHSIG = 1


class Process:
    """Starts at once; ends with the test process, whatever happens to that."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread of ours holds a lock here
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end, then make it."""
        if self.running:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def until(self, ready: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until it is ready. Raises RuntimeError, with the end of its log, when it ended or took too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.log.stem} is not ready:\n{said}")
            time.sleep(0.05)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


def until(seen: Callable[[], object], seconds: float = 20.0, what: str = "") -> None:
    """Wait until something is seen. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, f"not seen within {seconds:.0f} s: {what or seen}"
        time.sleep(0.02)
