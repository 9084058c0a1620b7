from typing import Any

import pytest

from gitops_mesh.manifests.envelope import Wrong, manifest
from gitops_mesh.model.objects import Manifest


def judged(value: Any) -> Manifest | Wrong:
    return manifest(value, ("items", 2), path="a.yaml", document=1, blob="b")


def test_names_outside_dns_are_for_the_groups_that_have_them() -> None:
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:a"}}
    found = judged(body)
    assert isinstance(found, Manifest)
    assert str(found.key) == "ClusterRole system:a"
    wrong = judged({**body, "apiVersion": "v1"})
    assert isinstance(wrong, Wrong)
    assert wrong.pointer == ("items", 2, "metadata", "name")


@pytest.mark.parametrize("name", ["a" * 254, "", "-a", "A", "a/b", "..", "a\nb"])
def test_names_that_cannot_be_paths_are_refused(name: str) -> None:
    wrong = judged({"apiVersion": "v1", "kind": "A", "metadata": {"name": name}})
    assert isinstance(wrong, Wrong)
    assert wrong.rule == "bad-metadata"


def test_the_remedy_for_a_number_is_quotes() -> None:
    wrong = judged({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "annotations": {"n": 5, "m": True}}})
    assert isinstance(wrong, Wrong)
    assert "the number `5`" in wrong.message
    assert wrong.remedy == "put it in quotes"


def test_empty_labels_and_namespace_are_none() -> None:
    found = judged({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "namespace": "", "labels": None}})
    assert isinstance(found, Manifest)
    assert found.body["metadata"] == {"name": "a", "namespace": "default"}


@pytest.mark.parametrize("value", [None, True, 5, "text", ["a"]])
def test_a_value_of_another_shape_is_said_by_its_type(value: Any) -> None:
    wrong = judged(value)
    assert isinstance(wrong, Wrong)
    assert wrong.pointer == ("items", 2)
    shown = judged({"apiVersion": {"a": 1}, "kind": "A", "metadata": {"name": "a"}})
    assert isinstance(shown, Wrong)
    assert "not a mapping" in shown.message


@pytest.mark.parametrize("value", [{"a": 1}, None, ["x"], "x", 3, True])
def test_metadata_of_any_shape_is_judged(value: Any) -> None:
    for metadata in (
        {"name": value},
        {"name": "a", "labels": {"a": value}},
        {"name": "a", "annotations": value},
        value,
    ):
        judged({"apiVersion": "v1", "kind": "A", "metadata": metadata})
