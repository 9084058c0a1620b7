from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.model.routes import Split
from tests.fakes.meshes import body, json_values, rule, split, to


def test_what_objects_define_is_known_by_full_host() -> None:
    index = MeshIndex.of(
        [
            body("Service", {}, group=""),
            body("ServiceEntry", {"hosts": ["API.example.com.", "*.wild.example.com", "*-eu.example.com"]}),
            body("Gateway", {}, name="edge", namespace="infra"),
            rule({"v1": "1", "v2": "2"}),
            body("Gateway", {}, name="other", group="gateway.networking.k8s.io"),
        ]
    )
    assert index.gateways == {"infra/edge"}
    assert index.subsets["reviews.shop.svc.cluster.local"]["v2"] == (("version", "2"),)
    for host in ("reviews.shop.svc.cluster.local", "api.example.com", "a.wild.example.com", "a-eu.example.com"):
        assert index.knows(host), host
    for host in ("ratings.shop.svc.cluster.local", "wild.example.com", "example.com"):
        assert not index.knows(host), host


def test_the_first_definition_of_a_subset_wins() -> None:
    index = MeshIndex.of([rule({"v1": "1"}), rule({"v1": "other", "v2": "2"}, name="more")])
    assert index.subsets[to().host] == {"v1": (("version", "1"),), "v2": (("version", "2"),)}


def test_a_record_holds_the_labels_of_subsets_and_nothing_for_unknown_ones() -> None:
    index = MeshIndex.of([rule({"v1": "1"})])
    record = index.record(Split.of({to("v1"): 1, to("v9"): 1, to(): 2}))
    assert record.labels == ((to("v1"), (("version", "1"),)), (to("v9"), ()))
    assert MeshIndex.of([]).record(split(v1=1)).labels == ((to("v1"), ()),)


@pytest.mark.parametrize("spec", [None, [], "x", {"hosts": "abc", "subsets": {"a": 1}, "host": None}, {"subsets": [1]}])
@pytest.mark.parametrize("kind", ["ServiceEntry", "Gateway", "DestinationRule", "VirtualService"])
def test_malformed_parts_define_nothing(kind: str, spec: Any) -> None:
    index = MeshIndex.of([{**body(kind, spec), "metadata": None}])
    assert index.entries == frozenset()
    assert not any(index.subsets.values())


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["host", "hosts", "subsets", "http", "servers"]), json_values), json_values)
def test_no_body_makes_it_raise(spec: Any, meta: Any) -> None:
    for kind in ("ServiceEntry", "Gateway", "DestinationRule", "Service"):
        MeshIndex.of([{**body(kind, spec), "metadata": meta}])
