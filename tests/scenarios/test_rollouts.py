"""What a team sees of its releases: promoted, rolled back, reverted, retried."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.model.rollouts import Event, Phase, Verb
from tests.scenarios.world import POLICY, REVIEWS, RULE, World, rule, service


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The mesh `shop` with reviews at v1, settled."""
    world = World(tmp_path, errors={"v3": 0.2})
    world.repository.merge(
        {"policy.yaml": POLICY, "rule.yaml": rule("v1", "v2", "v3"), "reviews.yaml": service({"v1": 100})}, "Begin"
    )
    world.run(3)
    assert world.weights() == {"v1": 100}
    return world


def release(world: World, **weights: int) -> str:
    return world.repository.merge({"reviews.yaml": service(weights)}, f"Release {weights}")


def test_a_merge_walks_the_steps_and_is_promoted(world: World) -> None:
    seen = []
    release(world, v2=100)
    world.until(lambda: seen.append(world.weights()) or world.saw(Event.SUCCEEDED))
    walked = [w for i, w in enumerate(seen) if i == 0 or seen[i - 1] != w]
    assert walked == [{"v1": 100}, {"v1": 90, "v2": 10}, {"v1": 50, "v2": 50}, {"v2": 100}]
    assert world.events()[-4:] == [Event.STARTED, Event.STEPPED, Event.PROMOTED, Event.SUCCEEDED]
    assert world.state().rollouts == {}
    live = world.live()
    assert live is not None
    assert live.body["spec"]["http"][0]["route"] == [
        {"destination": {"host": "reviews", "subset": "v2"}, "weight": 100}
    ]


def test_a_failing_release_is_rolled_back_and_not_tried_again(world: World) -> None:
    commit = release(world, v3=100)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == {"v1": 100}
    before = world.events()
    outcome = world.run(300)
    assert world.events() == before
    assert world.weights() == {"v1": 100}
    assert outcome.refused
    regressed = next(r.entry for r in world.history() if r.entry.event is Event.REGRESSED)
    assert regressed.source_commit == commit
    assert regressed.verdict == "regress"
    assert "canary" in regressed.evidence


def test_reverting_a_failed_release_moves_nothing(world: World) -> None:
    commit = release(world, v3=100)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    before = world.events()
    world.repository.revert(commit)
    outcome = world.run(30)
    assert world.events() == before
    assert not outcome.plan.objects


def test_a_failed_release_stays_back_through_a_label_only_edit(world: World) -> None:
    release(world, v3=100)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    world.repository.merge({"reviews.yaml": service({"v3": 100}, extra=", labels: {team: shop}")}, "Label")
    world.run(60)
    assert world.weights() == {"v1": 100}
    assert world.events().count(Event.STARTED) == 1
    live = world.live()
    assert live is not None
    assert live.body["metadata"]["labels"] == {"team": "shop"}


def test_retry_tries_a_rejected_release_again(world: World) -> None:
    release(world, v3=100)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    world.errors["v3"] = 0.0
    world.ask(Verb.RETRY)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v3": 100}
    assert next(r.entry.by for r in world.history() if r.entry.event is Event.RETRIED) == "ada"


def test_reverting_a_promoted_release_is_immediate(world: World) -> None:
    commit = release(world, v2=100)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    before = world.clock.now()
    world.repository.revert(commit)
    world.until(lambda: world.weights() == {"v1": 100})
    assert world.clock.now() - before <= 3
    assert world.events()[-1] is Event.RETREATED
    assert world.events().count(Event.STARTED) == 1


def test_a_revert_while_it_is_watched_is_immediate_too(world: World) -> None:
    commit = release(world, v2=100)
    world.until(lambda: world.saw(Event.PROMOTED))
    before = world.clock.now()
    world.repository.revert(commit)
    world.until(lambda: world.weights() == {"v1": 100})
    assert world.clock.now() - before <= 3
    world.run(30)
    assert world.weights() == {"v1": 100}
    assert world.events().count(Event.STARTED) == 1


def test_a_revert_in_mid_shift_goes_back_at_once(world: World) -> None:
    commit = release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    world.repository.revert(commit)
    world.until(lambda: world.weights() == {"v1": 100}, seconds=3)
    world.run(30)
    assert world.events()[-1] is Event.SUPERSEDED
    assert world.state().rejected == ()


def test_a_bad_manifest_is_rejected_whole(world: World) -> None:
    bad = service({"v9": 100}).replace("timeout:", "timeuot:")
    world.repository.merge({"reviews.yaml": bad, "rule.yaml": rule("v1", "v2", "v3", "v4")}, "Break it")
    outcome = world.run(5)
    errors = [f for f in outcome.desired.findings if f.is_error]
    assert {f.rule for f in errors} >= {"unknown-field"}
    assert all(f.path and f.line and f.column for f in errors)
    assert world.weights() == {"v1": 100}
    rule_ = world.live(RULE)
    assert rule_ is not None
    assert len(rule_.body["spec"]["subsets"]) == 3
    assert world.events()[-1] is Event.REJECTED


def test_two_merges_between_two_polls(world: World) -> None:
    release(world, v3=100)
    release(world, v2=100)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v2": 100}
    assert world.events().count(Event.STARTED) == 1


def test_the_policy_before_the_merge_governs(world: World) -> None:
    """A policy loosened in the same merge that it would have stopped."""
    loose = POLICY.replace("judge: limit", "judge: none")
    world.repository.merge({"reviews.yaml": service({"v3": 100}), "policy.yaml": loose}, "Loosen and release")
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == {"v1": 100}


def test_another_teams_timeout_does_not_disturb_a_shift(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    rollout = next(iter(world.state().rollouts.values())).id
    world.repository.merge({"reviews.yaml": service({"v2": 100}, timeout="7s")}, "Timeout")
    world.run(2)
    live = world.live()
    assert live is not None
    assert live.body["spec"]["http"][0]["timeout"] == "7s"
    assert next(iter(world.state().rollouts.values())).id == rollout
    assert world.weights() == {"v1": 50, "v2": 50}
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.events().count(Event.STARTED) == 1
    assert world.events().count(Event.UPDATED) == 1


def test_a_rolled_back_timeout_stays(world: World) -> None:
    """Only the rollout's own routes are put back; what was admitted beside them stays."""
    world.repository.merge({"reviews.yaml": service({"v3": 100}, timeout="9s")}, "Both")
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    live = world.live()
    assert live is not None
    assert live.body["spec"]["http"][0]["timeout"] == "9s"
    assert world.weights() == {"v1": 100}


def test_the_subset_that_serves_stays_until_nothing_needs_it(world: World) -> None:
    """HEAD drops v1's subset with the release; an unrelated commit after a rollback does not remove it."""
    world.repository.merge({"rule.yaml": rule("v3"), "reviews.yaml": service({"v3": 100})}, "Drop v1")
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    world.repository.merge({"README.md": "unrelated"}, "Unrelated")
    world.run(30)
    live = world.live(RULE)
    assert live is not None
    assert "v1" in {s["name"] for s in live.body["spec"]["subsets"]}
    assert world.weights() == {"v1": 100}


def test_subsets_shrink_when_the_watch_is_over(world: World) -> None:
    world.repository.merge({"rule.yaml": rule("v2"), "reviews.yaml": service({"v2": 100})}, "Only v2")
    world.until(lambda: world.saw(Event.PROMOTED))
    live = world.live(RULE)
    assert live is not None
    assert "v1" in {s["name"] for s in live.body["spec"]["subsets"]}
    world.until(lambda: world.saw(Event.SUCCEEDED))
    world.run(5)
    live = world.live(RULE)
    assert live is not None
    assert [s["name"] for s in live.body["spec"]["subsets"]] == ["v2"]


def test_a_hand_lowered_weight_pauses(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    world.edit(REVIEWS, {"v1": 80, "v2": 20})
    world.run(60)
    assert world.weights() == {"v1": 80, "v2": 20}
    (rollout,) = world.state().rollouts.values()
    assert rollout.phase is Phase.PAUSED
    world.ask(Verb.RESUME)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v2": 100}


def test_a_foreign_raise_goes_back_to_the_plan(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 90, "v2": 10})
    world.edit(REVIEWS, {"v1": 5, "v2": 95})
    world.run(1)
    assert world.weights() == {"v1": 90, "v2": 10}


def test_drift_outside_a_rollout_is_corrected(world: World) -> None:
    world.edit(REVIEWS, {"v1": 10, "v3": 90})
    world.run(1)
    assert world.weights() == {"v1": 100}
    assert world.events()[-1] is Event.DRIFT_CORRECTED


def test_a_replaced_object_goes_back_to_base(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    live = world.live()
    assert live is not None
    world.store.replace(REVIEWS, live.body, keep_state=False)
    world.tick()
    assert world.weights() == {"v1": 100}
    assert world.saw(Event.STATE_LOST)


def test_labels_edited_in_place_are_a_cutover_and_said_so(world: World) -> None:
    world.repository.merge({"rule.yaml": rule("v1", "v2", "v3", labels={"v1": "v4"})}, "Relabel")
    outcome = world.run(2)
    cut = next(r.entry for r in world.history() if r.entry.event is Event.CUTOVER)
    assert cut.verdict == "unjudged"
    assert "v1" in cut.sentence
    assert not outcome.plan.objects


def test_a_route_deleted_in_mid_shift_gives_way(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    other = service({"v1": 100}).replace("name: main", "name: other\n      match: [{uri: {prefix: /x}}]")
    world.repository.merge({"reviews.yaml": other}, "Another route")
    world.until(lambda: world.saw(Event.CUTOVER))
    events = world.events()
    assert events.index(Event.SUPERSEDED) < events.index(Event.CUTOVER)
    assert world.weights() == {"v1": 100}
    assert world.state().rollouts == {}


def test_an_object_deleted_in_git_is_pruned_and_told(world: World) -> None:
    world.repository.merge({"reviews.yaml": None}, "Remove")
    world.until(lambda: world.saw(Event.DELETED))
    assert world.live() is None
    assert world.events()[-2:] == [Event.DELETING, Event.DELETED]
    world.run(5)
    assert world.live() is None


def test_the_mesh_comes_back_from_the_ledger(world: World) -> None:
    """The SQLite file is deleted after a rollback: routing and rejected releases come back."""
    release(world, v3=100)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    world.store.close()
    for file in world.settings.state.glob("mesh.sqlite*"):
        file.unlink()
    world.start()
    world.run(120)
    assert world.weights() == {"v1": 100}
    assert world.saw(Event.RESTORED)
    assert world.events().count(Event.STARTED) == 1
    assert [r.route for r in world.state().rejected] == ["http/main"]


def test_no_evidence_no_promotion(world: World) -> None:
    world.metrics.requests_per_second = 0
    release(world, v2=100)
    world.until(lambda: world.saw(Event.EXPIRED))
    world.until(lambda: world.weights() == {"v1": 100})
    assert Event.PROMOTED not in world.events()
    assert world.state().rejected == ()


def test_an_operator_aborts(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    world.ask(Verb.ABORT)
    world.until(lambda: world.weights() == {"v1": 100})
    world.run(60)
    assert world.weights() == {"v1": 100}
    aborted = next(r.entry for r in world.history() if r.entry.event is Event.ABORTED)
    assert aborted.by == "ada"


def test_unrelated_commits_write_nothing(world: World) -> None:
    live = world.live()
    assert live is not None
    world.repository.merge({"reviews.yaml": "# a comment\n" + service({"v1": 100})}, "Comment")
    world.run(5)
    again = world.live()
    assert again is not None
    assert again.version == live.version
