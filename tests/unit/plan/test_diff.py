"""What one edit of one object is split into."""

from collections.abc import Collection
from typing import Any

import pytest

from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.model.plan import Cutover, Shift, Update
from gitops_mesh.plan.diff import Difference, compare
from gitops_mesh.plan.fields import comparable
from tests.fakes.meshes import (
    backend,
    body,
    entry,
    http_route,
    key,
    route,
    rule,
    split,
    to,
    virtual_service,
)

OLD = MeshIndex.of([rule({"v1": "1", "v2": "2"})])
NEW = MeshIndex.of([rule({"v1": "1", "v2": "2b", "v3": "3"})])
A, B = ([{"uri": {"prefix": f"/{name}"}}] for name in "ab")


def diff(old: Any, new: Any, in_flight: Collection[str] = ()) -> Difference:
    return compare(old, new, OLD, NEW, in_flight=in_flight)


def kinds(found: Difference) -> list[str]:
    return [type(change).__name__ for change in found.changes]


def cutover(found: Difference) -> Cutover:
    [only] = [change for change in found.changes if isinstance(change, Cutover)]
    return only


def update(found: Difference) -> Update:
    [only] = [change for change in found.changes if isinstance(change, Update)]
    return only


def test_a_split_that_changes_is_a_shift_with_the_labels_of_its_time() -> None:
    old, new = virtual_service(route({"v1": 90, "v2": 10}, "main")), virtual_service(route({"v2": 1}, "main"))
    found = diff(old, new)
    [shift] = found.changes
    assert isinstance(shift, Shift)
    assert (shift.ref.key, shift.ref.route) == (key(), "http/main")
    assert (shift.base.split, shift.target.split) == (split(v1=90, v2=10), split(v2=1))
    assert dict(shift.base.labels)[to("v2")] == (("version", "2"),)
    assert dict(shift.target.labels)[to("v2")] == (("version", "2b"),)
    assert comparable(found.admitted) == comparable(old)


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ({}, {"timeout": "1s"}, ("timeout",)),
        ({"retries": {"attempts": 1}}, {"retries": {"attempts": 2}}, ("retries", "attempts")),
        ({"fault": {"delay": {}}}, {}, ("fault",)),
        ({}, {"mirror": {"host": "shadow"}}, ("mirror",)),
        ({"headers": {"request": {}}}, {"headers": {"response": {}}}, ("headers", "response")),
    ],
)
def test_what_moves_no_traffic_is_an_update(old: Any, new: Any, pointer: Any) -> None:
    desired = virtual_service(route({"v1": 1}, "a"), route({"v1": 1}, "main", **new))
    found = diff(virtual_service(route({"v1": 1}, "a"), route({"v1": 1}, "main", **old)), desired)
    assert kinds(found) == ["Update"]
    assert ("spec", "http", 1, *pointer) in update(found).fields
    assert found.admitted == desired


def test_labels_and_annotations_are_updates() -> None:
    old, new = body("Gateway", {}, labels={"a": "1"}), body("Gateway", {}, labels={"a": "2"}, annotations={"b": "1"})
    assert update(diff(old, new)).fields == (("metadata", "labels", "a"), ("metadata", "annotations", "b"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([entry("v1", 1), entry("v2", 1)], [entry("v1", 50), entry("v2", 50)]),
        ([entry("v1", 1), entry("v2", 1)], [entry("v2", 1), entry("v1", 1)]),
        ([entry("v1", 1)], [entry("v1", 1), entry("v2", 0)]),
        ([entry("v1", 1)], [entry("v1", 1, host="reviews.shop.svc.cluster.local")]),
        ([entry("v1", 1)], [entry("v1", 1, headers={"request": {}})]),
    ],
)
def test_the_same_split_written_otherwise_is_an_update(old: Any, new: Any) -> None:
    found = diff(virtual_service({"name": "main", "route": old}), virtual_service({"name": "main", "route": new}))
    assert kinds(found) == ["Update"]
    assert update(found).fields == (("spec", "http", 0, "route"),)


def test_matches_in_another_order_are_an_update() -> None:
    old, new = (virtual_service(route({"v1": 1}, "main", found)) for found in ([*A, *B], [*B, *A]))
    assert update(diff(old, new)).fields == (("spec", "http", 0, "match"),)


def test_one_edit_may_be_all_three() -> None:
    old = virtual_service(route({"v1": 1}, "a", A), route({"v1": 1}, "main"))
    new = virtual_service(route({"v1": 1}, "a", B), route({"v1": 9, "v2": 1}, "main", timeout="1s"))
    found = diff(old, new)
    assert kinds(found) == ["Update", "Cutover", "Shift"]
    assert cutover(found).reasons == ("the matches of the route a change",)
    assert cutover(found).routes == ("http/a", "http/main")
    assert found.admitted["spec"]["http"][1] == route({"v1": 1}, "main", timeout="1s")
    assert found.admitted["spec"]["http"][0] == route({"v1": 1}, "a", B)


def test_a_shift_beside_an_edit_of_a_destinations_own_fields_admits_the_edit() -> None:
    old = virtual_service({"name": "main", "route": [entry("v1", 995), entry("v2", 5)]})
    edited = entry("v1", 1, headers={"request": {}})
    new = virtual_service({"name": "main", "route": [edited, entry("v2", 1)]})
    found = diff(old, new)
    assert kinds(found) == ["Update", "Shift"]
    assert found.admitted["spec"]["http"][0]["route"] == [{**edited, "weight": 199}, entry("v2", 1)]


@pytest.mark.parametrize(
    ("old", "new", "reason", "touched"),
    [
        ({"hosts": ["a"]}, {"hosts": ["a", "b"]}, "spec.hosts changes", ("http/main",)),
        ({"gateways": ["edge"]}, {}, "spec.gateways changes", ("http/main",)),
        ({}, {"exportTo": ["."]}, "spec.exportTo changes", ("http/main",)),
        ({"http": 5}, {"http": 6}, "spec.http changes", ()),
    ],
)
def test_who_gets_the_routes_is_a_cutover_of_all(old: Any, new: Any, reason: str, touched: Any) -> None:
    main = route({"v1": 1}, "main")
    found = diff(virtual_service(main, **old), virtual_service(main, **new))
    assert kinds(found) == ["Cutover"]
    assert cutover(found).reasons == (reason,)
    assert cutover(found).routes == touched


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"hosts": ["a", "b"]}, {"hosts": ["b", "a"]}),
        ({"gateways": ["edge", "mesh"]}, {"gateways": ["mesh", "edge"]}),
        ({}, {"gateways": ["mesh"]}),
    ],
)
def test_the_order_of_names_and_a_default_written_out_move_nothing(old: Any, new: Any) -> None:
    main = route({"v1": 1}, "main")
    assert kinds(diff(virtual_service(main, **old), virtual_service(main, **new))) == ["Update"]


def test_routes_that_come_and_go_are_cutovers_that_touch_what_stands_behind() -> None:
    main, a = route({"v1": 1}, "main"), route({"v2": 1}, "a", A)
    added = cutover(diff(virtual_service(main), virtual_service(a, main)))
    assert (added.reasons, added.routes) == (("the route a is new",), ("http/main",))
    removed = cutover(diff(virtual_service(a, main), virtual_service(main)))
    assert (removed.reasons, removed.routes) == (("the route a is removed",), ("http/a", "http/main"))
    behind = cutover(diff(virtual_service(main), virtual_service(main, a)))
    assert behind.routes == ()


def test_another_order_is_a_cutover() -> None:
    a, b, main = route({"v2": 1}, "a", A), route({"v2": 1}, "b", B), route({"v1": 1}, "main")
    found = cutover(diff(virtual_service(a, b, main), virtual_service(b, a, main)))
    assert found.reasons == ("the order of the routes changes (b)",)
    assert found.routes == ("http/a", "http/b")


@pytest.mark.parametrize("field", ["redirect", "directResponse", "delegate"])
def test_sending_requests_elsewhere_is_a_cutover(field: str) -> None:
    old, new = ({"name": "main", field: {"uri": uri, "status": uri}} for uri in "ab")
    found = cutover(diff(virtual_service(old), virtual_service(new)))
    assert found.reasons == (f"{field} of the route main changes",)
    assert found.routes == ("http/main",)


def test_a_redirect_filter_is_a_cutover_and_other_filters_are_updates() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"hostname": "x"}}
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}
    plain, headers, moved = (
        http_route({"backendRefs": [backend("a")], **more})
        for more in ({}, {"filters": [header]}, {"filters": [redirect]})
    )
    assert kinds(diff(plain, headers)) == ["Update"]
    assert kinds(diff(plain, moved)) == ["Cutover"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ({"redirect": {}}, {"route": [entry("v1")]}, "it had no destinations"),
        ({"route": [entry("v1")]}, {"redirect": {}}, "it has no destinations any more"),
    ],
)
def test_a_split_that_begins_or_ends_with_nothing_cannot_be_walked(old: Any, new: Any, why: str) -> None:
    found = diff(virtual_service({"name": "main", **old}), virtual_service({"name": "main", **new}))
    assert not any(isinstance(change, Shift) for change in found.changes)
    assert any(reason.endswith(why) for reason in cutover(found).reasons)
    assert cutover(found).routes == ("http/main",)


def test_ambiguous_routes_are_a_cutover_that_says_so() -> None:
    one, twin = route({"v1": 1}, match=A, timeout="1s"), route({"v1": 1}, match=A, timeout="2s")
    found = cutover(diff(virtual_service(one, twin), virtual_service({**one, "timeout": "3s"}, {**twin, "fault": {}})))
    assert "the route http/#0 cannot be paired with one route of the new version" in found.reasons
    assert "the route http/#1 cannot be paired with one accepted route" in found.reasons


def test_a_paired_but_nameless_twin_is_not_walked() -> None:
    one, twin = route({"v1": 1}, match=A), route({"v1": 1}, match=A, timeout="2s")
    found = diff(virtual_service(one, twin), virtual_service(one, {**twin, "route": [entry("v2")]}))
    assert kinds(found) == ["Cutover"]
    assert "give it a name" in cutover(found).reasons[0]


def test_a_route_known_by_its_destinations_is_walked_only_among_them() -> None:
    first = route({"v3": 1}, match=A)
    base, other, new = (route(w, match=A) for w in ({"v1": 9, "v2": 1}, {"v1": 1, "v2": 9}, {"v2": 1}))
    assert kinds(diff(virtual_service(first, base), virtual_service(first, other))) == ["Shift"]
    found = diff(virtual_service(first, base), virtual_service(first, new))
    assert kinds(found) == ["Cutover"]
    assert "known only by its destinations" in cutover(found).reasons[0]


def test_a_renamed_route_is_an_update_and_perhaps_a_shift_under_its_new_name() -> None:
    old, new = virtual_service(route({"v1": 1}, "old", A)), virtual_service(route({"v2": 1}, "new", A))
    found = diff(old, new)
    assert kinds(found) == ["Update", "Shift"]
    [shift] = [change for change in found.changes if isinstance(change, Shift)]
    assert shift.ref.route == "http/new"
    assert found.admitted == virtual_service(route({"v1": 1}, "new", A))


def test_a_route_in_flight_that_becomes_another_is_cut_over_and_says_so() -> None:
    old, new = virtual_service(route({"v1": 1}, "old", A)), virtual_service(route({"v2": 1}, "new", A))
    found = diff(old, new, in_flight={"http/old"})
    assert kinds(found) == ["Update", "Cutover", "Shift"]
    assert "http/old becomes http/new while a rollout is on it" in cutover(found).reasons[0]
    assert cutover(found).routes == ("http/old",)


def test_weights_of_gateway_api_are_walked_too() -> None:
    old = http_route({"backendRefs": [backend("a"), backend("b", 0)]})
    new = http_route({"backendRefs": [backend("a", 1), backend("b", 1)]})
    found = diff(old, new)
    assert kinds(found) == ["Shift"]
    assert found.admitted == old
    assert kinds(diff(old, http_route({"backendRefs": [backend("a", 0), backend("b", 0)]}))) == ["Cutover"]


@pytest.mark.parametrize(
    ("kind", "field", "expected"),
    [
        ("Gateway", "servers", "Cutover"),
        ("ServiceEntry", "endpoints", "Cutover"),
        ("ServiceEntry", "subjectAltNames", "Update"),
        ("Sidecar", "egress", "Cutover"),
        ("EnvoyFilter", "anything", "Cutover"),
        ("ProxyConfig", "concurrency", "Update"),
        ("DestinationRule", "host", "Cutover"),
        ("DestinationRule", "trafficPolicy", "Update"),
    ],
)
def test_kinds_without_routes_go_by_the_table(kind: str, field: str, expected: str) -> None:
    assert kinds(diff(body(kind, {field: "a"}), body(kind, {field: "b"}))) == [expected]


def test_what_no_rule_can_name_is_not_silent() -> None:
    found = diff({**body("Gateway", None)}, body("Gateway", 5))
    assert cutover(found).reasons == ("spec changes",)
