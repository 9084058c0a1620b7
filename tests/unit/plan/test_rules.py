from typing import Any

import pytest

from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.model.plan import Cutover, Update
from gitops_mesh.plan.diff import classify
from gitops_mesh.plan.rules import only_loses_subsets, relabelled, subset_updates
from tests.fakes.meshes import rule

NOTHING = MeshIndex.of([])


def edited(found: Any, index: int, **more: Any) -> Any:
    subsets = [*found["spec"]["subsets"]]
    subsets[index] = {**subsets[index], **more}
    return {**found, "spec": {**found["spec"], "subsets": subsets}}


def test_labels_edited_in_place_are_a_cutover_that_names_old_and_new() -> None:
    [change] = classify(rule({"v1": "1", "v2": "2"}), rule({"v1": "1b", "v2": "2"}), NOTHING, NOTHING)
    assert isinstance(change, Cutover)
    assert change.reasons == ("the subset v1 selects version=1b instead of version=1",)


def test_labels_that_go_select_every_endpoint() -> None:
    [found] = relabelled(rule({"v1": "1"}), edited(rule({"v1": "1"}), 0, labels={}), NOTHING)
    assert str(found) == "the subset v1 selects every endpoint instead of version=1"


def test_a_subset_that_another_rule_takes_over_with_other_labels_is_relabelled() -> None:
    old, new, other = rule({"v1": "1", "v2": "2"}), rule({"v2": "2"}), rule({"v1": "1b"}, name="more")
    assert [found.subset for found in relabelled(old, new, MeshIndex.of([new, other]))] == ["v1"]
    assert relabelled(old, new, MeshIndex.of([new])) == ()


def test_a_rule_for_another_host_relabels_nothing() -> None:
    assert relabelled(rule({"v1": "1"}), rule({"v1": "2"}, host="ratings"), NOTHING) == ()


@pytest.mark.parametrize(
    ("old", "new", "pointers"),
    [
        ({"v1": "1"}, {"v1": "1", "v2": "2"}, [("spec", "subsets", 1)]),
        ({"v1": "1", "v2": "2"}, {"v2": "2"}, [("spec", "subsets")]),
        ({"v1": "1", "v2": "2"}, {"v2": "2", "v1": "1"}, [("spec", "subsets")]),
        ({"v1": "1"}, {"v1": "1b"}, []),
        ({"v1": "1"}, {"v2": "2", "v1": "1"}, [("spec", "subsets", 0)]),
    ],
)
def test_subsets_that_come_go_or_move_are_updates(old: Any, new: Any, pointers: Any) -> None:
    assert list(subset_updates(rule(old), rule(new))) == pointers


def test_a_subsets_own_policy_is_an_update() -> None:
    old, new = rule({"v1": "1", "v2": "2"}), edited(rule({"v1": "1", "v2": "2"}), 1, trafficPolicy={"tls": {}})
    assert classify(old, new, NOTHING, NOTHING) == (
        Update(classify(old, new, NOTHING, NOTHING)[0].key, (("spec", "subsets", 1, "trafficPolicy"),)),
    )


def test_a_subset_listed_twice_is_not_silent() -> None:
    twice = rule({"v1": "1"})
    twice["spec"]["subsets"] *= 2
    assert list(subset_updates(rule({"v1": "1"}), twice)) == [("spec", "subsets")]


def test_only_a_loss_of_subsets_is_one() -> None:
    old = rule({"v1": "1", "v2": "2"})
    assert only_loses_subsets(old, rule({"v2": "2"}))
    assert only_loses_subsets(old, {**rule({"v2": "2"}), "apiVersion": "networking.istio.io/v1beta1"})
    assert not only_loses_subsets(old, rule({"v2": "2b"}))
    assert not only_loses_subsets(old, rule({"v2": "2", "v3": "3"}))
    assert not only_loses_subsets(old, rule({"v2": "2"}, trafficPolicy={}))
