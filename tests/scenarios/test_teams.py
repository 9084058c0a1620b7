"""Several objects, several teams, several commits at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event, Phase
from gitops_mesh.model.settings import Scope
from tests.scenarios.world import POLICY, REVIEWS, World, rule, service

MOBILE = ObjectKey("networking.istio.io", "VirtualService", "shop", "mobile")
RATINGS = ObjectKey("networking.istio.io", "VirtualService", "shop", "ratings")

BEGIN = {
    "policy.yaml": POLICY,
    "reviews/rule.yaml": rule("v1", "v2", "v3"),
    "reviews/reviews.yaml": service({"v1": 100}),
    "reviews/mobile.yaml": service({"v1": 100}, name="mobile"),
    "ratings/rule.yaml": rule("v1", "v2", "v3", host="ratings"),
    "ratings/ratings.yaml": service({"v1": 100}, host="ratings"),
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, errors={"v3": 0.2})
    world.repository.merge(BEGIN, "Begin")
    world.run(3)
    return world


def test_routes_to_one_destination_move_as_one(world: World) -> None:
    world.repository.merge(
        {"reviews/reviews.yaml": service({"v2": 100}), "reviews/mobile.yaml": service({"v2": 100}, name="mobile")},
        "Both",
    )
    together = []
    world.until(lambda: together.append((world.weights(), world.weights(MOBILE))) or world.saw(Event.SUCCEEDED))
    assert all(one == other for one, other in together)
    assert world.events().count(Event.STARTED) == 1
    succeeded = world.history()[-1].entry
    assert set(succeeded.objects) == {REVIEWS, MOBILE}
    assert world.state(MOBILE).rollouts == world.state().rollouts == {}
    assert world.weights(MOBILE) == {"v2": 100}


def test_a_regression_of_one_route_puts_all_of_its_rollout_back(world: World) -> None:
    world.repository.merge(
        {"reviews/reviews.yaml": service({"v3": 100}), "reviews/mobile.yaml": service({"v3": 100}, name="mobile")},
        "Both",
    )
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    assert world.weights() == world.weights(MOBILE) == {"v1": 100}
    assert world.state().rejected
    assert world.state(MOBILE).rejected
    world.run(60)
    assert world.events().count(Event.STARTED) == 1


def test_a_second_shift_to_the_same_destination_waits(world: World) -> None:
    world.repository.merge({"reviews/reviews.yaml": service({"v2": 100})}, "First")
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    world.repository.merge({"reviews/mobile.yaml": service({"v2": 100}, name="mobile")}, "Second")
    world.run(3)
    (waiting,) = world.state(MOBILE).rollouts.values()
    assert waiting.phase is Phase.PENDING
    assert world.weights(MOBILE) == {"v1": 100}
    world.until(lambda: world.events().count(Event.SUCCEEDED) == 2)
    assert world.weights(MOBILE) == {"v2": 100}


def test_other_destinations_go_their_own_way(world: World) -> None:
    world.repository.merge(
        {"reviews/reviews.yaml": service({"v3": 100}), "ratings/ratings.yaml": service({"v2": 100}, host="ratings")},
        "Unrelated",
    )
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v1": 100}
    assert world.weights(RATINGS) == {"v2": 100}


def test_another_release_in_mid_shift_goes_back_to_stable_first(world: World) -> None:
    world.repository.merge({"reviews/reviews.yaml": service({"v3": 100})}, "v3")
    world.until(lambda: world.weights() == {"v1": 90, "v3": 10})
    world.repository.merge({"reviews/reviews.yaml": service({"v2": 100})}, "v2 instead")
    seen = []
    world.until(lambda: seen.append(world.weights()) or world.saw(Event.SUCCEEDED))
    assert {"v1": 100} in seen
    assert not any({"v2", "v3"} <= set(weights) for weights in seen)
    assert Event.SUPERSEDED in world.events()
    assert world.weights() == {"v2": 100}


def test_another_share_of_the_same_release_retargets_in_place(world: World) -> None:
    world.repository.merge({"reviews/reviews.yaml": service({"v1": 40, "v2": 60})}, "60%")
    world.until(lambda: world.weights()["v1"] <= 70)
    (before,) = world.state().rollouts.values()
    world.repository.merge({"reviews/reviews.yaml": service({"v1": 20, "v2": 80})}, "80%")
    seen = []
    world.until(lambda: seen.append(world.weights()) or world.saw(Event.SUCCEEDED))
    assert {"v1": 100} not in seen
    assert world.weights() == {"v1": 20, "v2": 80}
    assert Event.RETARGETED in world.events()
    assert world.history()[-1].entry.rollout == before.id


def test_a_lower_share_in_mid_shift_is_applied_at_once(world: World) -> None:
    world.repository.merge({"reviews/reviews.yaml": service({"v2": 100})}, "All")
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})
    world.repository.merge({"reviews/reviews.yaml": service({"v1": 80, "v2": 20})}, "Rather 20%")
    world.until(lambda: world.weights() == {"v1": 80, "v2": 20}, seconds=3)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert world.weights() == {"v1": 80, "v2": 20}
    assert world.events()[-2:] == [Event.RETREATED, Event.SUCCEEDED]
    world.run(10)
    assert world.events()[-1] is Event.SUCCEEDED


def test_immediate_needs_the_policy_and_the_merge(world: World) -> None:
    world.repository.merge({"reviews/reviews.yaml": service({"v2": 100})}, "Hurry", trailers={"Rollout": "immediate"})
    world.until(lambda: world.saw(Event.STARTED), seconds=5)
    world.until(lambda: world.saw(Event.SUCCEEDED))
    allowed = POLICY.replace("  watch: 20s\n", "  watch: 20s\n  allowImmediate: true\n")
    world.repository.merge({"policy.yaml": allowed}, "Allow it")
    world.repository.merge(
        {"reviews/reviews.yaml": service({"v3": 100})}, "Not on the merge", branch_trailers={"Rollout": "immediate"}
    )
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    world.repository.merge(
        {"reviews/reviews.yaml": service({"v2": 50, "v3": 50})}, "Now", trailers={"Rollout": "immediate"}
    )
    world.until(lambda: world.saw(Event.IMMEDIATE), seconds=5)
    assert world.weights() == {"v2": 50, "v3": 50}
    assert world.history()[-1].entry.verdict == "unjudged"


def test_a_scope_with_errors_stays_and_the_others_go_on(tmp_path: Path) -> None:
    world = World(
        tmp_path, scopes=(Scope("reviews", ("reviews",)), Scope("ratings", ("ratings",)), Scope("rest", ("",)))
    )
    world.repository.merge(BEGIN, "Begin")
    world.run(3)
    world.repository.merge({"reviews/reviews.yaml": service({"v2": 100}, timeout="4s")}, "Good")
    world.repository.merge(
        {
            "reviews/reviews.yaml": service({"v3": 100}).replace("timeout:", "timeuot:"),
            "ratings/ratings.yaml": service({"v2": 100}, host="ratings"),
        },
        "Half bad",
    )
    world.until(lambda: world.events().count(Event.SUCCEEDED) == 2)
    assert world.weights(RATINGS) == {"v2": 100}
    assert world.weights() == {"v2": 100}
    assert world.saw(Event.REJECTED)


def test_first_sight_is_accepted_and_walked_from(tmp_path: Path) -> None:
    """Objects that are on the mesh already are adopted as they are; the difference is walked."""
    world = World(tmp_path)
    for text in (rule("v1", "v2"), service({"v1": 100})):
        (manifest,) = parse(text.encode(), "live.yaml").manifests
        world.store.replace(manifest.key, manifest.body, keep_state=False)
    world.repository.merge(
        {"policy.yaml": POLICY, "rule.yaml": rule("v1", "v2"), "reviews.yaml": service({"v2": 100})}, "Begin"
    )
    seen = []
    world.until(lambda: seen.append(world.weights()) or world.saw(Event.SUCCEEDED))
    assert {"v1": 90, "v2": 10} in seen
    assert world.events()[:2] == [Event.ADOPTED, Event.ADOPTED]


def test_objects_that_are_not_in_git_are_never_touched(world: World) -> None:
    (manifest,) = parse(service({"v1": 100}, name="foreign").encode(), "live.yaml").manifests
    before = world.store.replace(manifest.key, manifest.body, keep_state=False)
    world.run(10)
    after = world.live(manifest.key)
    assert after == before


def test_context_is_read_and_never_applied(world: World) -> None:
    """Services and workloads in the repository tell what hosts there are; they are not ours to apply."""
    others = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\nspec: {ports: [{port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: ratings, namespace: shop}\nspec: {ports: [{port: 80}]}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: reviews, namespace: shop}\nspec: {}\n"
    )
    world.repository.merge({"workloads.yaml": others}, "Workloads")
    outcome = world.run(3)
    assert not [f for f in outcome.desired.findings if f.is_error]
    assert {live.key.kind for live in world.cluster.objects()} == {"VirtualService", "DestinationRule"}


def test_a_lost_object_comes_back(world: World) -> None:
    world.store.remove(RATINGS)
    world.run(2)
    assert world.weights(RATINGS) == {"v1": 100}
    assert world.saw(Event.RESTORED)


def test_drift_is_only_reported_when_configured(tmp_path: Path) -> None:
    world = World(tmp_path, drift="report")
    world.repository.merge(BEGIN, "Begin")
    world.run(3)
    world.edit(REVIEWS, {"v1": 10, "v3": 90})
    outcome = world.run(5)
    assert world.weights() == {"v1": 10, "v3": 90}
    assert outcome.plan.objects


def test_a_mass_deletion_needs_leave(world: World) -> None:
    world.repository.merge(dict.fromkeys(list(BEGIN)[1:], None), "Remove all")
    outcome = world.run(5)
    assert outcome.plan.refused
    assert world.weights() == {"v1": 100}
    world.repository.commit({}, "Really", trailers={"Allow-Prune": "yes"})
    world.run(5)
    assert not world.cluster.objects()


def test_a_ledger_that_cannot_be_pushed_stops_no_rollback(world: World) -> None:
    """The ledger's remote goes away in mid-shift; the outbox keeps what happened until it is back."""
    world.repository.merge({"reviews/reviews.yaml": service({"v3": 100})}, "v3")
    world.until(lambda: world.weights() == {"v1": 90, "v3": 10})
    hidden = world.repository.origin.with_suffix(".hidden")
    world.repository.origin.rename(hidden)
    while world.weights() != {"v1": 100}:
        assert world.reconciler.tick() is not None
        world.clock.advance(1)
    assert Event.ROLLED_BACK not in {r.entry.event for r in world.history()} or world.state().outbox
    hidden.rename(world.repository.origin)
    world.until(lambda: world.saw(Event.ROLLED_BACK))
    world.run(5)
    assert world.state().outbox == ()
    assert world.ledger.push()


def test_a_manifest_says_what_is_done_about_drift_on_its_object(tmp_path: Path) -> None:
    world = World(tmp_path, drift="report")
    text = service({"v1": 100}, extra=", annotations: {gitops-mesh.io/drift: correct}")
    world.repository.merge({**BEGIN, "reviews/reviews.yaml": text}, "Begin")
    world.run(3)
    world.edit(REVIEWS, {"v1": 10, "v3": 90})
    world.run(5)
    assert world.weights() == {"v1": 100}


def test_routes_that_metrics_cannot_tell_apart_hold_up_no_rollout(world: World) -> None:
    world.metrics.shared = True
    text = service({"v1": 0, "v2": 100}, name="mobile")
    world.repository.merge({"reviews/mobile.yaml": text}, "Move mobile to v2")
    world.until(lambda: world.saw(Event.SUCCEEDED))
    assert not world.saw(Event.EXPIRED)
    assert world.weights() == {"v1": 100}, "the other route stays"
