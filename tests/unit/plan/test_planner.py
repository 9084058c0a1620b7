"""The table of `plan.planner`, line by line, then the order of writes."""

from typing import Any

import pytest

from gitops_mesh.model.plan import (
    Create,
    Cutover,
    Drift,
    Plan,
)
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.plan.planner import plan
from tests.fakes.meshes import body, key, route, rule, virtual_service
from tests.fakes.views import X, Y, Z, flight, gone, names, of, same, view


@pytest.mark.parametrize(
    ("desired", "accepted", "live", "changes"),
    [
        (X, None, None, ["Create"]),
        (X, None, X, []),
        (Y, None, X, ["Update"]),
        (Z, None, X, ["Shift"]),
        (X, X, X, []),
        (Y, X, X, ["Update"]),
        (Z, X, X, ["Shift"]),
        (X, X, Z, ["Drift"]),
        (Y, X, Z, ["Drift", "Update"]),
        (X, X, None, ["Drift"]),
        (Z, X, None, ["Drift", "Shift"]),
        (None, X, X, ["Delete"]),
        (None, X, Z, ["Delete"]),
        (None, X, None, ["Delete"]),
        (None, None, X, []),
    ],
)
def test_the_three_states_give_the_changes_of_the_table(desired: Any, accepted: Any, live: Any, changes: Any) -> None:
    found = plan([view(desired, accepted, live)])
    assert [name for one in found.objects for name in names(one.changes)] == changes
    assert found.refused == ""


def test_an_object_without_changes_has_no_plan() -> None:
    assert plan([same(X), same(rule({"v1": "1"}))]) == Plan()
    assert plan([]) == Plan()


def test_another_version_of_the_group_is_no_change() -> None:
    older = {**X, "apiVersion": "networking.istio.io/v1alpha3"}
    assert plan([view(X, older, older)]) == Plan()


def test_what_is_admitted_and_what_is_wanted() -> None:
    created, shifted, deleted = (of(plan([v])) for v in (view(Z, None, None), view(Z, X, X), gone(X)))
    assert (created.admitted, created.desired, created.scope) == (Z, Z, "all")
    assert (shifted.admitted, shifted.desired) == (X, Z)
    assert (deleted.admitted, deleted.desired) == (None, None)
    assert [shift.ref for shift in shifted.shifts] == [RouteRef(key(), "http/main")]
    assert created.changes == (Create(key()),)


def test_a_gone_object_comes_back_as_it_was_accepted() -> None:
    found = of(plan([view(Z, X, None)]))
    assert found.changes[0] == Drift(key(), missing=True)
    assert found.admitted == X


def test_weights_in_flight_are_no_drift_and_the_shift_stays_planned() -> None:
    midway = virtual_service(route({"v1": 50, "v2": 50}, "main"))
    found = of(plan([view(Z, X, midway)], [flight()]))
    assert names(found.changes) == ["Shift"]
    assert names(of(plan([view(Z, X, midway)])).changes) == ["Drift", "Shift"]


def test_an_update_in_mid_shift_leaves_the_shift_alone() -> None:
    both = virtual_service(route({"v2": 1}, "main", timeout="1s"))
    found = of(plan([view(both, X, X)], [flight()]))
    assert names(found.changes) == ["Update", "Shift"]
    assert found.admitted == Y


def test_a_route_removed_in_mid_shift_is_a_cutover_of_it() -> None:
    other = virtual_service(route({"v3": 1}, "other", [{"uri": {"exact": "/"}}]))
    found = of(plan([view(other, X, X)], [flight()]))
    [cutover] = found.changes
    assert isinstance(cutover, Cutover)
    assert cutover.routes == ("http/main",)


def test_objects_are_in_the_order_they_are_written() -> None:
    delegate = body("VirtualService", {"http": [route({"v1": 1})]}, "a-delegate")
    old = [gone(body(kind, {}, "old")) for kind in ("ServiceEntry", "DestinationRule")]
    made = [
        view(found, None, None)
        for found in (virtual_service(name="b"), virtual_service(name="a"), delegate, rule({}), body("Gateway", {}))
    ]
    found = plan([*old, *made])
    assert [(one.wave.name, one.key.name) for one in found.objects] == [
        ("DESTINATION_RULES", "reviews"),
        ("ENTRIES_AND_GATEWAYS", "reviews"),
        ("DELEGATES", "a-delegate"),
        ("ROUTES", "a"),
        ("ROUTES", "b"),
        ("PRUNE_ENTRIES_AND_GATEWAYS", "old"),
        ("PRUNE_DESTINATION_RULES", "old"),
    ]
