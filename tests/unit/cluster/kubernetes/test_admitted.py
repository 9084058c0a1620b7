"""What admission changed, and taking it back."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.cluster.kubernetes.admitted import decode, differences, encode, undone

leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
trees = st.recursive(
    leaves,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text("xyz", min_size=1, max_size=1), below, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.text("xyz", min_size=1, max_size=1), trees, max_size=3)


@settings(max_examples=200)
@given(objects, objects)
def test_what_was_admitted_is_taken_back_to_what_was_applied(applied: dict[str, Any], admitted: dict[str, Any]) -> None:
    found = list(differences(applied, admitted))
    assert undone(admitted, decode(encode(found))) == applied


def test_a_default_that_somebody_changed_shows() -> None:
    known = list(differences({"rules": [{}]}, {"rules": [{"weight": 1}]}))
    assert undone({"rules": [{"weight": 1}]}, known) == {"rules": [{}]}
    assert undone({"rules": [{"weight": 2}]}, known) == {"rules": [{"weight": 2}]}


def test_nothing_changed_is_no_annotation_and_a_malformed_one_tells_nothing() -> None:
    assert encode([]) == ""
    assert decode("") == decode("[1]") == decode("{") == ()
