from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.mesh.index import MeshIndex, subset_labels
from gitops_mesh.model.plan import InFlight
from gitops_mesh.model.routes import RouteRef, SplitRecord
from gitops_mesh.plan.subsets import dropped, effective, needed
from tests.fakes.meshes import entry, key, route, rule, split, to, virtual_service

HOST = to().host
NOTHING = MeshIndex.of([])

subsets = st.dictionaries(st.sampled_from(["v1", "v2", "v3", "v4"]), st.sampled_from(["a", "b"]))


def flight(base: str, target: str, now: str) -> InFlight:
    records = [SplitRecord(split(**{subset: 1})) for subset in (base, target)]
    return InFlight(RouteRef(key(), "http/main"), "r1", records[0], records[1], split(**{now: 1}))


def test_weight_zero_mirrors_and_both_ends_of_a_rollout_need_their_subsets() -> None:
    found = virtual_service({"route": [entry("v1", 1), entry("v2", 0)], "mirror": {"host": "reviews", "subset": "v3"}})
    assert needed([found, rule({"v9": "9"})], [flight("v4", "v5", "v6")]) == {(HOST, f"v{n}") for n in range(1, 7)}


def test_what_is_needed_stays_behind_heads_own_with_its_accepted_definition() -> None:
    found = effective(rule({"v1": "1", "v2": "2"}), rule({"v3": "3", "v2": "2b"}), {(HOST, "v1")}, NOTHING)
    assert found == rule({"v3": "3", "v2": "2b", "v1": "1"})


def test_what_is_not_needed_goes() -> None:
    head = rule({"v2": "2"})
    assert effective(rule({"v1": "1", "v2": "2"}), head, {(HOST, "v2"), ("other", "v1")}, NOTHING) is head


def test_what_another_rule_of_head_defines_alike_is_not_kept_here() -> None:
    old, head, other = rule({"v1": "1"}), rule({}), rule({"v1": "1"}, name="more")
    assert effective(old, head, {(HOST, "v1")}, MeshIndex.of([head, other])) is head
    changed = MeshIndex.of([head, rule({"v1": "1b"}, name="more")])
    assert subset_labels(effective(old, head, {(HOST, "v1")}, changed)) == subset_labels(old)


def test_only_another_order_is_no_reason_to_write() -> None:
    old = rule({"v1": "1", "v2": "2"})
    assert effective(old, rule({"v2": "2"}), {(HOST, "v1")}, NOTHING) == old


def test_a_rule_for_another_host_keeps_nothing() -> None:
    old, head = rule({"v1": "1"}), rule({}, host="ratings")
    assert dropped(old, head) == []
    assert effective(old, head, {(HOST, "v1")}, NOTHING) is head


@settings(max_examples=50)
@given(subsets, subsets, st.sets(st.sampled_from(["v1", "v2", "v3", "v4"])))
def test_the_union_has_all_of_head_and_all_that_is_needed(old: Any, new: Any, wanted: set[str]) -> None:
    accepted, head = rule(old), rule(new)
    found = subset_labels(effective(accepted, head, {(HOST, subset) for subset in wanted}, NOTHING))
    assert {name: found[name] for name in new} == subset_labels(head)
    assert set(found) == set(new) | (set(old) & wanted)
    kept = (set(old) & wanted) - set(new)
    assert {name: found[name] for name in kept} == {name: subset_labels(accepted)[name] for name in kept}


def test_needs_of_a_plain_route() -> None:
    assert needed([virtual_service(route({"v1": 1}))]) == {(HOST, "v1")}
