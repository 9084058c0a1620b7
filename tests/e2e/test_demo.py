"""The demo's four stories, with a real Git, Envoy, daemon and load; asserted on what backends counted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from time import monotonic

import pytest
from rich.console import Console

from gitops_mesh.demo import minder
from gitops_mesh.demo.layout import FAST, LEDGER, ROUTE
from gitops_mesh.demo.screen import PlainScreen
from gitops_mesh.demo.show import Ending, Result, perform
from gitops_mesh.demo.stage import staged
from gitops_mesh.demo.stories import STORIES
from gitops_mesh.demo.team import git
from gitops_mesh.demo.timeline import Told

TEMPLATE = Path(__file__).parents[2] / "repo-template"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]


@dataclass(frozen=True)
class Seen:
    """What is left of a demo that has ended."""

    folder: Path
    result: Result
    groups: dict[str, int]
    minder: int
    shown: str

    def ending(self, number: int) -> Ending:
        assert len(self.result.endings) >= number, self.shown
        ending = self.result.endings[number - 1]
        assert not ending.failure, f"{ending.failure}\n{self.shown}"
        return ending

    def told(self, commit: str) -> list[Told]:
        return [told for told in self.result.timeline if told.source_commit == commit]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("demo") / "stage"
    console = Console(file=StringIO(), width=200)
    screen = PlainScreen(console)
    with staged(folder, TEMPLATE, FAST, screen) as play:
        groups, minding = play.children.groups, play.children.minder
        result = perform(play, screen)
    out = console.file
    assert isinstance(out, StringIO)
    return Seen(folder, result, groups, minding, out.getvalue())


def test_a_merge_is_walked_judged_and_promoted(demo: Seen) -> None:
    ending = demo.ending(1)
    spans, merge = ending.facts.spans, ending.facts.merges["v2"]
    assert spans["before"]["v1"] >= 200
    assert spans["before"]["v2"] == spans["before"]["v3"] == 0
    walk = spans["walk"]
    assert walk["v1"] > 100, "traffic was not moved in steps: v1 got nothing of the walk"
    assert walk["v2"] > 100
    assert walk["v3"] == 0
    assert spans["after"]["v2"] >= 200
    assert spans["after"]["v1"] == spans["after"]["v3"] == 0
    assert ending.facts.numbers["first shifted after"] < 60
    events = [told.event for told in demo.told(merge)]
    assert events[0] == "Started"
    assert events.count("Stepped") == len(FAST.steps) - 1  # the first step is Started's, the last one Promoted's
    assert events[-2:] == ["Promoted", "Succeeded"]


def test_a_failing_release_is_put_back_and_not_tried_again(demo: Seen) -> None:
    ending = demo.ending(2)
    spans, merge = ending.facts.spans, ending.facts.merges["v3"]
    walk = spans["walk"]
    assert 0 < walk["v3"] < 0.3 * sum(walk.values())
    assert walk["v1"] == 0
    for part in ("polls", "reverted"):
        assert spans[part]["v2"] >= 200
        assert spans[part]["v1"] == spans[part]["v3"] == 0
    events = [told.event for told in demo.told(merge)]
    assert events.count("Started") == 1
    assert "Regressed" in events
    assert events[-1] == "RolledBack"
    assert not demo.told(ending.facts.merges["revert"])


def test_a_bad_manifest_is_rejected_whole_with_its_place(demo: Seen) -> None:
    ending = demo.ending(3)
    assert ending.facts.spans["whole"]["v2"] >= 200
    assert ending.facts.spans["whole"]["v1"] == ending.facts.spans["whole"]["v3"] == 0
    bad = ending.facts.merges["bad"]
    assert [told.event for told in demo.told(bad)] == ["Rejected"]
    evidence = git(demo.folder / "origin.git", "show", "--no-patch", "--format=%B", demo.told(bad)[0].commit)
    text = git(demo.folder / "origin.git", "show", f"{bad}:{ROUTE}").splitlines()
    for wrong in ("v9", "retires"):
        line = next(number for number, content in enumerate(text, 1) if wrong in content)
        column = text[line - 1].index(wrong) + 1
        assert re.search(rf"{re.escape(ROUTE)}:{line}:{column}: .*{wrong}", evidence), evidence
    assert not demo.told(ending.facts.merges["revert"])


def test_reverting_the_first_merge_brings_v1_back_at_once(demo: Seen) -> None:
    ending = demo.ending(4)
    assert ending.facts.numbers["seconds"] < 10
    assert ending.facts.spans["after"]["v1"] >= 200
    assert ending.facts.spans["after"]["v2"] == ending.facts.spans["after"]["v3"] == 0
    assert [told.event for told in demo.told(ending.facts.merges["revert"])] == ["Retreated"]


def test_no_wave_of_any_story_lost_a_request(demo: Seen) -> None:
    """No 503 (nor anything else) that a backend did not send, over all stories, at either way in."""
    answers = demo.ending(len(STORIES)).answers
    assert answers.total > 2000
    assert answers.foreign_503 == 0
    assert not answers.foreign
    assert not answers.lost
    assert ("frontend", 200) in answers.served


def test_a_clone_of_the_ledger_alone_tells_the_whole_story(demo: Seen) -> None:
    demo.ending(len(STORIES))
    clone = demo.folder / "ledger-clone.git"
    assert git(clone, "for-each-ref", "--format=%(refname:short)") == LEDGER
    moved = [told.event for told in demo.result.timeline]
    for event in ("Created", "Started", "Succeeded", "RolledBack", "Rejected", "Retreated"):
        assert event in moved
    assert "v1 100%" in demo.result.timeline[-1].weights


def test_the_demo_leaves_no_process_behind(demo: Seen) -> None:
    assert set(demo.groups) == {"backends", "envoy", "daemon"}
    for name, group in demo.groups.items():
        assert not minder.alive(group), name
    assert not minder.alive(demo.minder)
    assert processes_of(demo.folder) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_demo_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    with running_demo(folder) as child:
        until(lambda: (folder / "logs" / "daemon.log").exists() or child.poll() is not None)
        assert child.poll() is None, child.communicate()[0]
        until(lambda: any("envoy" in line for line in processes_of(folder).values()))
        child.send_signal(number)
        code = child.wait(30)
    until(lambda: processes_of(folder) == {})
    assert code == (-number if number is signal.SIGKILL else 128 + number)


def test_a_demo_that_does_not_go_as_told_says_which_story_and_why(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    with running_demo(folder) as child:
        until(lambda: daemon_of(folder) != 0 and (folder / "origin.git" / "refs" / "heads" / "gitops-mesh").exists())
        os.kill(daemon_of(folder), signal.SIGKILL)
        said, _ = child.communicate(timeout=60)
    assert child.returncode == 1
    assert re.search("daemon ended by itself", said), said
    assert processes_of(folder) == {}


def daemon_of(folder: Path) -> int:
    return next((pid for pid, line in processes_of(folder).items() if line.rstrip().endswith(" run")), 0)


@contextmanager
def running_demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "gitops_mesh", "demo", "--fast", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def processes_of(folder: Path) -> dict[int, str]:
    """Processes that have the folder on their command line, other than zombies."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and int(path.parent.name) != os.getpid():
            found[int(path.parent.name)] = line
    return found


def until(there: Callable[[], bool], seconds: float = 60) -> None:
    deadline, pause = monotonic() + seconds, threading.Event()
    while not there():
        assert monotonic() < deadline
        pause.wait(0.1)
