"""What holds for any edit of any routes."""

from typing import Any

from hypothesis import given, settings

from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.mesh.routes import routes
from gitops_mesh.mesh.weights import with_splits
from gitops_mesh.model.plan import Shift
from gitops_mesh.plan.diff import Difference, classify, compare
from gitops_mesh.plan.fields import comparable
from tests.fakes.meshes import (
    rule,
    unique_virtual_services,
    virtual_services,
)

OLD = MeshIndex.of([rule({"v1": "1", "v2": "2"})])
NEW = MeshIndex.of([rule({"v1": "1", "v2": "2b", "v3": "3"})])


def diff(old: Any, new: Any) -> Difference:
    return compare(old, new, OLD, NEW)


@settings(max_examples=60)
@given(virtual_services)
def test_nothing_changes_from_a_body_to_itself(found: Any) -> None:
    assert classify(found, found, OLD, NEW) == ()


@settings(max_examples=60)
@given(virtual_services, virtual_services)
def test_what_is_admitted_differs_from_desired_in_the_splits_of_shifts_only(old: Any, new: Any) -> None:
    found = diff(old, new)
    shifting = {change.ref.route: change for change in found.changes if isinstance(change, Shift)}
    for before, after in zip(routes(found.admitted), routes(new), strict=True):
        assert (before.id, before.match, before.rest) == (after.id, after.match, after.rest)
        wanted = shifting[after.id].base.split if after.id in shifting else after.split
        assert before.split == wanted
    assert {**found.admitted, "spec": {**found.admitted["spec"], "http": []}} == {
        **new,
        "spec": {**new["spec"], "http": []},
    }


@settings(max_examples=60)
@given(virtual_services, virtual_services)
def test_bodies_that_differ_have_changes_and_the_admitted_one_has_none_but_shifts_left(old: Any, new: Any) -> None:
    found = diff(old, new)
    assert bool(found.changes) == (comparable(old) != comparable(new))
    again = diff(found.admitted, new)
    shifted = [change.ref for change in found.changes if isinstance(change, Shift)]
    assert [change.ref for change in again.changes if isinstance(change, Shift)] == shifted
    assert len(again.changes) == len(shifted)


@settings(max_examples=60)
@given(unique_virtual_services, unique_virtual_services)
def test_a_finished_shift_is_the_manifest_to_the_letter(old: Any, new: Any) -> None:
    found = diff(old, new)
    targets = {change.ref.route: change.target.split for change in found.changes if isinstance(change, Shift)}
    assert with_splits(found.admitted, targets, [new]) == new
    if len(targets) == len(found.changes):
        assert comparable(found.admitted) == comparable(old)
