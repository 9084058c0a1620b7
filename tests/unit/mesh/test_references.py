from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.mesh.references import delegates, destinations, gateways, is_delegate
from tests.fakes.meshes import GATEWAY_API, backend, body, entry, http_route, json_values, key, to, virtual_service


def test_every_destination_counts_whatever_its_weight_and_mirrors_too() -> None:
    found = virtual_service(
        {
            "route": [entry("v1", 100), entry("v2", 0)],
            "mirror": {"host": "reviews", "subset": "v3"},
            "mirrors": [{"destination": {"host": "ratings"}, "percentage": {"value": 5}}],
        },
        tcp=[{"route": [entry("v4")]}],
        tls=[{"match": [{"sniHosts": ["reviews"]}], "route": [entry("v5")]}],
    )
    subsets = [to("v1"), to("v2"), to("v3"), to(host="ratings"), to("v4"), to("v5")]
    assert set(destinations(found)) == set(subsets)


def test_backends_and_their_mirrors_count() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("shadow")}}
    found = http_route({"backendRefs": [backend("a", filters=[mirror]), backend("b", 0)], "filters": [mirror]})
    found["spec"]["rules"][0]["filters"].append({"type": "RequestHeaderModifier"})
    assert {d.host.partition(".")[0] for d in destinations(found)} == {"a", "b", "shadow"}


def test_gateways_of_a_virtual_service_are_resolved() -> None:
    found = virtual_service(gateways=["edge", "infra/edge", "./own", "mesh"])
    expected = [key("Gateway", "edge"), key("Gateway", "edge", "infra"), key("Gateway", "own")]
    assert list(gateways(found)) == expected


def test_parents_of_a_route_are_resolved() -> None:
    parents = [{"name": "edge"}, {"name": "x", "namespace": "infra", "kind": "ServiceEntry", "group": "g"}]
    found = body("HTTPRoute", {"parentRefs": parents}, group=GATEWAY_API)
    assert list(gateways(found)) == [key("Gateway", "edge", group=GATEWAY_API), key("ServiceEntry", "x", "infra", "g")]


def test_delegates_are_resolved() -> None:
    found = virtual_service({"delegate": {"name": "a"}}, {"delegate": {"name": "b", "namespace": "n"}}, {"route": []})
    assert list(delegates(found)) == [key(name="a"), key(name="b", namespace="n")]
    assert list(delegates(http_route())) == []


def test_a_virtual_service_without_hosts_is_a_delegate() -> None:
    assert is_delegate(body("VirtualService", {"http": []}))
    assert not is_delegate(virtual_service())
    assert not is_delegate(body("DestinationRule", {}))


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["http", "rules", "gateways", "parentRefs", "hosts"]), json_values))
def test_no_body_makes_it_raise(spec: Any) -> None:
    for found in (body("VirtualService", spec), body("HTTPRoute", spec, group=GATEWAY_API)):
        list(destinations(found))
        list(gateways(found))
        list(delegates(found))
