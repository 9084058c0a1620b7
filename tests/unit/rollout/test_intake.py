"""From planned shifts to decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_mesh.model.plan import Shift
from gitops_mesh.model.rollouts import Cause, Event, Phase
from gitops_mesh.model.routes import SplitRecord
from gitops_mesh.rollout.intake import Apply, Begin, Refuse, Retarget, ShiftRequest, Supersede, blocker, intake
from tests.fakes.rollouts import POLICY, V1, V2, record, ref, rollout


def asks(target: SplitRecord, *, name: str = "reviews", base: SplitRecord | None = None, **more: Any) -> ShiftRequest:
    base = base or record(v1=100)
    whole = {
        "scope": "",
        "shift": Shift(ref(name), base, target),
        "policy": POLICY,
        "cause": Cause("abc"),
        "history": (base,),
        "rejected": False,
        "immediate": False,
        "unready": {},
        **more,
    }
    return ShiftRequest(**whole)


def test_a_new_release_begins_pending() -> None:
    (decision,) = intake([asks(record(v2=100))], [], 7.0)
    assert isinstance(decision, Begin)
    begun = decision.rollout
    assert (begun.phase, begun.since, begun.step) == (Phase.PENDING, 7.0, -1)
    assert begun.members[0].base == record(v1=100)
    assert intake([asks(record(v2=100))], [], 7.0) == (decision,)


def test_shifts_to_one_destination_are_one_rollout_and_the_first_leads() -> None:
    requests = [
        asks(record(v2=100), name="reviews"),
        asks(record(v3=100), name="desktop"),
        asks(record(v2=100), name="mobile"),
        asks(record(v2=50, v3=50), name="web"),
    ]
    (decision,) = intake(requests, [], 0.0)
    assert isinstance(decision, Begin)
    assert [m.ref.key.name for m in decision.rollout.members] == ["desktop", "mobile", "reviews", "web"]


def test_other_destinations_and_other_scopes_go_their_own_way() -> None:
    requests = [asks(record(v2=100)), asks(record(v3=100), name="mobile"), asks(record(v2=100), name="web", scope="b")]
    assert len(intake(requests, [], 0.0)) == 3


@pytest.mark.parametrize(
    ("more", "kind", "event"),
    [
        ({"history": (record(v1=100), record(v2=100))}, Apply, Event.RETREATED),
        ({"history": (record(v1=100), record((V2, "old"), v2=100))}, Begin, None),
        ({"immediate": True}, Apply, Event.IMMEDIATE),
        ({"immediate": True, "unready": {V2: "refused"}}, Refuse, None),
        ({"history": (record(v2=100),), "unready": {V2: "refused"}}, Refuse, None),
        ({"rejected": True}, Refuse, None),
        ({"rejected": True, "history": (record(v2=100),)}, Apply, Event.RETREATED),
    ],
)
def test_what_needs_no_walk(more: dict[str, Any], kind: type, event: Event | None) -> None:
    (decision,) = intake([asks(record(v2=100), **more)], [], 0.0)
    assert isinstance(decision, kind)
    assert getattr(decision, "event", None) == event


def test_a_rollout_that_is_asked_for_goes_on() -> None:
    for phase in (Phase.PENDING, Phase.BAKING, Phase.WATCHING, Phase.PAUSED):
        assert intake([asks(record(v2=100))], [rollout(phase=phase)], 0.0) == ()


def test_a_rollout_that_nobody_asks_for_any_more_gives_way() -> None:
    open_ = rollout("mobile", "reviews", phase=Phase.BAKING, step=0)
    (decision,) = intake([asks(record(v2=100))], [open_], 0.0)
    assert decision == Supersede("r1", "HEAD asks for the accepted split again")


def test_another_release_supersedes_and_begins_later() -> None:
    (decision,) = intake([asks(record(v3=100))], [rollout(phase=Phase.BAKING, step=0)], 0.0)
    assert decision == Supersede("r1", "HEAD asks for another release")


def test_other_labels_of_the_same_subset_are_another_release() -> None:
    (decision,) = intake([asks(record((V2, "new"), v2=100))], [rollout(phase=Phase.BAKING, step=0)], 0.0)
    assert isinstance(decision, Supersede)


def test_one_that_goes_back_is_left_alone() -> None:
    assert intake([asks(record(v3=100))], [rollout(phase=Phase.ROLLING_BACK)], 0.0) == ()


@pytest.mark.parametrize(
    ("step", "kept", "phase"), [(-1, -1, Phase.PENDING), (0, 0, Phase.VERIFYING), (1, 1, Phase.VERIFYING)]
)
def test_another_share_of_the_same_release_retargets_in_place(step: int, kept: int, phase: Phase) -> None:
    open_ = rollout(target=record(v1=20, v2=80), phase=Phase.BAKING if step >= 0 else Phase.PENDING, step=step)
    (decision,) = intake([asks(record(v1=40, v2=60))], [open_], 9.0)
    assert isinstance(decision, Retarget)
    moved = decision.rollout
    assert (moved.id, moved.step, moved.phase, moved.since) == ("r1", kept, phase, 9.0)
    assert moved.members[0].target == record(v1=40, v2=60)
    assert moved.members[0].base == open_.members[0].base


def test_a_larger_target_continues_below_the_live_weight() -> None:
    open_ = rollout(target=record(v1=80, v2=20), phase=Phase.BAKING, step=1)
    (decision,) = intake([asks(record(v2=100))], [open_], 9.0)
    assert isinstance(decision, Retarget)
    assert decision.rollout.step == 0


def test_in_the_watch_a_new_target_supersedes() -> None:
    (decision,) = intake([asks(record(v1=10, v2=90))], [rollout(phase=Phase.WATCHING, step=2)], 0.0)
    assert isinstance(decision, Supersede)


def test_pending_waits_for_whoever_raises_the_same_destination() -> None:
    first = rollout(phase=Phase.BAKING, step=0)
    waiting = rollout("mobile", id="r2")
    other = rollout("web", id="r3", target=record(v3=100), phase=Phase.BAKING, step=0)
    assert "r1 already raises reviews:v2" in blocker(waiting, [first, waiting, other])
    assert blocker(first, [first, waiting]) == ""
    assert blocker(waiting, [waiting, other]) == ""
    later = replace(waiting, id="r4", since=5.0)
    assert blocker(waiting, [waiting, later]) == ""
    assert "r2" in blocker(later, [waiting, later])


@pytest.mark.parametrize("phase", [Phase.VERIFYING, Phase.BAKING, Phase.PAUSED])
def test_a_target_that_only_lowers_the_release_is_a_retreat(phase: Phase) -> None:
    """At 50% of the way to v2, HEAD asks for 20%: at once, not by way of 2%."""
    open_ = rollout(phase=phase, step=1)
    (decision,) = intake([asks(record(v1=80, v2=20))], [open_], 9.0)
    assert isinstance(decision, Retarget)
    lowered = decision.rollout
    assert (lowered.phase, lowered.step, lowered.since) == (Phase.PROMOTING, 2, 9.0)
    assert lowered.members[0].target == record(v1=80, v2=20)


def test_a_retreat_waits_for_its_endpoints() -> None:
    assert (
        intake([asks(record(v1=80, v2=20), unready={V1: "refused"})], [rollout(phase=Phase.BAKING, step=1)], 9.0) == ()
    )


def test_a_lower_share_of_other_endpoints_is_no_retreat() -> None:
    relabelled = record((V2, "new"), v1=80, v2=20)
    (decision,) = intake([asks(relabelled)], [rollout(phase=Phase.BAKING, step=1)], 9.0)
    assert isinstance(decision, Supersede)
