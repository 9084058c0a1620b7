"""The supervisor's own process: it keeps one Envoy running until it is told to end.

python -m gitops_mesh.cluster.standalone.supervisor --state DIR --envoy PATH
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOCK = "supervisor.lock"
LOG = "supervisor.log"
ENDED = "Envoy ended"
"""How a line of the log begins that tells of a crash."""

_CHILD = "envoy.pid"
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each start after a crash; the last one repeats."""
_HEALTHY = 30.0
"""Seconds of life after which a crash counts as the first again."""
_PATIENCE = 5.0
"""Seconds that Envoy has to end before it is made to."""
_LARGEST_LOG = 20 * 1024 * 1024
_THREADS = 4


def holder(lock: Path) -> int | None:
    """The process that holds the lock, `None` when nobody does."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        text = lock.read_text().strip()
        return int(text) if text.isdecimal() else None
    return None


def keep(arguments: Sequence[str]) -> int:
    """Run Envoy, start it again when it crashes, end it on SIGTERM or SIGINT. The exit code."""
    parser = argparse.ArgumentParser(prog="gitops-mesh supervisor", description="Keeps one Envoy running.")
    parser.add_argument("--state", type=Path, required=True, help="the folder of bootstrap.json")
    parser.add_argument("--envoy", type=Path, required=True, help="the program to run")
    chosen = parser.parse_args(arguments)
    if os.fork():
        return 0  # whoever started it is not its parent, and has no one to wait for
    os.setsid()
    lock = _take(chosen.state / LOCK)
    if lock is None:
        return 0  # another one was faster
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    with lock:
        end_orphan(chosen.state)
        _run(chosen.state, chosen.envoy, ending)
    return 0


def _take(path: Path) -> BinaryIO | None:
    file = path.open("a+b")
    for _ in range(20):  # those who only ask who holds it, hold it for a moment
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.05)
    else:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()).encode())
    file.flush()
    return file


def _run(state: Path, envoy: Path, ending: threading.Event) -> None:
    crashes = 0
    while not ending.is_set():
        began = time.monotonic()
        child = _start(state, envoy)
        (state / _CHILD).write_text(str(child.pid))
        while child.poll() is None and not ending.wait(0.2):
            pass
        _end(child)
        (state / _CHILD).unlink(missing_ok=True)
        crashes = 0 if time.monotonic() - began > _HEALTHY else crashes
        if not ending.is_set():
            _note(state, f"{ENDED} with {child.returncode}; it is started again")
        ending.wait(_BACKOFF[min(crashes, len(_BACKOFF) - 1)])
        crashes += 1


def _start(state: Path, envoy: Path) -> subprocess.Popen[bytes]:
    """Its log goes to a file through stderr, which Envoy does not hold back as it does its own log file."""
    path = state / "envoy.log"
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".log.old"))
    command = [str(envoy), "--config-path", str(state / "bootstrap.json"), "--log-level", "warning"]
    command += ["--disable-hot-restart", "--reject-unknown-dynamic-fields", "--skip-deprecated-logs"]
    command += ["--concurrency", str(min(_THREADS, os.cpu_count() or 1))]
    with path.open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE)
    if child.poll() is None:
        child.kill()
        child.wait()


def end_orphan(state: Path) -> None:
    """An Envoy that outlived a supervisor that was killed would keep the ports. Only ours is ended."""
    try:
        pid = int((state / _CHILD).read_text())
    except (OSError, ValueError):
        return
    if not _is_ours(pid, state):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + _PATIENCE
    while not _is_over(pid) and time.monotonic() < until:
        time.sleep(0.02)


def _is_ours(pid: int, state: Path) -> bool:
    try:
        return str(state / "bootstrap.json").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _is_over(pid: int) -> bool:
    """Gone, or a zombie that nobody waits for, once its last thread has ended: only then its ports are free."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX" and len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    except OSError:
        return True


def _note(state: Path, text: str) -> None:
    with (state / LOG).open("a") as log:
        log.write(f"{text}\n")
