"""Deletions: what waits, what stays, what the guard holds back."""

import pytest

from gitops_mesh.model.findings import Severity
from gitops_mesh.model.plan import (
    Delete,
    Plan,
    Wave,
)
from gitops_mesh.plan.planner import plan
from tests.fakes.meshes import body, key, route, rule, virtual_service
from tests.fakes.views import KEPT, X, flight, gone, names, of, same, view


def test_what_others_need_waits_and_stays_as_it_was() -> None:
    found = plan([gone(rule({"v1": "1"})), same(X)])
    one = of(found, "DestinationRule")
    [deletion] = one.changes
    assert isinstance(deletion, Delete)
    assert "still needs the subset v1" in deletion.waits
    assert (one.admitted, one.desired, one.wave) == (rule({"v1": "1"}), None, Wave.PRUNE_DESTINATION_RULES)


def test_what_waits_is_corrected_meanwhile() -> None:
    found = plan([view(None, rule({"v1": "1"}), rule({"v1": "2"})), same(X)])
    assert names(of(found, "DestinationRule").changes) == ["Drift", "Delete"]


def test_what_is_deleted_in_the_same_plan_needs_nothing() -> None:
    found = plan([gone(rule({"v1": "1"})), gone(X)], [flight()])
    assert [one.changes for one in found.objects] == [(Delete(key()),), (Delete(key("DestinationRule")),)]


def test_what_waits_needs_others_itself() -> None:
    root = virtual_service({"name": "main", "delegate": {"name": "child"}})
    child = body("VirtualService", {"http": [route({"v1": 1})]}, "child")
    found = plan([same(root), gone(child), gone(rule({"v1": "1"}))])
    assert all(isinstance(change, Delete) and change.waits for one in found.objects for change in one.changes)
    assert len(found.objects) == 2


@pytest.mark.parametrize("accepted", [True, False])
def test_an_annotation_keeps_an_object_that_left_git(*, accepted: bool) -> None:
    kept = body("VirtualService", X["spec"], annotations=KEPT)
    states = view(None, kept, X) if accepted else view(None, X, kept)
    found = plan([states], allow_prune=True)
    assert (found.objects, found.refused) == ((), "")
    [said] = found.findings
    assert (said.rule, said.severity, said.path, said.object) == (
        "prune-disabled",
        Severity.INFO,
        "mesh/was.yaml",
        key(),
    )
    assert "left Git and is not deleted: it has `gitops-mesh.io/prune: disabled`" in said.message


def test_an_object_that_is_kept_and_stands_in_git_is_nothing_special() -> None:
    kept = body("VirtualService", X["spec"], annotations=KEPT)
    assert plan([same(kept)]) == Plan()


def test_an_object_that_is_kept_needs_what_it_refers_to() -> None:
    kept = body("VirtualService", X["spec"], annotations=KEPT)
    [deletion] = of(plan([gone(kept), gone(rule({"v1": "1"}))]), "DestinationRule").changes
    assert isinstance(deletion, Delete)
    assert deletion.waits


def test_the_guard_holds_all_of_them_back_until_somebody_consents() -> None:
    views = [gone(virtual_service(name=f"vs-{n:02}")) for n in range(11)]
    found = plan(views)
    assert "Allow-Prune: yes" in found.refused
    assert {change.waits for one in found.objects for change in one.changes if isinstance(change, Delete)} == {
        found.refused
    }
    assert all(one.admitted for one in found.objects)
    consented = plan(views, allow_prune=True)
    assert consented.refused == ""
    assert not any(one.admitted for one in consented.objects)


def test_objects_that_are_gone_already_do_not_count_for_the_guard() -> None:
    found = plan([view(None, virtual_service(name=f"vs-{n:02}"), None) for n in range(11)])
    assert found.refused == ""
    assert len(found.objects) == 11
