from __future__ import annotations

from io import StringIO
from typing import Any

import orjson
from rich.console import Console

from gitops_mesh.demo.load import Answers
from gitops_mesh.demo.screen import LiveScreen, PlainScreen, chronicle, mix, panel
from gitops_mesh.demo.status import glance_of
from gitops_mesh.demo.timeline import Told
from gitops_mesh.demo.watching import Moment, Served, between
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Phase
from gitops_mesh.model.status import ClusterStatus, ObjectStatus, RolloutStatus, Status

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
SPLIT = "reviews:v1 75%, reviews:v2 25%"


def rollout(**changes: Any) -> RolloutStatus:
    base: dict[str, Any] = {
        "id": "r1", "scope": "", "phase": Phase.BAKING, "step": 2, "steps": 4, "since": 0.0, "objects": (KEY,),
        "base": "reviews:v1 100%", "target": "reviews:v2 100%", "weights": SPLIT, "reason": "", "verdict": "pass",
        "verdict_reason": "as good as stable", "canary_requests": 40, "canary_error_rate": 0.025,
        "stable_requests": 100, "stable_error_rate": None, "commit": "abc", "subject": "Move",
    }  # fmt: skip
    return RolloutStatus(**{**base, **changes})


def status(*rollouts: RolloutStatus, findings: tuple[Finding, ...] = (), diverges: bool = True) -> dict[str, Any]:
    cluster = ClusterStatus(
        name="demo", problem="", ticked=True, diverges=diverges, reasons=("why",), rollouts=rollouts,
        objects=(ObjectStatus(KEY, "mesh/reviews.yaml", "abc", SPLIT, "", ()),), findings=findings,
        ledger_pushed=True, ledger_problem="the remote is away",
    )  # fmt: skip
    found: dict[str, Any] = orjson.loads(orjson.dumps(Status("abc", "Move", "", (cluster,))))
    return found


def moment(said: dict[str, Any] | None, answers: Answers | None = None) -> Moment:
    glance = glance_of(said) if said else None
    return Moment(0.0, {}, {"v1": 300, "v2": 100, "v3": 0}, answers or Answers(), glance)


def text_of(*shown: Any) -> str:
    console = Console(file=StringIO(), width=150)
    for thing in shown:
        console.print(thing)
    out = console.file
    assert isinstance(out, StringIO)
    return out.getvalue()


def test_a_glance_tells_what_the_status_says() -> None:
    finding = Finding("subset-not-found", Severity.ERROR, "no subset v9", path="mesh/reviews.yaml", line=7, column=3)
    glance = glance_of(status(rollout(), findings=(finding,)))
    assert (glance.head, glance.diverges, glance.weights) == ("abc", True, SPLIT)
    assert glance.findings == ("mesh/reviews.yaml:7:3: no subset v9",)
    assert glance.problems == ("the remote is away",)
    (walk,) = glance.walks
    assert (walk.phase, walk.step, walk.steps, walk.reason) == ("Baking", 2, 4, "as good as stable")


def test_the_panel_shows_weights_mix_errors_step_and_verdict() -> None:
    shown = text_of(panel(moment(status(rollout())), "1. a merge"))
    for part in ("1. a merge", SPLIT, "v1 75.0%, v2 25.0%", "step 2 of 4", "canary 2.5% of 40, stable none", "as good"):
        assert part in shown


def test_the_panel_says_why_head_diverges_and_what_the_mesh_itself_answered() -> None:
    shown = text_of(panel(moment(status(), Answers(foreign={("mesh", 503): 2}, served={("x", 500): 3})), ""))
    assert "why" in shown
    assert "5, 3 failed by a backend, 2 of 503 by the mesh itself" in shown


def test_the_panel_says_that_the_daemon_is_away() -> None:
    assert "the daemon does not answer" in text_of(panel(moment(None), ""))


def test_plain_lines_come_when_something_changes_only() -> None:
    console = Console(file=StringIO(), width=20)
    screen = PlainScreen(console)
    with screen.showing():
        for verdict in ("pass", "pass", "regress"):
            screen.show(moment(status(rollout(verdict=verdict))))
        screen.show(moment(None))
    out = console.file
    assert isinstance(out, StringIO)
    assert [line[-4:] for line in out.getvalue().splitlines()] == ["pass", "ress"]


def test_both_screens_tell_how_a_story_ended() -> None:
    for kind in (PlainScreen, LiveScreen):
        console = Console(file=StringIO(), width=100)
        screen = kind(console)
        screen.story(2, "a [bracket] title")
        screen.say("merged")
        screen.ended(2, "")
        screen.ended(3, "v3 got requests")
        out = console.file
        assert isinstance(out, StringIO)
        for part in ("a [bracket] title", "merged", "went as told", "v3 got requests"):
            assert part in out.getvalue()


def test_the_chronicle_has_a_line_for_each_commit() -> None:
    told = Told("0123456789ab", "2026-01-02T03:04:05+00:00", "reviews: v2 10%", "Stepped", "", "", "pass", "")
    shown = text_of(chronicle([told], table=True))
    for part in ("012345678", "03:04:05", "reviews: v2 10% [pass]"):
        assert part in shown
    assert text_of(chronicle([told], table=False)) == "012345678  03:04:05  Stepped      reviews: v2 10% [pass]\n"


def test_nothing_observed_is_said() -> None:
    assert mix(Moment(0.0, {}, {}, Answers(), None)) == "nothing yet"
    assert Moment(0.0, {}, {}, Answers(), None).share("v1") == 0.0


def test_requests_between_two_looks() -> None:
    first = {v: Served(10) for v in ("v1", "v2", "v3")}
    assert between(first, {**first, "v2": Served(17, 1)}) == {"v1": 0, "v2": 7, "v3": 0}
