from typing import Any

import pytest

from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.model.plan import InFlight
from gitops_mesh.model.routes import RouteRef, SplitRecord
from gitops_mesh.plan.holders import Holders, holders, senders, waits
from tests.fakes.meshes import GATEWAY_API, body, entry, http_route, key, route, rule, split, to, virtual_service

HOST = to().host
NOTHING = MeshIndex.of([])
FLIGHT = InFlight(
    RouteRef(key(name="flying"), "http/main"),
    "r1",
    SplitRecord(split(v4=1)),
    SplitRecord(split(v5=1)),
    split(v4=1),
)


def held(*bodies: Any, flights: Any = ()) -> Holders:
    return holders([(key(name=found["metadata"]["name"]), found) for found in bodies], flights)


def entries(*hosts: str) -> Any:
    return body("ServiceEntry", {"hosts": list(hosts)})


def test_a_rule_waits_while_one_of_its_subsets_is_needed() -> None:
    mine, needs = key("DestinationRule"), held(virtual_service(route({"v1": 1, "v2": 0})))
    why = "VirtualService shop/reviews still needs the subset v2 of reviews.shop.svc.cluster.local"
    assert waits(mine, rule({"v2": "2"}), needs, NOTHING) == why
    assert waits(mine, rule({"v3": "3"}), needs, NOTHING) == ""
    assert waits(mine, rule({"v2": "2"}, host="ratings"), needs, NOTHING) == ""
    assert waits(mine, rule({"v2": "2"}), needs, MeshIndex.of([rule({"v2": "2"}, name="other")])) == ""


@pytest.mark.parametrize("subset", ["v4", "v5"])
def test_a_rule_waits_for_both_ends_of_a_rollout(subset: str) -> None:
    why = waits(key("DestinationRule"), rule({subset: "x"}), held(flights=[FLIGHT]), NOTHING)
    assert why.startswith("the rollout of VirtualService shop/flying http/main still needs the subset")


@pytest.mark.parametrize(
    ("hosts", "remaining", "waiting"),
    [
        (["api.example.com"], [], True),
        (["API.example.com."], [], True),
        (["*.example.com"], [], True),
        (["other.example.com", "*.example.org"], [], False),
        (["api.example.com"], [entries("*.example.com")], False),
    ],
)
def test_an_entry_waits_while_traffic_goes_to_one_of_its_hosts(hosts: Any, remaining: Any, *, waiting: bool) -> None:
    needs = held(virtual_service({"route": [entry(host="api.example.com")]}))
    why = waits(key("ServiceEntry"), entries(*hosts), needs, MeshIndex.of(remaining))
    assert why == ("VirtualService shop/reviews still sends traffic to api.example.com" if waiting else "")


def test_gateways_and_delegates_wait_while_they_are_referred_to() -> None:
    root = virtual_service({"delegate": {"name": "child"}}, gateways=["edge"])
    why = "VirtualService shop/reviews still refers to it"
    assert waits(key("Gateway", "edge"), body("Gateway", {}, "edge"), held(root), NOTHING) == why
    assert waits(key(name="child"), body("VirtualService", {}, "child"), held(root), NOTHING) == why
    assert waits(key("Gateway", "edge", "infra"), body("Gateway", {}, "edge"), held(root), NOTHING) == ""
    parent = key("Gateway", "edge", group=GATEWAY_API)
    assert waits(parent, body("Gateway", {}, group=GATEWAY_API), held(http_route()), NOTHING) != ""


def test_senders_are_routes_with_traffic_and_rollouts_that_involve_it() -> None:
    one = virtual_service(route({"v1": 1, "v2": 0}, "a"), route({"v2": 1}, "b", [{"uri": {"exact": "/"}}]))
    states = [(key(), one), (key(), one)]
    assert senders(states, [FLIGHT], {(HOST, "v2")}) == (RouteRef(key(), "http/b"),)
    assert senders(states, [FLIGHT], {(HOST, "v5"), (HOST, "v1")}) == (FLIGHT.ref, RouteRef(key(), "http/a"))
