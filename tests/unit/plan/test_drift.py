from typing import Any

import pytest
from hypothesis import given, settings

from gitops_mesh.mesh.routes import routes
from gitops_mesh.mesh.weights import quantised, with_splits
from gitops_mesh.model.plan import Drift
from gitops_mesh.model.routes import Split
from gitops_mesh.plan.drift import drift
from tests.fakes.meshes import body, entry, key, route, rule, splits, unique_virtual_services, virtual_service

A = [{"uri": {"prefix": "/a"}}]
MAIN = route({"v1": 90, "v2": 10}, "main")


def test_an_object_that_is_gone_is_missing() -> None:
    assert drift(key(), virtual_service(MAIN), None) == Drift(key(), missing=True)


def test_what_others_put_beside_ours_is_theirs() -> None:
    live = virtual_service(MAIN)
    live["metadata"] = {**live["metadata"], "uid": "1", "finalizers": ["x"], "labels": {"team": "other"}}
    assert drift(key(), virtual_service(MAIN), {**live, "status": {"x": 1}}) is None


def test_a_label_of_ours_that_changed_is_drift() -> None:
    ours, live = body("Gateway", {}, labels={"a": "1", "b": "1"}), body("Gateway", {}, labels={"a": "2"})
    found = drift(key("Gateway"), ours, live)
    assert found == Drift(key("Gateway"), (("metadata", "labels", "a"), ("metadata", "labels", "b")))


def test_a_split_that_somebody_changed_is_drift_of_the_route() -> None:
    live = virtual_service(route({"v1": 1}, "main"))
    assert drift(key(), virtual_service(MAIN), live) == Drift(key(), (), ("http/main",))


def test_a_split_in_flight_is_the_machines_business_and_the_rest_is_not() -> None:
    edited = route({"v2": 1}, "main", timeout="1s")
    assert drift(key(), virtual_service(MAIN), virtual_service(route({"v2": 1}, "main")), {"http/main"}) is None
    found = drift(key(), virtual_service(MAIN), virtual_service(edited), {"http/main"})
    assert found == Drift(key(), (("spec", "http", 0, "timeout"),))
    respelt = virtual_service({"name": "main", "route": [entry("v1", 1, headers={}), entry("v2", 1)]})
    found = drift(key(), virtual_service(MAIN), respelt, {"http/main"})
    assert found == Drift(key(), (("spec", "http", 0, "route"),))


@pytest.mark.parametrize(
    "http",
    [
        [MAIN, route({"v3": 1}, "more", A)],
        [],
        [route({"v1": 90, "v2": 10}, "renamed")],
        [route({"v1": 90, "v2": 10}, "main", A)],
        [MAIN, "odd"],
        "odd",
    ],
)
def test_other_routes_than_the_accepted_ones_are_drift_of_the_list(http: Any) -> None:
    live = virtual_service(http=http) if isinstance(http, str) else virtual_service(*http)
    assert drift(key(), virtual_service(MAIN), live) == Drift(key(), (("spec", "http"),))


def test_fields_beside_routes_are_drift() -> None:
    assert drift(key(), virtual_service(MAIN), virtual_service(MAIN, exportTo=["."])) == Drift(
        key(), (("spec", "exportTo"),)
    )
    found = drift(key("DestinationRule"), rule({"v1": "1"}), rule({"v1": "2"}))
    assert found == Drift(key("DestinationRule"), (("spec", "subsets", 0, "labels", "version"),))
    one, other = ({**body("ConfigMap", None, group=""), "data": {"x": x}} for x in "ab")
    assert drift(key("ConfigMap"), one, other) == Drift(key("ConfigMap"), (("data", "x"),))


def test_the_same_split_written_otherwise_is_drift_unless_in_flight() -> None:
    live = virtual_service(route({"v1": 9, "v2": 1}, "main"))
    assert drift(key(), virtual_service(MAIN), live) == Drift(key(), (("spec", "http", 0, "route"),))
    assert drift(key(), virtual_service(MAIN), live, {"http/main"}) is None


@settings(max_examples=50)
@given(unique_virtual_services, splits)
def test_whatever_weights_a_rollout_writes_there_is_no_drift(accepted: Any, now: Split) -> None:
    ids = {one.id for one in routes(accepted)}
    live = with_splits(accepted, dict.fromkeys(ids, quantised(now)))
    assert drift(key(), accepted, live, ids) is None
    assert drift(key(), accepted, accepted) is None
