from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from gitops_mesh.mesh import trees
from tests.fakes.meshes import json_values


@pytest.mark.parametrize(
    ("value", "omitted", "expected"),
    [
        (None, 1, 1),
        (0, 1, 0),
        (7, 0, 7),
        (0.5, 0, Fraction(1, 2)),
        (-3, 0, 0),
        (float("nan"), 0, 0),
        (float("inf"), 0, 0),
        ("50", 0, 0),
        (True, 0, 0),
        ([1], 0, 0),
    ],
)
def test_a_weight_is_a_number_from_zero_up_or_nothing(value: Any, omitted: int, expected: Fraction | int) -> None:
    assert trees.weight(value, omitted) == expected


@pytest.mark.parametrize(("value", "expected"), [(80, 80), (True, 0), ("80", 0), (None, 0), (-1, 0), (8.5, 0)])
def test_a_port_is_a_whole_number(value: Any, expected: int) -> None:
    assert trees.whole(value) == expected


def test_wrong_types_read_as_empty() -> None:
    assert trees.mapping("x") == {}
    assert list(trees.sequence("xyz")) == []
    assert trees.mappings([1, {"a": 1}, None]) == [{"a": 1}]
    assert trees.strings(["a", 1, "b"]) == ["a", "b"]
    assert trees.kind_of({}) == ("", "")
    assert trees.namespace_of({"metadata": None}) == "default"
    assert trees.kind_of({"apiVersion": "v1", "kind": "Service"}) == ("", "Service")


@given(json_values)
def test_text_is_total_and_the_same_for_the_same_value(value: Any) -> None:
    assert trees.text(value) == trees.text(value)


def test_text_takes_what_json_cannot() -> None:
    assert trees.text({1: 2**70}) == "{1: 1180591620717411303424}"
