from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.mesh.routes import routes
from gitops_mesh.mesh.weights import integers, quantised, with_splits
from gitops_mesh.model.routes import Destination, Split
from tests.fakes.meshes import (
    backend,
    entry,
    http_route,
    route,
    split,
    splits,
    to,
    unique_virtual_services,
    virtual_service,
)


@settings(max_examples=50)
@given(splits, st.integers(1, 1000))
def test_whole_weights_sum_to_the_total_and_are_near_their_share(found: Split, total: int) -> None:
    weights = integers(found, total)
    assert sum(weights.values()) == total
    assert all(abs(weights[d] - share * total) < 1 for d, share in found.shares)


def test_a_tie_goes_to_the_smaller_share() -> None:
    assert integers(Split.of({to("v1"): Fraction(995), to("v2"): Fraction(5)})) == {to("v1"): 99, to("v2"): 1}


def test_nothing_has_no_weights() -> None:
    assert integers(Split.of({})) == {}


@settings(max_examples=50)
@given(splits)
def test_quantising_twice_is_quantising_once(found: Split) -> None:
    assert quantised(quantised(found)) == quantised(found)


def test_only_the_named_route_changes_and_the_body_is_not_touched() -> None:
    before = virtual_service(route({"v1": 100}, "a", timeout="1s"), route({"v1": 100}, "b"), gateways=["edge"])
    after = with_splits(before, {"http/a": split(v1=90, v2=10), "http/none": split(v2=1)})
    assert after["spec"]["http"][0] == {
        "name": "a",
        "timeout": "1s",
        "route": [entry("v1", 90), {"destination": {"host": to().host, "subset": "v2"}, "weight": 10}],
    }
    assert after["spec"]["http"][1] == before["spec"]["http"][1]
    assert before["spec"]["http"][0]["route"] == [entry("v1", 100)]


def test_a_destination_keeps_its_own_fields_from_the_body_then_the_donors() -> None:
    before = virtual_service({"name": "a", "route": [entry("v1", 100, headers={"mine": 1})]})
    donor = virtual_service({"name": "a", "route": [entry("v1", 1, headers={}), entry("v2", 99, headers={"its": 1})]})
    after = with_splits(before, {"http/a": split(v1=50, v2=50)}, [donor])
    assert after["spec"]["http"][0]["route"] == [
        entry("v1", 50, headers={"mine": 1}),
        entry("v2", 50, headers={"its": 1}),
    ]


def test_a_donor_with_just_that_split_gives_it_to_the_letter() -> None:
    donor = virtual_service({"name": "a", "route": [entry("v2", 1), entry("v1", 1), entry("v3", 0)]})
    after = with_splits(virtual_service(route({"v1": 1}, "a")), {"http/a": split(v1=1, v2=1)}, [donor])
    assert after == donor


def test_a_donor_that_writes_a_shared_destination_otherwise_does_not_overwrite_the_body() -> None:
    before = virtual_service({"name": "a", "route": [entry("v1", 1, headers={"new": 1})]})
    donor = virtual_service({"name": "a", "route": [entry("v1", 995, headers={"old": 1}), entry("v2", 5)]})
    after = with_splits(before, {"http/a": split(v1=995, v2=5)}, [donor])
    assert after["spec"]["http"][0]["route"] == [entry("v1", 199, headers={"new": 1}), entry("v2", 1)]
    assert routes(after)[0].split == routes(donor)[0].split  # exact, though finer than hundredths


def test_an_empty_split_or_the_present_one_changes_nothing() -> None:
    before = virtual_service({"name": "a", "route": [entry("v1", 7)]}, {"name": "b", "redirect": {"uri": "/"}})
    assert with_splits(before, {"http/a": Split.of({}), "http/b": Split.of({})}) == before
    assert with_splits(before, {"http/a": split(v1=1)}, [virtual_service(route({"v1": 100}, "a"))]) == before


def test_destinations_that_no_list_names_are_written_out() -> None:
    port = Destination("api.example.com", "", 8443)
    after = with_splits(virtual_service(route({"v1": 1}, "a")), {"http/a": Split.of({port: 1})})
    bare = {"destination": {"host": "api.example.com", "port": {"number": 8443}}, "weight": 100}
    assert after["spec"]["http"][0]["route"] == [bare]

    service, host = Destination("b.shop.svc.cluster.local", "", 80), Destination("api.example.com")
    after = with_splits(
        http_route({"backendRefs": [backend("a")]}), {"rules/~default": Split.of({service: 1, host: 1})}
    )
    assert after["spec"]["rules"][0]["backendRefs"] == [
        {"name": "api.example.com", "weight": 50},
        {"name": "b", "namespace": "shop", "port": 80, "weight": 50},
    ]


@settings(max_examples=50)
@given(unique_virtual_services, splits)
def test_what_is_written_reads_back_as_the_quantised_split(body: Any, wanted: Split) -> None:
    target = quantised(wanted)
    after = with_splits(body, {r.id: target for r in routes(body)})
    assert [r.split for r in routes(after)] == [target for _ in routes(body)]
    assert [(r.id, r.rest) for r in routes(after)] == [(r.id, r.rest) for r in routes(body)]
