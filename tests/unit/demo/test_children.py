"""Nothing that the demo starts outlives it, whichever way it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from gitops_mesh.demo import minder
from gitops_mesh.demo.children import Children
from gitops_mesh.errors import GitOpsMeshError

FAMILY = [sys.executable, "-c", "import subprocess, sys; subprocess.run(['sleep', '600'])"]
"""A process with a child of its own, in one group."""
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


def until(there: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    pause = threading.Event()
    while not there():
        assert monotonic() < deadline
        pause.wait(0.02)


def members(group: int) -> int:
    return sum(int(f[2]) == group and f[0] not in "ZX" for f in minder._stats())


def test_leaving_ends_a_child_and_its_own_children(tmp_path: Path) -> None:
    with Children() as children:
        group = children.start("family", FAMILY, tmp_path / "log").pid
        until(lambda: members(group) == 2)
    assert members(group) == 0
    assert not minder.alive(group)


def test_a_child_that_ignores_the_request_is_killed() -> None:
    with subprocess.Popen(STUBBORN, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"deaf\n"
        minder.end([child.pid], grace=0.2)
        assert child.wait(10) == -signal.SIGKILL


def test_when_the_parent_is_killed_the_minder_ends_its_children(tmp_path: Path) -> None:
    script = f"""
        import time
        from pathlib import Path
        from gitops_mesh.demo.children import Children
        children = Children()
        group = children.start("family", {FAMILY!r}, Path({str(tmp_path / "log")!r})).pid
        print(group, children.minder, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        group, minder_id = map(int, parent.stdout.readline().split())
        until(lambda: members(group) == 2)
        parent.kill()
    until(lambda: not minder.alive(group))
    until(lambda: not minder.alive(minder_id))


def test_a_child_that_ended_by_itself_is_named(tmp_path: Path) -> None:
    with Children() as children:
        child = children.start("envoy", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
        until(lambda: child.poll() is not None)
        with pytest.raises(GitOpsMeshError, match="envoy ended by itself with exit code 3"):
            children.check()


def test_output_and_errors_go_to_the_log(tmp_path: Path) -> None:
    with Children() as children:
        script = "import os, sys; print(os.environ['SHOP']); print('err', file=sys.stderr)"
        children.start("x", [sys.executable, "-c", script], tmp_path / "log", env={"SHOP": "open"}).wait(20)
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "open"]


def test_stopping_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    with Children() as children:
        children.stop("nobody")
        child = children.start("gone", [sys.executable, "-c", ""], tmp_path / "log")
        until(lambda: child.poll() is not None)
        children.stop("gone")
        assert children.groups == {}
    children.close()


def test_groups_are_minded_until_they_are_forgotten() -> None:
    lines = ["+12\n", "+13\n", "-12\n", "nonsense\n", "+x\n", "-99\n", "+/a/lock\n", "+/b\n", "-/b\n"]
    assert minder.mind(lines) == {"13", "/a/lock"}


HOLDER = """
import fcntl, os, sys, time
os.setsid() if os.getpid() != os.getsid(0) else None
time.sleep(float(sys.argv[2]))
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(str(os.getpid()))
file.flush()
time.sleep(600)
"""


def test_one_that_holds_a_lock_is_ended_with_the_rest(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock), "0"], start_new_session=True) as other:
        with Children() as children:
            children.adopt("envoy", lock)
            until(lambda: children.groups == {"envoy": other.pid})
            children.check()
        assert other.wait(10) == -signal.SIGTERM


def test_one_that_is_about_to_take_its_lock_is_ended_too(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock), "0.5"], start_new_session=True) as other:
        assert minder.groups_of([str(lock)], patience=10) == {other.pid}
        other.kill()
    assert minder.groups_of([str(lock)], patience=0) == set()


def test_an_adopted_one_that_ended_is_named(tmp_path: Path) -> None:
    with Children() as children:
        children.adopt("envoy", tmp_path / "lock")
        with pytest.raises(GitOpsMeshError, match="envoy ended by itself"):
            children.check()


def test_a_group_that_is_not_there_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    child.wait(20)
    assert not minder.alive(child.pid)
    assert minder.alive(os.getpgrp())
