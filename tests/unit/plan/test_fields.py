from typing import Any

import pytest
from hypothesis import given, settings

from gitops_mesh.plan.fields import beside_spec, comparable, labelling, outermost, written
from tests.fakes.meshes import body, json_values


@pytest.mark.parametrize(
    ("old", "new", "pointers"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a",)]),
        ({"a": 1}, {"b": 1}, [("b",), ("a",)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a", "c")]),
        ({"a": [1, {"x": 1}]}, {"a": [1, {"x": 2}]}, [("a", 1, "x")]),
        ({"a": [1]}, {"a": [1, 2]}, [("a",)]),
        ({"a": {"x": 1}}, {"a": [1]}, [("a",)]),
        ({"a": 1}, {"a": True}, [("a",)]),
        ({"a": 1}, {"a": "1"}, [("a",)]),
    ],
)
def test_the_outermost_pointers_that_differ(old: Any, new: Any, pointers: list[Any]) -> None:
    assert list(outermost(old, new)) == pointers


@settings(max_examples=50)
@given(json_values)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert list(outermost(value, value)) == []


def test_versions_of_one_group_and_the_servers_fields_do_not_count() -> None:
    one = body("VirtualService", {"hosts": ["a"]})
    other = {**one, "apiVersion": "networking.istio.io/v1beta1", "status": {"x": 1}}
    other["metadata"] = {**one["metadata"], "uid": "1", "finalizers": ["x"], "labels": {}}
    assert comparable(one) == comparable(other)
    assert comparable(one) != comparable({**one, "apiVersion": "example.com/v1"})
    assert comparable(one) != comparable(body("VirtualService", {"hosts": ["a"]}, labels={"a": "b"}))
    assert comparable({"metadata": None}) == comparable({})


def test_our_state_is_no_annotation_and_a_users_setting_is() -> None:
    ours = {"gitops-mesh.io/accepted": "{}", "gitops-mesh.io/prune": "disabled"}
    assert labelling(body("X", {}, annotations=ours)) == {"annotations": {"gitops-mesh.io/prune": "disabled"}}


def test_what_stands_beside_the_spec() -> None:
    old = {**body("ConfigMap", {}, labels={"a": "1"}), "data": {"x": "1"}}
    new = {**body("ConfigMap", {"y": 1}, annotations={"b": "1"}), "data": {"x": "2"}}
    found = set(beside_spec(old, new))
    assert found == {("metadata", "labels", "a"), ("metadata", "annotations", "b"), ("data", "x")}


def test_a_pointer_in_words() -> None:
    assert written(("spec", "http", 0, "timeout")) == "spec.http[0].timeout"
    assert written(()) == ""
