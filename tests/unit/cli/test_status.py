"""The status page: what it says of rollouts, objects and problems."""

from __future__ import annotations

import pytest

from gitops_mesh.cli.status import show
from gitops_mesh.clock import SystemClock
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Phase
from gitops_mesh.model.status import ClusterStatus, ObjectStatus, RolloutStatus, Status

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")


def rollout(since: float) -> RolloutStatus:
    return RolloutStatus(
        id="r1",
        scope="",
        phase=Phase.BAKING,
        step=2,
        steps=6,
        since=since,
        objects=(KEY,),
        base="reviews:v1 100%",
        target="reviews:v2 100%",
        weights="http/main: reviews:v1 90%, reviews:v2 10%",
        reason="",
        verdict="insufficient",
        verdict_reason="20 of 100 requests so far",
        canary_requests=20,
        canary_error_rate=0.05,
        stable_requests=1800,
        stable_error_rate=None,
        commit="c0ffee" * 6,
        subject="Move reviews to v2",
    )


def page(seconds: float, capsys: pytest.CaptureFixture[str]) -> str:
    cluster = ClusterStatus(
        name="demo",
        problem="",
        ticked=True,
        diverges=True,
        reasons=("rollout r1 is Baking",),
        rollouts=(rollout(SystemClock().now() - seconds),),
        objects=(
            ObjectStatus(
                KEY, "mesh/reviews.yaml", "abcdef0123456", "http/main: reviews:v1 90%", "weights", ("v3: bad",)
            ),
        ),
        findings=(
            Finding("unknown-field", Severity.ERROR, "no field x", "a.yaml", remedy="drop it", line=3, column=5),
        ),
        ledger_pushed=False,
        ledger_problem="the remote is away",
    )
    show(Status("f00d" * 10, "Evil\n\x1b[2Jsubject", "git does not answer", (cluster,)), "text")
    return capsys.readouterr().out


def test_it_tells_all_that_is_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert page(185.5, capsys).splitlines() == [
        "HEAD f00df00df Evil\\n\\x1b[2Jsubject",
        "  the source is away: git does not answer",
        "cluster demo diverges from HEAD",
        "  - rollout r1 is Baking",
        "  ledger: the remote is away",
        "  rollout r1 ████████░░░░░░░░░░░░░░░░ step 2/6 Baking for 3m05s",
        "    reviews:v1 100% → reviews:v2 100%; now http/main: reviews:v1 90%, reviews:v2 10%",
        "    canary 5.00% of 20 failed, stable - of 1,800; verdict insufficient",
        "    20 of 100 requests so far",
        "    because of c0ffeec0f Move reviews to v2",
        "  VirtualService shop/reviews  http/main: reviews:v1 90%  (mesh/reviews.yaml@abcdef012)",
        "    drift: weights",
        "    rejected: v3: bad",
        "a.yaml:3:5: error: no field x [unknown-field]",
        "  → drop it",
    ]


def test_how_long_is_told_in_the_unit_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Baking for 42s\n" in page(42.5, capsys)
    assert "Baking for 2h10m\n" in page(7800.5, capsys)
