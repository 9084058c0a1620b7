"""The daemon is killed at six points of a promotion and a rollback, under load on a real Envoy.

Nothing may be lost: no request, no ledger entry, no step twice, and the routing ends where it should.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gitops_mesh.demo.acts import Play
from gitops_mesh.demo.layout import FAST, ROUTE
from gitops_mesh.demo.screen import PlainScreen
from gitops_mesh.demo.stage import command, staged
from gitops_mesh.demo.team import weighed
from gitops_mesh.demo.watching import Moment

TEMPLATE = Path(__file__).parents[2] / "repo-template"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def kill(play: Play) -> None:
    """SIGKILL the daemon, and start another."""
    os.killpg(play.children.groups["daemon"], signal.SIGKILL)
    play.children.stop("daemon")
    play.children.start("daemon", command("run", play.layout), play.layout.log("daemon"))
    play.until("the daemon to answer again", lambda moment: moment.status is not None, deadline=30)


def release(play: Play, old: str, new: str) -> str:
    edited = weighed(play.team.read(ROUTE), {old: 0, new: 100})
    return play.team.merge(f"to-{new}", f"Move reviews to {new}", {ROUTE: edited})


def walking(step: int, *phases: str) -> Callable[[Moment], bool]:
    def there(moment: Moment) -> bool:
        walks = moment.status.walks if moment.status else ()
        return any(walk.step >= step and walk.phase in phases for walk in walks)

    return there


def events(play: Play, commit: str) -> list[str]:
    return [told.event for told in play.ledger() if told.source_commit == commit]


def test_six_kills_lose_nothing(tmp_path: Path) -> None:
    out = StringIO()
    with staged(tmp_path / "stage", TEMPLATE, FAST, PlainScreen(Console(file=out, width=200))) as play:
        play.only("v1", 100)
        good = release(play, "v1", "v2")
        play.until("the first weights", walking(1, "Verifying", "Baking"), deadline=30)
        kill(play)  # 1: just after the first weights
        play.until("a later step", walking(2, "Verifying", "Baking"), deadline=60)
        kill(play)  # 2: in the middle of the walk
        play.until("the watch", walking(4, "Promoting", "Watching"), deadline=60)
        kill(play)  # 3: at 100%, before it is accepted
        play.recorded("Succeeded", good, deadline=60)
        play.only("v2", 200)

        bad = release(play, "v2", "v3")
        kill(play)  # 4: with the merge pushed and nothing done
        began = play.watch.look()
        play.until("v3 to get requests", lambda m: m.counts["v3"].requests > began.counts["v3"].requests, deadline=30)
        kill(play)  # 5: while the regression shows
        play.recorded("Regressed", bad, deadline=60)
        kill(play)  # 6: as soon as it is told
        play.recorded("RolledBack", bad, deadline=30)
        play.only("v2", 200, seconds=3 * FAST.poll)

        steps = ["Stepped"] * (len(FAST.steps) - 1)
        assert events(play, good) == ["Started", *steps, "Promoted", "Succeeded"]
        assert events(play, bad) == ["Started", "Regressed", "RolledBack"]
        answers = play.watch.load.answers()
        assert answers.total > 2000
        assert not answers.lost, out.getvalue()
        assert not answers.foreign, out.getvalue()
        assert answers.foreign_503 == 0
