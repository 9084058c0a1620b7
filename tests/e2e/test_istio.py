"""The main job on a real API server, istiod, Envoys and Prometheus: requests counted at the backends."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh.clock import SystemClock
from tests.controlplane.binaries import Binaries
from tests.controlplane.mesh import FOREIGN, HOST, Mesh
from tests.controlplane.stage import RATINGS, RBAC, Stage, denying, gamma, policy, route, rule
from tests.fakes.backend import Load, load

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def stage(test_mesh: Mesh, programs: Binaries, tmp_path: Path) -> Iterator[Stage]:
    """All of reviews at v1, accepted, and one daemon."""
    with Stage(test_mesh, programs, tmp_path) as made:
        first = made.merge(
            test_mesh.service_entry(), test_mesh.gateway(), rule("v1", "v2", "v3"), route(v1=100), policy(0.2, 0.5)
        )
        made.start()
        made.recorded("Created", first)
        test_mesh.until_served()
        yield made


@contextmanager
def loaded(mesh: Mesh, path: str = "/") -> Iterator[tuple[Load, Load]]:
    """Load on both ways in, for as long as the block runs."""
    with ExitStack() as stack:
        ports = (mesh.gateway_port, mesh.sidecar_port)
        gateway, sidecar = (stack.enter_context(load(port, HOST, path, clients=1)) for port in ports)
        yield gateway, sidecar


def nothing_lost(mesh: Mesh, loads: tuple[Load, Load], since: float) -> None:
    """No answer that a backend did not give, and none that Envoy flagged as lost."""
    for one in loads:
        assert one.total > 50
        assert not one.lost
        assert not one.not_from_backends()
    assert not {flag: count for flag, count in mesh.flags(since).items() if flag in FOREIGN}


def test_a_good_version_is_promoted(stage: Stage) -> None:
    mesh = stage.mesh
    since = SystemClock().now()
    with loaded(mesh) as loads:
        merged = stage.merge(route(v1=0, v2=100))
        stage.recorded("Succeeded", merged, 90)
        assert mesh.split(50) == {"v2": 50}
        assert mesh.split(50, "sidecar") == {"v2": 50}
    nothing_lost(mesh, loads, since)
    assert stage.events(merged) == ["Started", "Stepped", "Promoted", "Succeeded"]
    assert stage.weights() == [0, 100]


def test_a_bad_version_is_rolled_back(stage: Stage) -> None:
    mesh = stage.mesh
    mesh.backends["v2"].fail(1.0)
    since = SystemClock().now()
    with loaded(mesh) as loads:
        merged = stage.merge(route(v1=0, v2=100))
        stage.recorded("RolledBack", merged, 90)
        stage.until(lambda: mesh.split(50) == {"v1": 50}, 10, "all traffic is back")
    nothing_lost(mesh, loads, since)
    assert stage.events(merged) == ["Started", "Regressed", "RolledBack"]
    assert stage.weights() == [100]


def test_a_hand_lowered_weight_pauses_and_a_foreign_raise_goes_back(stage: Stage) -> None:
    mesh = stage.mesh
    path = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/reviews"
    with loaded(mesh) as loads:
        since = SystemClock().now()
        merged = stage.merge(route(v1=0, v2=100), policy(0.2, 0.5, bake="15s"))
        stage.recorded("Started", merged)
        stage.until(lambda: stage.weights() == [80, 20])
        edited = route(v1=10, v2=90)["spec"]["http"]
        mesh.server.patch(path, {"spec": {"http": edited}}, "kubectl-edit")
        stage.until(lambda: stage.weights() == [80, 20], 10, "a foreign raise goes back")
        mesh.server.patch(path, {"spec": {"http": route(v1=95, v2=5)["spec"]["http"]}}, "kubectl-edit")
        stage.recorded("Paused", merged, 20)
        assert stage.weights() == [95, 5]
    nothing_lost(mesh, loads, since)


def test_a_contested_object_freezes_and_names_the_manager(stage: Stage) -> None:
    mesh = stage.mesh
    path = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/reviews"
    mesh.server.patch(path, {"spec": {"http": route(v3=100)["spec"]["http"]}}, "flagger")
    daemon = stage.daemons["one"]
    stage.until(lambda: any("flagger owns .spec.http" in reason for reason in daemon.status()["reasons"]), 20)
    assert [to["destination"]["subset"] for to in mesh.server.get(path)["spec"]["http"][0]["route"]] == ["v3"]


def test_another_replica_takes_over_in_the_middle_of_a_shift(stage: Stage) -> None:
    mesh = stage.mesh
    follower = stage.start("two")
    assert follower.status()["leader"] == "one"
    since = SystemClock().now()
    with loaded(mesh) as loads:
        merged = stage.merge(route(v1=0, v2=100))
        stage.recorded("Started", merged)
        stage.kill("one")
        stage.recorded("Succeeded", merged, 90)
    nothing_lost(mesh, loads, since)
    assert stage.events(merged) == ["Started", "Stepped", "Promoted", "Succeeded"]
    assert stage.weights() == [0, 100]


def test_a_leader_that_was_frozen_changes_nothing_when_it_wakes(stage: Stage) -> None:
    merged = stage.merge(route(v1=0, v2=100), policy(0.2, bake="60s"))
    stage.until(lambda: stage.weights() == [80, 20])
    follower = stage.start("two")
    stage.freeze("one")
    stage.until(lambda: follower.status()["leader"] == "", 30, "the other one leads")
    stage.until(lambda: follower.status()["rollouts"], 20)
    epoch = stage.epoch()
    stage.thaw("one")
    frozen = stage.daemons["one"]
    stage.until(lambda: frozen.status()["leader"] == "two", 20, "the frozen one follows")
    assert stage.epoch() == epoch
    assert stage.weights() == [80, 20]
    assert stage.events(merged) == ["Started"]


def test_a_restart_of_the_api_server_in_mid_shift_loses_nothing(stage: Stage) -> None:
    mesh = stage.mesh
    since = SystemClock().now()
    with loaded(mesh) as loads:
        merged = stage.merge(route(v1=0, v2=100))
        stage.recorded("Started", merged)
        mesh.server.restart()
        stage.recorded("Succeeded", merged, 120)
    nothing_lost(mesh, loads, since)
    assert stage.events(merged) == ["Started", "Stepped", "Promoted", "Succeeded"]


def test_istiod_away_during_a_regression_is_waited_for(stage: Stage) -> None:
    mesh = stage.mesh
    with loaded(mesh):
        merged = stage.merge(route(v1=0, v2=100), policy(0.2, bake="10s"))
        stage.until(lambda: stage.weights() == [80, 20])
        stage.until(lambda: "v2" in mesh.split(20), what="v2 has traffic")
        mesh.istiod.kill()
        mesh.backends["v2"].fail(1.0)
        stage.recorded("Regressed", merged, 60)
        stage.until(lambda: stage.weights() == [100])
        mesh.istiod.restart()
        stage.recorded("RolledBack", merged, 60)
        stage.until(lambda: set(mesh.split(30)) == {"v1"}, what="all traffic is back")


def test_what_the_api_server_refuses_keeps_its_whole_scope_out(stage: Stage) -> None:
    mesh = stage.mesh
    mesh.server.apply(*denying("gitops-mesh-test", "object.metadata.name != 'forbidden'", "this name is not allowed"))
    stage.until(lambda: mesh.refuses(rule("v1", host="forbidden.shop.mesh")), what="the policy is in force")
    entry = mesh.service_entry("forbidden.shop.mesh")
    stage.merge(rule("v1", host="forbidden.shop.mesh"), entry, route(v1=100, v2=0), subject="Forbidden")
    daemon = stage.daemons["one"]
    stage.until(lambda: any("this name is not allowed" in reason for reason in daemon.status()["reasons"]), 30)
    told = next(reason for reason in daemon.status()["reasons"] if "this name is not allowed" in reason)
    assert told.startswith("mesh/")
    assert not mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/destinationrules/forbidden")
    assert not mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/serviceentries/forbidden")


def test_mass_deletion_is_guarded_and_foreign_objects_are_never_touched(stage: Stage) -> None:
    mesh = stage.mesh
    mesh.server.apply(rule("v1", host="theirs.shop.mesh"))
    more = [mesh.service_entry(f"s{number}.shop.mesh") for number in range(12)]
    merged = stage.merge(*more)
    stage.until(lambda: mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/serviceentries/s11"))
    names = [f"mesh/serviceentry-s{number}.yaml" for number in range(12)]
    stage.repository.merge(dict.fromkeys(names), "Remove them all")
    daemon = stage.daemons["one"]
    stage.until(lambda: any("Allow-Prune" in reason for reason in daemon.status()["reasons"]), 30)
    assert mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/serviceentries/s0")
    stage.repository.merge({"mesh/README.md": "pruned\n"}, "Allow it", {"Allow-Prune": "yes"})
    stage.until(lambda: not mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/serviceentries/s0"), 30)
    assert mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/destinationrules/theirs")
    assert merged


def test_the_weights_of_a_delegate_are_walked(stage: Stage) -> None:
    mesh = stage.mesh
    root = route()
    root["spec"]["http"] = [{"name": "all", "delegate": {"name": "reviews-routes", "namespace": "shop"}}]
    delegate = route(v1=100)
    delegate["metadata"]["name"] = "reviews-routes"
    delegate["spec"] = {"http": delegate["spec"]["http"]}
    stage.merge(root, delegate, subject="Delegate")
    stage.until(lambda: mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/virtualservices/reviews-routes"))
    stage.until(lambda: set(mesh.split(10)) == {"v1"})
    moved = {**delegate, "spec": {"http": route(v1=0, v2=100)["spec"]["http"]}}
    with loaded(mesh):
        merged = stage.merge(moved)
        stage.recorded("Succeeded", merged, 90)
    assert mesh.split(30) == {"v2": 30}
    assert stage.events(merged) == ["Started", "Stepped", "Promoted", "Succeeded"]


def test_an_httproute_is_shifted_like_a_virtualservice(stage: Stage) -> None:
    mesh = stage.mesh
    stage.merge(*gamma(mesh, {"v1": 3}), subject="Ratings by Gateway API")
    stage.until(lambda: set(mesh.split(10, "sidecar", RATINGS)) == {"v1"}, 30, "ratings are served")
    with loaded(mesh), load(mesh.sidecar_port, RATINGS, clients=1) as ratings:
        merged = stage.merge(gamma(mesh, {"v1": 0, "v2": 3})[-1])
        stage.recorded("Succeeded", merged, 90)
        assert mesh.split(30, "sidecar", RATINGS) == {"v2": 30}
    assert not ratings.lost
    assert not ratings.not_from_backends()
    assert stage.events(merged) == ["Started", "Stepped", "Promoted", "Succeeded"]


def test_exactly_the_granted_rights_are_used(stage: Stage) -> None:
    """A right that is missing fails, and one that nobody needs is seen."""
    mesh = stage.mesh
    stage.merge(rule("v1", host="gone.shop.mesh"), mesh.service_entry("gone.shop.mesh"))
    stage.until(lambda: mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/destinationrules/gone"))
    stage.repository.merge({"mesh/destinationrule-gone.yaml": None, "mesh/serviceentry-gone.yaml": None}, "Remove")
    stage.until(lambda: not mesh.exists("/apis/networking.istio.io/v1/namespaces/shop/serviceentries/gone"))
    with loaded(mesh):
        stage.recorded("Started", stage.merge(route(v1=50, v2=50)))
    stage.until(lambda: ("events.k8s.io", "events", "create", True) in mesh.server.used("gitops-mesh"))
    used = mesh.server.used("gitops-mesh")
    assert not {call for call in used if not call[3]}
    granted = rights()
    assert {(group, resource, verb) for group, resource, verb, _ in used} <= granted
    verbs = {(group, verb) for group, _, verb in granted}
    mesh_groups = {group for group, _, verb in granted if verb == "delete"}
    unused = verbs - {(group, verb) for group, _, verb, _ in used}
    # Objects of these kinds were not in the repository; their rights are those of networking.istio.io. An apply
    # that creates needs `create`, and is logged as a patch.
    others = mesh_groups - {"networking.istio.io"}
    written = {(group, verb) for group in others for verb in ("patch", "delete")}
    assert unused == written | {(group, "create") for group in mesh_groups}


@pytest.mark.timeout(900)
def test_fifty_random_merges_under_load_leave_no_request_without_a_route(stage: Stage) -> None:
    """Subsets added, renamed and removed, weights moved, splits widened and narrowed, promoted and rolled back."""
    mesh = stage.mesh
    chance = random.Random(4)
    quick = policy(0.5, bake="100ms", watch="100ms", requests=5)
    stage.recorded("Created")
    stage.merge(quick)
    since = SystemClock().now()
    with loaded(mesh) as loads:
        for number in range(50):
            names = {version: f"{version}{chance.choice(('', '-x'))}" for version in ("v1", "v2", "v3")}
            shown = chance.sample(sorted(names), chance.randint(1, 3))
            bad = chance.random() < 0.2
            for version, backend in mesh.backends.items():
                backend.fail(0.6 if bad and version == shown[-1] else 0.0)
            weights = {names[version]: chance.randint(1, 10) for version in shown}
            moved = parted(route(**weights)) if chance.random() < 0.3 else route(**weights)
            merged = stage.merge(walk_rule(names, shown), moved, subject=f"Walk {number}")
            if chance.random() < 0.7:
                stage.until(lambda merged=merged: stage.settled(merged), 60, f"merge {number} is settled")
        for backend in mesh.backends.values():
            backend.fail(0.0)
    for one in loads:
        assert one.total > 1000
        assert not one.lost
        assert not one.not_from_backends()
    assert not {flag: count for flag, count in mesh.flags(since).items() if flag in FOREIGN}
    assert {"Started", "Succeeded", "RolledBack", "Cutover"} <= set(stage.events())


def parted(made: dict[str, Any]) -> dict[str, Any]:
    """The same with a part of its requests on a route of their own."""
    (only,) = made["spec"]["http"]
    part = {**only, "name": "part", "match": [{"uri": {"prefix": "/part"}}]}
    return {**made, "spec": {**made["spec"], "http": [part, only]}}


def walk_rule(names: Mapping[str, str], shown: Sequence[str]) -> dict[str, Any]:
    """The subsets that a route needs, under the names that it uses."""
    subsets = [{"name": names[version], "labels": {"version": version}} for version in sorted(shown)]
    made = rule()
    return {**made, "spec": {**made["spec"], "subsets": subsets}}


def rights() -> set[tuple[str, str, str]]:
    """(group, resource, verb) of what the deployment grants."""
    documents = [d for d in yaml.safe_load_all(RBAC.read_text()) if d and "rules" in d]
    return {
        (group, resource, verb)
        for document in documents
        for one in document["rules"]
        for group in one["apiGroups"]
        for resource in one["resources"]
        for verb in one["verbs"]
    }
