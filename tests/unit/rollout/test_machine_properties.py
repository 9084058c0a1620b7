"""Whatever is seen, in whatever order."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.model.measurements import Evidence, Outcome
from gitops_mesh.model.rollouts import Event, Phase, Rollout, Verb
from gitops_mesh.model.routes import Split
from gitops_mesh.rollout.machine import advance, expected
from gitops_mesh.rollout.observation import Record, SetWeights
from gitops_mesh.rollout.turn import weights
from tests.fakes.rollouts import V1, V2, V3, record, ref, request, rollout, seen, verdict

SPLITS = [record(v1=w, v2=100 - w).split for w in (100, 95, 90, 70, 50, 20, 0)] + [record(v3=100).split]

LOOKS = st.fixed_dictionaries(
    {
        "after": st.floats(0, 200, allow_nan=False),
        "live": st.one_of(st.just("expected"), st.sampled_from(SPLITS), st.none()),
        "verdict": st.sampled_from(list(Outcome)).map(verdict),
        "unready": st.dictionaries(st.sampled_from([V1, V2, V3]), st.just("refused"), max_size=2),
        "request": st.one_of(st.none(), st.builds(request, st.sampled_from(list(Verb)), st.sampled_from("abcdef"))),
        "supersede": st.sampled_from(["", "", "", "new target"]),
        "blocked": st.sampled_from(["", "", "wait"]),
        "outbox_full": st.booleans(),
        "applied": st.sampled_from(["", "", "no traffic"]),
    }
)


def looking(at: Rollout, now: float, look: dict[str, Any]) -> Any:
    given_ = {name: value for name, value in look.items() if name not in ("after", "live")}
    live = dict(expected(at)) if look["live"] == "expected" else {ref(): look["live"]}
    return seen(at, now, **{**given_, "live": live, "evidence": Evidence(readings=1)})


@settings(max_examples=200, deadline=None)
@given(st.lists(LOOKS, max_size=25))
def test_any_run(looks: list[dict[str, Any]]) -> None:
    """Total and deterministic; never more than one step up; no success without evidence; ends at base or target."""
    current, now, proven = rollout(), 0.0, False
    for look in looks:
        now += look["after"]
        picture = looking(current, now, look)
        after, commands = advance(current, picture)
        assert (after, commands) == advance(current, picture)
        proven = proven or look["verdict"].outcome is Outcome.PASS or after.unjudged
        for command in commands:
            if isinstance(command, SetWeights):
                rises(current, command.splits.get(ref()), asked=after.request != current.request)
        if after.phase is Phase.SUCCEEDED:
            assert proven
        current = after
        if current.phase.is_terminal:
            assert expected(current)[ref()] in (current.members[0].base.split, current.members[0].target.split)
            return


def rises(before: Rollout, split: Split | None, *, asked: bool) -> None:
    """At most to the next step that changes the weights, unless an operator asked."""
    if split is None or asked:
        return
    following = min(before.step + 1, len(before.policy.steps) - 1)
    assert split.share(V2) <= weights(before, following)[ref()].share(V2)


@settings(max_examples=100, deadline=None)
@given(st.lists(LOOKS, max_size=15))
def test_every_run_ends(looks: list[dict[str, Any]]) -> None:
    """Left alone after any run, with the base ready and no evidence, it ends within its deadlines."""
    current, now = rollout(), 0.0
    for look in looks:
        now += look["after"]
        if not current.phase.is_terminal:
            current, _ = advance(current, looking(current, now, look))
    for _ in range(40):
        if current.phase.is_terminal:
            break
        now += 100
        current, _ = advance(current, seen(current, now, Outcome.INSUFFICIENT, applied="no traffic"))
    assert current.phase.is_terminal


@settings(max_examples=100, deadline=None)
@given(st.lists(LOOKS, max_size=15))
def test_asking_again_before_the_effect_is_seen_tells_nothing_twice(looks: list[dict[str, Any]]) -> None:
    """A transition is told in the write that makes it; repeating a look after it tells no second one of a kind."""
    current, now, told = rollout(), 0.0, []
    for look in looks:
        now += look["after"]
        for _ in range(2):
            if current.phase.is_terminal:
                break
            current, commands = advance(current, looking(current, now, look))
            told += [c.event for c in commands if isinstance(c, Record)]
    assert told.count(Event.STARTED) <= 1
    assert told.count(Event.PROMOTED) <= told.count(Event.RESUMED) + told.count(Event.PAUSED) + 1
    assert sum(told.count(e) for e in (Event.ROLLED_BACK, Event.SUCCEEDED, Event.SUPERSEDED)) <= 1
