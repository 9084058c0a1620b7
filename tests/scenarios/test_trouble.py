"""What goes wrong around a release, and what the mesh does then."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest

from gitops_mesh.model.rollouts import Event, Verb
from tests.scenarios.world import POLICY, REVIEWS, World, rule, service


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The mesh `shop` with reviews at v1, settled; v3 fails."""
    world = World(tmp_path, errors={"v3": 0.2})
    world.repository.merge(
        {"policy.yaml": POLICY, "rule.yaml": rule("v1", "v2", "v3"), "reviews.yaml": service({"v1": 100})}, "Begin"
    )
    world.run(3)
    return world


def release(world: World, **weights: int) -> str:
    return world.repository.merge({"reviews.yaml": service(weights)}, f"Release {weights}")


def half_way(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})


def test_a_bad_head_does_not_stop_a_rollout_under_way(world: World) -> None:
    half_way(world)
    world.repository.merge({"rule.yaml": rule("v1", "v2").replace("host:", "hots:")}, "Bad")
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v2": 100}
    assert world.saw(Event.REJECTED)


def test_a_policy_deleted_in_mid_shift_still_governs_it(world: World) -> None:
    half_way(world)
    world.repository.merge({"policy.yaml": None}, "No policy")
    began = world.clock.now()
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.clock.now() - began < 60


def test_a_rewritten_branch_is_another_head(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    world.repository.force_push({"reviews.yaml": service({"v3": 100})}, drop=1)
    assert world.source.refresh().rewritten
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == {"v2": 100}


def test_three_destinations_come_back_as_they_were(world: World) -> None:
    release(world, v1=50, v2=50)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    release(world, v1=20, v2=30, v3=50)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == {"v1": 50, "v2": 50}


def test_weights_that_are_no_percentages_end_as_they_are_written(world: World) -> None:
    thirds = {"v1": 1, "v2": 1, "v4": 1}
    world.repository.merge({"reviews.yaml": service(thirds), "rule.yaml": rule("v1", "v2", "v3", "v4")}, "Thirds")
    world.until(lambda: world.saw(Event.SUCCEEDED))
    live = world.live()
    assert live is not None
    assert [entry["weight"] for entry in live.body["spec"]["http"][0]["route"]] == [1, 1, 1]
    world.run(20)
    assert world.events()[-1] is Event.SUCCEEDED


def test_drift_of_another_route_is_corrected_during_a_rollout(world: World) -> None:
    two = service({"v1": 100}) + (
        "    - match: [{uri: {prefix: /x}}]\n      name: x\n      route: [{destination: {host: reviews, subset: v1}}]\n"
    )
    world.repository.merge({"reviews.yaml": two}, "Two routes")
    world.run(3)
    world.repository.merge({"reviews.yaml": two.replace("subset: v1}, weight", "subset: v2}, weight")}, "Shift one")
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    live = world.live()
    assert live is not None
    body = copy.deepcopy(dict(live.body))
    body["spec"]["http"][1]["route"][0]["destination"]["subset"] = "v3"
    world.store.replace(REVIEWS, body, keep_state=True)
    world.run(2)
    assert world.weights(route=1) == {"v1": 100}
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.events().count(Event.STARTED) == 1


def test_a_damaged_state_goes_back_to_base_and_begins_again(world: World) -> None:
    half_way(world)
    world.store.annotate(REVIEWS, "rollouts", "{nonsense")
    world.tick()
    assert world.weights() == {"v1": 100}
    assert world.saw(Event.STATE_LOST)
    world.until(lambda: world.saw(Event.SUCCEEDED))


def test_a_damaged_request_disturbs_nothing(world: World) -> None:
    half_way(world)
    world.store.annotate(REVIEWS, "request", "{nonsense")
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.events().count(Event.STARTED) == 1


def test_a_regression_ends_a_pause(world: World) -> None:
    release(world, v3=100)
    world.until(lambda: world.weights() == {"v1": 90, "v3": 10})
    world.ask(Verb.PAUSE)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == {"v1": 100}


def test_a_release_promoted_by_hand_is_watched_all_the_same(world: World) -> None:
    world.errors["v3"] = 0.0
    release(world, v3=100)
    world.until(lambda: world.weights() == {"v1": 90, "v3": 10})
    world.ask(Verb.PROMOTE_FULL)
    world.until(lambda: world.weights() == {"v3": 100})
    world.errors["v3"] = 0.5
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == {"v1": 100}


def test_a_release_can_be_aborted_while_it_is_watched(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.saw(Event.PROMOTED))
    world.run(2)
    world.ask(Verb.ABORT)
    world.until(lambda: world.weights() == {"v1": 100})
    world.run(60)
    assert world.weights() == {"v1": 100}


def test_a_provider_that_is_away_promotes_nothing(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.weights() == {"v1": 90, "v2": 10})
    world.metrics.problem = "timeout"
    world.until(lambda: world.saw(Event.EXPIRED))
    assert Event.STEPPED not in world.events()
    assert world.state().rejected == ()


def test_nothing_shifts_to_a_version_that_does_not_answer(world: World) -> None:
    world.up = False
    release(world, v2=100)
    world.run(30)
    assert world.weights() == {"v1": 100}
    assert not world.saw(Event.STARTED)
    world.up = True
    world.start()
    world.until(lambda: world.saw(Event.SUCCEEDED))


def test_a_rewritten_ledger_is_said_and_never_forced(world: World) -> None:
    git = world.repository.git
    foreign = git("rev-parse", "HEAD")
    git("push", "--quiet", "--force", "origin", f"{foreign}:refs/heads/gitops-mesh/ledger/test")
    release(world, v2=100)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert "was rewritten" in world.reconciler.recorder.problem
    assert git("ls-remote", "origin", "refs/heads/gitops-mesh/ledger/test").split()[0] == foreign


def test_a_lost_ledger_folder_is_fetched_again(world: World) -> None:
    half_way(world)
    world.ledger.close()
    shutil.rmtree(world.settings.state / "ledger.git")
    world.start()
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.events().count(Event.STARTED) == 1


def test_a_manifest_that_moves_to_another_file_is_the_same_object(world: World) -> None:
    world.repository.merge({"reviews.yaml": None, "shop/reviews.yaml": service({"v2": 100})}, "Move and release")
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.events().count(Event.STARTED) == 1
    assert Event.DELETED not in world.events()
    assert world.state().origin == "shop/reviews.yaml"


def test_a_rule_and_its_service_can_leave_together(world: World) -> None:
    world.repository.merge({"reviews.yaml": None, "rule.yaml": None}, "Both leave")
    world.until(lambda: not world.cluster.objects(), seconds=10)
    gone = [str(r.entry.objects[0].kind) for r in world.history() if r.entry.event is Event.DELETED]
    assert gone == ["VirtualService", "DestinationRule"]


def test_subsets_renamed_in_the_same_merge_are_there_before_the_traffic(world: World) -> None:
    world.repository.merge({"rule.yaml": rule("v2", "v3", "v4"), "reviews.yaml": service({"v4": 100})}, "Rename")
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v4": 100}


def test_one_merge_may_revert_one_release_and_begin_another(world: World) -> None:
    release(world, v2=100)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    others = {"ratings.yaml": service({"v1": 100}, host="ratings"), "more.yaml": rule("v1", "v2", host="ratings")}
    world.repository.merge(others, "Ratings")
    world.run(3)
    world.repository.merge(
        {"reviews.yaml": service({"v1": 100}), "ratings.yaml": service({"v2": 100}, host="ratings")}, "Both"
    )
    world.until(lambda: world.weights() == {"v1": 100}, seconds=5)
    world.until(lambda: world.events().count(Event.SUCCEEDED) == 2)


def test_what_cannot_be_written_is_logged_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A second VirtualService for a host that the standalone mesh already routes."""
    renamed = service({"v2": 100}, name="web").replace("hosts: [web]", "hosts: [reviews]")
    world.repository.merge({"reviews.yaml": renamed}, "Rename")
    outcome = world.run(10)
    assert outcome.problems
    assert len([r for r in caplog.records if "not written" in r.message]) == 1
    assert world.weights() == {"v1": 100}


@pytest.mark.parametrize("written", ["alpha", "zeta"])
def test_the_ledger_tells_of_what_was_written_and_of_nothing_else(world: World, written: str) -> None:
    """One object of a wave is refused: before or after another one that is written."""
    refused = service({"v2": 100}, name="web").replace("hosts: [web]", "hosts: [reviews]")
    good = service({"v1": 100}, host="details", name=written).replace(f"hosts: [{written}]", "hosts: [details]")
    files = {"reviews.yaml": refused, "good.yaml": good, "details.yaml": rule("v1", host="details")}
    world.repository.merge(files, "One of two")
    world.run(5)
    keys = {live.key.name for live in world.cluster.objects() if live.key.kind == "VirtualService"}
    assert keys == {"reviews", written}
    told = {k.name for r in world.history() if r.entry.event is Event.CREATED for k in r.entry.objects}
    assert told == {"reviews", "details", written}
    assert not [r.entry.sentence for r in world.history() if "web" in r.entry.sentence]
    assert {k.name for k in world.ledger.objects()} == {"reviews", "details", written}
