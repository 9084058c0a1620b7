from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.mesh.routes import forms, routes, spellings
from gitops_mesh.model.routes import Destination, Split
from tests.fakes.meshes import (
    GATEWAY_API,
    backend,
    body,
    entry,
    http_route,
    json_values,
    route,
    split,
    to,
    virtual_service,
)

PREFIX_A = [{"uri": {"prefix": "/a"}}]
PREFIX_B = [{"uri": {"prefix": "/b"}}]
PREFIX_C = [{"uri": {"prefix": "/c"}}]


def ids(found: Any) -> list[str]:
    return [one.id for one in routes(found)]


def test_a_route_is_known_by_name_then_matches_then_destinations_then_place() -> None:
    found = virtual_service(
        route({"v1": 1}, "main", PREFIX_A),
        route({"v1": 1}, match=PREFIX_B),
        route({"v1": 1}, match=PREFIX_C),
        route({"v2": 1}, match=PREFIX_C),
        route({"v1": 1}, match=PREFIX_C),
        route({"v1": 1}),
    )
    assert ids(found)[0] == "http/main"
    assert ids(found)[1].startswith("http/~")
    assert ids(found)[3].startswith("http/=")
    assert routes(found)[3].by_destinations
    assert not routes(found)[0].by_destinations
    # The third has matches and destinations that the fifth has too: only its place is its own.
    assert ids(found)[2] == "http/#2"
    assert routes(found)[2].ambiguous
    assert ids(found)[5] == "http/~default"


def test_a_walk_of_one_route_leaves_the_identity_of_others_alone() -> None:
    twins = [route({"v1": 1}, match=PREFIX_A), route({"v2": 1}, match=PREFIX_A)]
    before = ids(virtual_service(*twins, route({"v3": 1}, "main")))
    for walked in ({"v2": 1}, {"v1": 1}):
        assert ids(virtual_service(*twins, route(walked, "main"))) == before


def test_a_name_used_twice_is_no_identity() -> None:
    found = virtual_service(route({"v1": 1}, "x", PREFIX_A), route({"v2": 1}, "x", PREFIX_B))
    assert all(identity.startswith("http/~") for identity in ids(found))


def test_a_name_cannot_pose_as_an_identity_of_ours() -> None:
    found = virtual_service(route({"v1": 1}, "~default", PREFIX_A), route({"v2": 1}, "#0", PREFIX_B), route({"v3": 1}))
    assert len(set(ids(found))) == 3
    assert ids(found)[2] == "http/~default"


def test_two_matches_whose_digests_collide_are_ambiguous() -> None:
    # Found by search: the first eight hexadecimal digits of SHA-256 are equal.
    one, other = ([{"uri": {"exact": f"/{n}"}}] for n in (38164, 61084))
    found = routes(virtual_service(route({"v1": 1}, match=one), route({"v2": 1}, match=other)))
    assert [r.id for r in found] == ["http/#0", "http/#1"]
    assert all(r.ambiguous for r in found)


def test_order_and_names_of_matches_do_not_count_and_an_empty_one_matches_everything() -> None:
    one = virtual_service(route({"v1": 1}, match=[*PREFIX_A, {"name": "x", **PREFIX_B[0]}]))
    other = virtual_service(route({"v1": 1}, match=[*PREFIX_B, *PREFIX_A]))
    assert ids(one) == ids(other)
    assert ids(virtual_service(route({"v1": 1}, match=[*PREFIX_A, {}]))) == ["http/~default"]
    assert ids(virtual_service(route({"v1": 1}, match=[*PREFIX_A, {"name": "x"}]))) == ["http/~default"]


def test_lists_are_apart() -> None:
    found = virtual_service(route({"v1": 1}), tcp=[route({"v1": 1})], tls=[route({"v1": 1})])
    assert ids(found) == ["http/~default", "tls/~default", "tcp/~default"]
    assert [r.pointer for r in routes(found)][1] == ("spec", "tls", 0)


def test_weights_of_a_virtual_service() -> None:
    single = routes(virtual_service({"route": [entry("v1", 0)]}))[0]
    assert single.split == split(v1=1)
    omitted = routes(virtual_service({"route": [entry("v1"), entry("v2", 3), entry("v2", 1)]}))[0]
    assert omitted.split == split(v2=1)
    assert not routes(virtual_service({"redirect": {"uri": "/"}}))[0].split.shares
    assert not routes(virtual_service({"route": [entry("v1", 0), entry("v2", 0)]}))[0].split.shares


def test_weights_of_gateway_api() -> None:
    def of(*backends: Any) -> Split:
        return routes(http_route({"backendRefs": list(backends)}))[0].split

    a, b = (Destination(f"{name}.shop.svc.cluster.local", "", 80) for name in "ab")
    assert of(backend("a"), backend("b", 3)) == Split.of({a: 1, b: 3})
    assert not of(backend("a", 0)).shares
    other = Destination("a.other.svc.cluster.local", "", 80)
    assert of(backend("a", namespace="other")) == Split.of({other: 1})
    assert of(backend("api.example.com", kind="Hostname")) == Split.of({Destination("api.example.com", "", 80): 1})


def test_negative_and_odd_weights_count_as_nothing() -> None:
    found = virtual_service({"route": [entry("v1", 5), entry("v2", -5), {**entry("v3"), "weight": "many"}]})
    assert routes(found)[0].split == split(v1=1)


def test_rest_and_raw_are_as_written() -> None:
    written = route({"v1": 1}, "main", PREFIX_A, timeout="1s")
    found = routes(virtual_service(written))[0]
    assert found.rest == {"timeout": "1s"}
    assert found.raw == written
    assert found.entries == (entry("v1", 1),)


def test_spellings_leave_weights_out_and_keep_repetitions() -> None:
    listed = [entry("v1", 1), entry("v1", 2, headers={}), entry("v2", 3, host="reviews.shop.svc.cluster.local")]
    found = spellings(routes(virtual_service({"route": listed}))[0], "shop")
    assert len(found[to("v1")]) == 2
    assert "weight" not in "".join(found[to("v1")])
    assert "svc" in found[to("v2")][0]


def test_kinds_without_routes_have_none() -> None:
    assert forms(body("DestinationRule", {"http": [route({"v1": 1})]})) == ()
    assert routes(body("VirtualService", {"http": [route({"v1": 1})]}, group="example.com")) == ()
    assert routes({}) == ()


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        {"http": "abc"},
        {"http": {"a": 1}},
        {"http": 5},
        {"http": [None, 1, "x", []]},
        {"http": [{"route": {"a": 1}}]},
        {"http": [{"route": [None, {"destination": "x"}, {"destination": {"port": "http", "host": 5}}]}]},
        {"http": [{"name": {"a": 1}, "match": {"uri": 1}, "route": [{"destination": {"port": {"number": "x"}}}]}]},
        {"http": [{"match": [{1: 2}], "route": []}]},
    ],
)
def test_malformed_parts_do_not_raise(spec: Any) -> None:
    for one in routes({**body("VirtualService", spec), "metadata": None}):
        assert one.id.startswith("http/")


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.sampled_from(["name", "match", "route", "backendRefs"]), json_values)))
def test_every_route_has_an_id_of_its_own_whatever_the_body(written: Any) -> None:
    for found in (virtual_service(*written), body("HTTPRoute", {"rules": written}, group=GATEWAY_API)):
        assert len(set(ids(found))) == len(routes(found)) == len(written)


def test_a_body_is_read_once_however_many_there_are() -> None:
    body = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "spec": {"http": [{"name": "main"}]}}
    first = routes(body)
    assert routes(body) is first
    for number in range(10_001):
        routes({"kind": "Gateway", "spec": {"number": number}})
    assert routes(body) == first
