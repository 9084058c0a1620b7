"""The bell, the log's lines, and watching a real repository."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_mesh.daemon.bell import Bell
from gitops_mesh.daemon.logs import log_to_stderr
from gitops_mesh.daemon.troubles import Trouble
from gitops_mesh.daemon.watching import watching


def test_rings_are_kept_and_count_as_one() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
    assert bell.wait()
    assert not bell.wait(0)
    assert not bell.wait(-1)


def test_backoff_doubles_to_a_minute_and_starts_over() -> None:
    trouble = Trouble("it fails", "it is back")
    assert [trouble.again("x") for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    trouble.over()
    assert trouble.again("x") == 1


def test_another_problem_is_news(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble("it fails", "it is back")
    for problem in ("x", "x", "y"):
        trouble.again(problem)
    assert [r.getMessage().rpartition(": ")[2] for r in caplog.records] == ["x", "y"]


def test_a_moved_branch_asks_for_a_fetch_and_reading_does_not(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    asked = threading.Event()
    with watching(tmp_path / ".git", "main", asked.set):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
        assert asked.wait(10)
        asked.clear()
        subprocess.run([*git, "branch", "-q", "other"], check=True)
        subprocess.run([*git, "log", "-1"], check=True, capture_output=True)
        assert not asked.wait(0.3)
        subprocess.run([*git, "pack-refs", "--all"], check=True)
        assert asked.wait(10)


def test_what_cannot_be_watched_is_polled_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with watching(tmp_path / "gone", "main", lambda: None):
        assert f"{tmp_path / 'gone'} cannot be watched, so it is polled only" in caplog.text
    with watching(None, "main", lambda: None):
        pass


@pytest.fixture
def _logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("_logging")
def test_the_log_is_one_line_an_event_that_moves_no_terminal() -> None:
    stream = io.StringIO()
    log_to_stderr("text", stream)
    logging.getLogger("gitops_mesh.source.repository").warning('%s "quoted"\n\x1b[2J', "back\\slash")
    logging.getLogger("other").info("plain")
    first, second = stream.getvalue().splitlines()
    assert first.partition(" ")[2] == r'level=warning room=source message="back\\slash \"quoted\"\n\x1b[2J"'
    assert second.partition(" ")[2] == "level=info room=other message=plain"


@pytest.mark.usefixtures("_logging")
def test_the_log_as_json_has_tracebacks_inside() -> None:
    stream = io.StringIO()
    log_to_stderr("json", stream)
    try:
        raise ZeroDivisionError("oh")  # noqa: TRY301 - a traceback is what is wanted
    except ZeroDivisionError:
        logging.getLogger("gitops_mesh.daemon.loop").exception("failed")
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["level"], told["room"], told["message"]) == ("error", "daemon", "failed")
    assert told["traceback"].endswith("ZeroDivisionError: oh")
    assert told["time"].endswith("Z")
