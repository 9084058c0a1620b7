"""Every phase, and what ends it. Rows: where it is, what is seen, where it goes, what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_mesh.model.measurements import Outcome
from gitops_mesh.model.policy import Analysis, OnInconclusive, OnRegression
from gitops_mesh.model.rollouts import Event, Phase, Rollout, Verb
from gitops_mesh.rollout.machine import advance, expected
from gitops_mesh.rollout.observation import Accept, Command, Finish, Record, Reject, SetWeights
from tests.fakes.rollouts import POLICY, V1, V2, record, ref, request, rollout, seen

FULL = record(v2=100).split
BASE = record(v1=100).split


def at(phase: Phase, step: int = 0, since: float = 0.0, **more: Any) -> Rollout:
    return rollout(phase=phase, step=step, since=since, sequence=3, **more)


def told(commands: tuple[Command, ...]) -> list[Event]:
    return [command.event for command in commands if isinstance(command, Record)]


def weights(commands: tuple[Command, ...]) -> Any:
    return next((command.splits.get(ref()) for command in commands if isinstance(command, SetWeights)), None)


STEP1 = record(v1=90, v2=10).split
STEP2 = record(v1=50, v2=50).split

ROWS: list[tuple[str, Rollout, dict[str, Any], Phase, list[Event], Any]] = [
    ("pending goes", rollout(), {}, Phase.VERIFYING, [Event.STARTED], STEP1),
    ("pending is blocked", rollout(), {"blocked": "r0 first"}, Phase.PENDING, [], None),
    ("pending: target unready", rollout(), {"unready": {V2: "refused"}}, Phase.PENDING, [], None),
    ("pending: base unready", rollout(), {"unready": {V1: "refused"}}, Phase.PENDING, [], None),
    ("pending: outbox full", rollout(), {"outbox_full": True}, Phase.PENDING, [], None),
    ("pending too long", rollout(), {"blocked": "x", "now": 100}, Phase.ROLLING_BACK, [Event.EXPIRED], BASE),
    ("pending is superseded", rollout(), {"supersede": "gone"}, Phase.SUPERSEDED, [], None),
    ("pending ignores a regression", rollout(), {"outcome": Outcome.REGRESS, "blocked": "x"}, Phase.PENDING, [], None),
    ("verified", at(Phase.VERIFYING), {}, Phase.BAKING, [], None),
    ("not applied", at(Phase.VERIFYING), {"applied": "no traffic"}, Phase.VERIFYING, [], None),
    ("never applied", at(Phase.VERIFYING), {"applied": "x", "now": 100}, Phase.ROLLING_BACK, [Event.EXPIRED], BASE),
    ("regress early", at(Phase.VERIFYING), {"outcome": Outcome.REGRESS}, Phase.ROLLING_BACK, [Event.REGRESSED], BASE),
    ("baking", at(Phase.BAKING), {"now": 9}, Phase.BAKING, [], None),
    ("baked", at(Phase.BAKING), {"now": 10}, Phase.VERIFYING, [Event.STEPPED], STEP2),
    ("baked the last", at(Phase.BAKING, 1), {"now": 10}, Phase.PROMOTING, [Event.PROMOTED], FULL),
    ("no evidence", at(Phase.BAKING), {"now": 10, "outcome": Outcome.INSUFFICIENT}, Phase.BAKING, [], None),
    ("provider down", at(Phase.BAKING), {"now": 109, "outcome": Outcome.ERROR}, Phase.BAKING, [], None),
    (
        "never any evidence",
        at(Phase.BAKING),
        {"now": 110, "outcome": Outcome.INSUFFICIENT},
        Phase.ROLLING_BACK,
        [Event.EXPIRED],
        BASE,
    ),
    ("baked, outbox full", at(Phase.BAKING), {"now": 10, "outbox_full": True}, Phase.BAKING, [], None),
    ("baked, target unready", at(Phase.BAKING), {"now": 10, "unready": {V2: "refused"}}, Phase.BAKING, [], None),
    ("regress", at(Phase.BAKING), {"outcome": Outcome.REGRESS}, Phase.ROLLING_BACK, [Event.REGRESSED], BASE),
    (
        "regress, base unready",
        at(Phase.BAKING),
        {"outcome": Outcome.REGRESS, "unready": {V1: "refused"}},
        Phase.ROLLING_BACK,
        [Event.REGRESSED],
        None,
    ),
    ("superseded", at(Phase.BAKING), {"supersede": "new"}, Phase.ROLLING_BACK, [], BASE),
    ("promoted", at(Phase.PROMOTING, 2), {}, Phase.WATCHING, [], None),
    ("not promoted yet", at(Phase.PROMOTING, 2), {"live": {ref(): STEP2}}, Phase.PROMOTING, [], FULL),
    ("watching", at(Phase.WATCHING, 2), {"now": 19}, Phase.WATCHING, [], None),
    ("watched", at(Phase.WATCHING, 2), {"now": 20}, Phase.SUCCEEDED, [Event.SUCCEEDED], None),
    (
        "watched blindly",
        at(Phase.WATCHING, 2),
        {"now": 20, "outcome": Outcome.INSUFFICIENT},
        Phase.WATCHING,
        [],
        None,
    ),
    (
        "watched blindly for ever",
        at(Phase.WATCHING, 2),
        {"now": 120, "outcome": Outcome.INSUFFICIENT},
        Phase.ROLLING_BACK,
        [Event.EXPIRED],
        BASE,
    ),
    (
        "watched on an operator's word",
        at(Phase.WATCHING, 2, unjudged=True),
        {"now": 20, "outcome": Outcome.INSUFFICIENT},
        Phase.SUCCEEDED,
        [Event.SUCCEEDED],
        None,
    ),
    (
        "regress while watched",
        at(Phase.WATCHING, 2),
        {"outcome": Outcome.REGRESS},
        Phase.ROLLING_BACK,
        [Event.REGRESSED],
        BASE,
    ),
    ("superseded while watched", at(Phase.WATCHING, 2), {"supersede": "n"}, Phase.SUPERSEDED, [Event.SUPERSEDED], None),
    ("paused", at(Phase.PAUSED), {"now": 299}, Phase.PAUSED, [], None),
    ("paused too long", at(Phase.PAUSED), {"now": 300}, Phase.ROLLING_BACK, [Event.EXPIRED], BASE),
    ("regress in a pause", at(Phase.PAUSED), {"outcome": Outcome.REGRESS}, Phase.ROLLING_BACK, [Event.REGRESSED], BASE),
    ("going back", at(Phase.ROLLING_BACK), {"live": {ref(): STEP1}}, Phase.ROLLING_BACK, [], BASE),
    (
        "cannot go back",
        at(Phase.ROLLING_BACK),
        {"live": {ref(): STEP1}, "unready": {V1: "refused"}},
        Phase.ROLLING_BACK,
        [],
        None,
    ),
    (
        "back",
        at(Phase.ROLLING_BACK, outcome=Event.REGRESSED, remember=True),
        {},
        Phase.ROLLED_BACK,
        [Event.ROLLED_BACK],
        None,
    ),
    ("gave way", at(Phase.ROLLING_BACK, outcome=Event.SUPERSEDED), {}, Phase.SUPERSEDED, [Event.SUPERSEDED], None),
    ("the route is gone", at(Phase.BAKING), {"live": {ref(): None}}, Phase.ROLLING_BACK, [], None),
    (
        "gone while going back",
        at(Phase.ROLLING_BACK),
        {"live": {ref(): None}},
        Phase.ROLLED_BACK,
        [Event.ROLLED_BACK],
        None,
    ),
    ("lowered by hand", at(Phase.BAKING, 1), {"live": {ref(): STEP1}}, Phase.PAUSED, [Event.PAUSED], None),
    (
        "lowered, but not written yet",
        at(Phase.BAKING, 1),
        {"live": {ref(): STEP1}, "behind": {ref()}},
        Phase.BAKING,
        [],
        STEP2,
    ),
    ("raised by hand", at(Phase.BAKING), {"live": {ref(): STEP2}}, Phase.BAKING, [], STEP1),
    ("over already", at(Phase.SUCCEEDED), {}, Phase.SUCCEEDED, [], None),
    ("another target", at(Phase.BAKING), {"retargeted": "60%"}, Phase.BAKING, [Event.RETARGETED], STEP1),
    ("a lower target", at(Phase.PROMOTING, 2), {"retargeted": "20%"}, Phase.PROMOTING, [Event.RETREATED], FULL),
    ("another target before the start", rollout(), {"retargeted": "60%"}, Phase.PENDING, [Event.RETARGETED], None),
]


@pytest.mark.parametrize(
    ("before", "saw", "phase", "events", "split"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_turn(before: Rollout, saw: dict[str, Any], phase: Phase, events: list[Event], split: Any) -> None:
    saw = {"now": 5.0, **saw}
    after, commands = advance(before, seen(before, saw.pop("now"), saw.pop("outcome", Outcome.PASS), **saw))
    assert after.phase is phase
    assert told(commands) == events
    assert weights(commands) == split
    assert after.sequence == before.sequence + len(events)
    assert any(isinstance(command, Finish) for command in commands) == after.phase.is_terminal


VERBS: list[tuple[Verb, Rollout, Phase, list[Event], Any]] = [
    (Verb.PAUSE, at(Phase.BAKING), Phase.PAUSED, [Event.PAUSED], None),
    (Verb.PAUSE, rollout(), Phase.PAUSED, [Event.PAUSED], None),
    (Verb.PAUSE, at(Phase.WATCHING, 2), Phase.WATCHING, [], None),
    (Verb.RESUME, at(Phase.PAUSED, paused_from=Phase.BAKING), Phase.BAKING, [Event.RESUMED], None),
    (Verb.RESUME, at(Phase.BAKING), Phase.BAKING, [], None),
    (Verb.PROMOTE, at(Phase.VERIFYING), Phase.VERIFYING, [Event.STEPPED], STEP2),
    (Verb.PROMOTE, at(Phase.PAUSED, 1), Phase.PROMOTING, [Event.PROMOTED], FULL),
    (Verb.PROMOTE_FULL, at(Phase.BAKING), Phase.PROMOTING, [Event.PROMOTED], FULL),
    (Verb.ABORT, at(Phase.WATCHING, 2), Phase.ROLLING_BACK, [Event.ABORTED], BASE),
    (Verb.ABORT, at(Phase.ROLLING_BACK), Phase.ROLLED_BACK, [Event.ROLLED_BACK], None),
]


@pytest.mark.parametrize(("verb", "before", "phase", "events", "split"), VERBS)
def test_an_operators_verb(verb: Verb, before: Rollout, phase: Phase, events: list[Event], split: Any) -> None:
    picture = seen(before, 1.0, Outcome.INSUFFICIENT, request=request(verb))
    after, commands = advance(before, picture)
    assert (after.phase, told(commands), weights(commands)) == (phase, events, split)
    assert after.request == "q1"
    if events and before.phase is not Phase.ROLLING_BACK:
        assert [c.by for c in commands if isinstance(c, Record)] == ["ada"]
    again, repeated = advance(after, seen(after, 1.0, Outcome.INSUFFICIENT, request=request(verb)))
    assert not set(told(repeated)) & set(events)
    assert again.request == "q1"


def test_what_an_operator_promoted_is_unjudged() -> None:
    before = at(Phase.BAKING)
    after, commands = advance(before, seen(before, 1.0, request=request(Verb.PROMOTE)))
    assert after.unjudged
    assert [c.verdict for c in commands if isinstance(c, Record)] == ["unjudged"]


def test_resuming_after_a_hand_lowered_weight_walks_on_from_below() -> None:
    before = at(Phase.BAKING, 1)
    lowered = record(v1=80, v2=20).split
    paused, _ = advance(before, seen(before, 5.0, live={ref(): lowered}))
    assert dict(expected(paused)) == {ref(): lowered}
    resumed, commands = advance(paused, seen(paused, 6.0, request=request(Verb.RESUME)))
    assert (resumed.phase, resumed.step, weights(commands)) == (Phase.VERIFYING, 0, STEP1)


def test_a_rejected_release_is_remembered_only_when_it_failed() -> None:
    for remember in (True, False):
        before = at(Phase.ROLLING_BACK, outcome=Event.EXPIRED, remember=remember, reason="because")
        _, commands = advance(before, seen(before, 5.0))
        assert [c.reason for c in commands if isinstance(c, Reject)] == (["because"] if remember else [])


def test_a_success_accepts_the_target_of_every_member() -> None:
    before = rollout("mobile", "reviews", phase=Phase.WATCHING, step=2)
    _, commands = advance(before, seen(before, 20.0))
    assert [c for c in commands if isinstance(c, Accept)] == [Accept((ref("mobile"), ref("reviews")), "target")]


def test_the_clock_of_a_step_starts_when_all_members_agree() -> None:
    before = rollout("mobile", "reviews", phase=Phase.VERIFYING, step=0)
    live = {ref("mobile"): STEP1, ref("reviews"): BASE}
    waiting, commands = advance(before, seen(before, 5.0, live=live, behind=frozenset({ref("reviews")})))
    assert waiting.phase is Phase.VERIFYING
    assert set(next(c.splits for c in commands if isinstance(c, SetWeights))) == {ref("mobile"), ref("reviews")}
    agreed, _ = advance(waiting, seen(waiting, 6.0))
    assert (agreed.phase, agreed.step_since) == (Phase.BAKING, 6.0)


def test_a_policy_may_pause_instead() -> None:
    policy = replace(POLICY, on_regression=OnRegression.PAUSE, on_inconclusive=OnInconclusive.PAUSE)
    before = at(Phase.BAKING, policy=policy)
    after, commands = advance(before, seen(before, 5.0, Outcome.REGRESS))
    assert (after.phase, told(commands)) == (Phase.PAUSED, [Event.PAUSED])
    still, commands = advance(after, seen(after, 6.0, Outcome.REGRESS))
    assert (still.phase, told(commands)) == (Phase.PAUSED, [])
    held, commands = advance(before, seen(before, 110.0, Outcome.INSUFFICIENT))
    assert (held.phase, told(commands)) == (Phase.PAUSED, [Event.PAUSED])


def test_without_analysis_it_is_a_timed_walk_and_says_so() -> None:
    current = rollout(policy=replace(POLICY, analysis=Analysis(judge="none")))
    verdicts = []
    for now in range(60):
        outcome = Outcome.REGRESS if now % 2 else Outcome.INSUFFICIENT
        current, commands = advance(current, seen(current, float(now), outcome, applied="no traffic"))
        verdicts += [c.verdict for c in commands if isinstance(c, Record) and c.event is not Event.STARTED]
    assert current.phase is Phase.SUCCEEDED
    assert current.unjudged
    assert set(verdicts) == {"unjudged"}


def test_steps_that_change_nothing_are_passed_over() -> None:
    """10% → 11% in whole hundredths: most steps mean the same weights."""
    before = at(Phase.BAKING, base=record(v1=90, v2=10), target=record(v1=89, v2=11))
    after, commands = advance(before, seen(before, 10.0))
    assert (after.phase, weights(commands)) == (Phase.PROMOTING, record(v1=89, v2=11).split)
