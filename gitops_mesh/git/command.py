"""Starting git: one fixed way, with a deadline that ends the whole process group."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from gitops_mesh.errors import GitOpsMeshError
from gitops_mesh.git.environment import dropped, variables

if TYPE_CHECKING:
    from git.cmd import Git

OLDEST = (2, 32)
"""The first git that leaves the user's configuration alone when asked (`GIT_CONFIG_GLOBAL`)."""
NO_PROGRAM = 127
"""How `env` ends when there is no such program."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a git process ended. `late` when its deadline ended it."""

    status: int
    out: bytes
    err: str
    late: bool = False


def run(
    words: Sequence[str],
    *,
    timeout: float,
    error: type[GitOpsMeshError],
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run `git WORDS…` to its end, or to the deadline. Raises `error` where there is no (recent enough) git."""
    require_git(error)
    running = start(words, error=error, environment=environment, stdin=bool(stdin))
    child = popen(running)
    late = False
    try:
        out, err = child.communicate(stdin or None, timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
    text = err.decode("utf-8", "replace")
    if child.returncode == NO_PROGRAM and text.startswith("env:"):
        raise _no_git(error)
    return Outcome(child.returncode, out, text, late)


def start(
    words: Sequence[str],
    *,
    error: type[GitOpsMeshError],
    environment: Mapping[str, str] | None = None,
    stdin: bool = True,
) -> Git.AutoInterrupt:
    """Start `git WORDS…` in a session of its own (no terminal, nobody to ask); ended when it is let go."""
    git = _gitpython(error)
    # GitPython adds variables but takes none away, so `env` does; their names alone are no secret.
    given = variables() if environment is None else environment
    scrub = [word for name in dropped(given) for word in ("-u", name)]
    try:
        return git("/").execute(
            ["env", *scrub, "git", *words],
            as_process=True,
            istream=subprocess.PIPE if stdin else None,
            env=given,
            start_new_session=True,
        )
    except (OSError, _gitpython_error()) as problem:
        raise _no_git(error) from problem


def popen(running: Git.AutoInterrupt) -> subprocess.Popen[bytes]:
    """The process that GitPython started; it ends when `running` is let go."""
    if running.proc is None:
        raise ValueError("the process was let go")
    return cast("subprocess.Popen[bytes]", running.proc)


@cache
def _version(_path: str) -> tuple[int, ...]:
    running = start(["version"], error=GitOpsMeshError, stdin=False)
    out, _ = popen(running).communicate(timeout=30)
    words = out.decode("ascii", "replace").split()
    numbers = words[2].split(".")[:2] if len(words) > 2 else ()
    return tuple(int(number) for number in numbers if number.isdigit())


def require_git(error: type[GitOpsMeshError]) -> None:
    """Raise `error` where there is no git, or one too old to be kept apart from the user's settings."""
    try:
        version = _version(os.environ.get("PATH", ""))
    except GitOpsMeshError as problem:
        raise _no_git(error) from problem
    if not version:
        _version.cache_clear()
        raise _no_git(error)
    if version < OLDEST:
        found, needed = ".".join(map(str, version)), ".".join(map(str, OLDEST))
        raise error(f"git {found} is too old", remedy=f"install git {needed} or newer")


def _gitpython(error: type[GitOpsMeshError]) -> type[Git]:
    try:
        from git.cmd import Git  # noqa: PLC0415 - 0.1 s that `--help` need not pay
    except ImportError as problem:  # GitPython looks for git when it is imported
        raise _no_git(error) from problem
    return Git


def _gitpython_error() -> type[Exception]:
    from git.exc import GitError  # noqa: PLC0415 - as above; imported already when this is asked

    return GitError


def _no_git(error: type[GitOpsMeshError]) -> GitOpsMeshError:
    return error("there is no `git` program on this machine's PATH", remedy="install git 2.32 or newer")
