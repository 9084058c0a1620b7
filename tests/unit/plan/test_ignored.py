"""What is done about drift, and which fields are left to others."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.model.plan import Delete, Drift, Update
from gitops_mesh.model.settings import IgnoredFields
from gitops_mesh.plan.drift import drift
from gitops_mesh.plan.ignored import DEFAULT, DriftRules, kept
from gitops_mesh.plan.planner import plan
from tests.fakes.meshes import body, json_values, key, route, rule, virtual_service
from tests.fakes.views import X, Y, gone, names, of, same, view

LEFT = DriftRules(ignored=(IgnoredFields(("/spec/http/*/timeout",), ("VirtualService",)),))


def annotated(found: Any, **annotations: str) -> Any:
    own = {f"gitops-mesh.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {**found, "metadata": {**found["metadata"], "annotations": own}}


def at(*http: dict[str, Any]) -> Any:
    return virtual_service(*http)


def put(ours: Any, theirs: Any, *pattern: str) -> Any:
    """`kept` below `spec`, with both sides seen not to change."""
    before = copy.deepcopy((ours, theirs))
    found = kept({"spec": ours}, {"spec": theirs}, [("spec", *pattern)])["spec"]
    assert (ours, theirs) == before
    return found


class TestKept:
    @pytest.mark.parametrize(
        ("ours", "theirs", "pattern", "found"),
        [
            ({"a": 1, "b": 1}, {"a": 2, "b": 2}, ("a",), {"a": 2, "b": 1}),
            ({"b": 1}, {"a": 2}, ("a",), {"b": 1, "a": 2}),
            ({"a": 1, "b": 1}, {}, ("a",), {"b": 1}),
            ({}, {}, ("a",), {}),
            ({"a": 1, "b": 1}, {"a": 2, "c": 3}, ("*",), {"a": 2, "c": 3}),
        ],
    )
    def test_a_field_is_as_it_is_live(self, ours: Any, theirs: Any, pattern: Any, found: Any) -> None:
        assert put(ours, theirs, *pattern) == found

    @pytest.mark.parametrize(
        ("ours", "theirs", "found"),
        [
            ({"a": {"x": 1, "y": 1}}, {"a": {"x": 2, "y": 2}}, {"a": {"x": 2, "y": 1}}),
            ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {}}),
            ({"a": {"x": 1}}, {}, {}),
            ({"a": {"x": 1, "y": 1}}, {}, {"a": {"y": 1}}),
            ({"a": {}}, {}, {"a": {}}),
            ({}, {"a": {"x": 2, "y": 2}}, {"a": {"x": 2}}),
            ({}, {"a": {"y": 2}}, {}),
            ({}, {"a": [1]}, {}),
            ({"a": 0}, {}, {"a": 0}),
            ({"a": [1]}, {"a": {"x": 2}}, {"a": [1]}),
            ({}, {}, {}),
        ],
    )
    def test_what_one_side_lacks_on_the_way_is_there_only_for_the_field(
        self, ours: Any, theirs: Any, found: Any
    ) -> None:
        assert put(ours, theirs, "a", "x") == found

    @pytest.mark.parametrize(
        ("ours", "theirs", "pattern", "found"),
        [
            ([1, 2], [3, 4], ("1",), [1, 4]),
            ([1, 2], [3, 4], ("*",), [3, 4]),
            ([1, 2], [3], ("*",), [3, 2]),
            ([1], [3, 4], ("*",), [3]),
            ([1, 2], [3, 4], ("01",), [1, 2]),
            ([{"t": 1}, {"t": 1}], [{"t": 2}, {"t": 3}], ("1", "t"), [{"t": 1}, {"t": 3}]),
            ([{"t": 1}], [2], ("*", "t"), [{"t": 1}]),
        ],
    )
    def test_entries_without_names_are_paired_by_place(self, ours: Any, theirs: Any, pattern: Any, found: Any) -> None:
        assert put({"l": ours}, {"l": theirs}, "l", *pattern) == {"l": found}

    def test_entries_with_names_are_paired_by_them(self) -> None:
        ours = [
            {"name": "new", "t": 1},
            {"name": "a", "t": 1},
            {"t": 1},
            {"name": "twice", "t": 1},
            {"name": "b", "t": 1},
        ]
        theirs = [{"name": "b", "t": 5}, {"name": "a", "t": 6}, {"name": "c", "t": 7}, {"name": "twice", "t": 8}]
        theirs.append({"name": "twice", "t": 9})
        assert [one["t"] for one in put({"l": ours}, {"l": theirs}, "l", "*", "t")["l"]] == [1, 6, 1, 8, 5]
        assert put({"l": ours}, {"l": theirs}, "l", "4", "t")["l"][4]["t"] == 5

    def test_our_own_annotations_are_never_taken_from_live(self) -> None:
        ours = {"metadata": {"annotations": {"gitops-mesh.io/drift": "ignore", "a": "1"}}}
        theirs = {"metadata": {"annotations": {"gitops-mesh.io/prune": "disabled", "a": "2"}}}
        found = kept(ours, theirs, [("metadata", "annotations", "*")])
        assert found == {"metadata": {"annotations": {"gitops-mesh.io/drift": "ignore", "a": "2"}}}

    def test_what_is_not_live_is_as_git_says(self) -> None:
        assert kept(X, None, [("spec", "hosts")]) is X

    @settings(max_examples=50, deadline=None)
    @given(json_values, json_values, st.lists(st.sampled_from(["*", "0", "a"]), min_size=1, max_size=4))
    def test_the_same_on_both_sides_stays_and_twice_is_once(self, ours: Any, theirs: Any, pattern: list[str]) -> None:
        way = ("spec", *pattern)
        assert kept({"spec": ours}, {"spec": ours}, [way]) == {"spec": ours}
        once = kept({"spec": ours}, {"spec": theirs}, [way])
        assert kept(once, {"spec": theirs}, [way]) == once


class TestRules:
    def test_the_annotation_goes_before_the_configuration(self) -> None:
        assert DriftRules("report").action_on(X) == "report"
        assert DriftRules("report").action_on(annotated(X, drift="correct")) == "correct"
        assert DriftRules("report").action_on(annotated(X, drift="odd")) == "report"

    def test_pointers_are_those_of_the_kind_and_of_the_object(self) -> None:
        rules = DriftRules(ignored=(*LEFT.ignored, IgnoredFields(("/spec/gateways",))))
        wanted = annotated(X, ignore_fields="/spec/hosts\n /spec/gateways")
        assert rules.pointers_on(wanted) == (("spec", "http", "*", "timeout"), ("spec", "gateways"), ("spec", "hosts"))
        assert rules.pointers_on(rule({"v1": "1"})) == (("spec", "gateways"),)
        assert DEFAULT.pointers_on(X) == ()

    def test_a_bad_pointer_ignores_nothing_and_too_many_are_left_out(self) -> None:
        assert DEFAULT.pointers_on(annotated(X, ignore_fields="spec /spec/http/0/route /spec/hosts")) == (
            ("spec", "hosts"),
        )
        many = " ".join(f"/spec/x{n}" for n in range(300))
        assert len(DEFAULT.pointers_on(annotated(X, ignore_fields=many))) == 100

    def test_odd_annotations_say_nothing(self) -> None:
        odd = {"metadata": {"annotations": ["gitops-mesh.io/drift"]}}
        assert (DEFAULT.action_on(odd), DEFAULT.pointers_on(odd)) == ("correct", ())


class TestPlan:
    @pytest.mark.parametrize(("action", "found"), [("correct", "correct"), ("report", "report"), ("ignore", None)])
    @pytest.mark.parametrize("by", ["configuration", "annotation"])
    def test_drift_says_what_is_done_about_it(self, action: str, found: str | None, by: str) -> None:
        accepted = X if by == "configuration" else annotated(X, drift=action)
        rules = DriftRules(action) if by == "configuration" else DEFAULT
        live = {**accepted, "spec": Y["spec"]}
        changes = [c for one in plan([view(accepted, accepted, live)], rules=rules).objects for c in one.changes]
        assert [c.action for c in changes if isinstance(c, Drift)] == ([found] if found else [])
        assert len(changes) == (1 if found else 0)

    def test_what_head_says_of_drift_counts_once_it_is_accepted(self) -> None:
        one = of(plan([view(annotated(X, drift="ignore"), X, Y)]))
        assert names(one.changes) == ["Drift", "Update"]
        one = of(plan([view(X, annotated(X, drift="ignore"), annotated(Y, drift="ignore"))]))
        assert names(one.changes) == ["Update"]

    def test_a_live_annotation_says_nothing(self) -> None:
        [found] = of(plan([view(X, X, annotated(Y, drift="ignore", ignore_fields="/spec/http/0/timeout"))])).changes
        assert isinstance(found, Drift)
        assert found.action == "correct"

    def test_an_object_that_is_gone_is_drift_unless_drift_is_ignored(self) -> None:
        assert of(plan([view(X, X, None)], rules=DriftRules("report"))).changes == (
            Drift(key(), missing=True, action="report"),
        )
        assert plan([view(X, X, None)], rules=DriftRules("ignore")).objects == ()

    def test_what_waits_for_its_deletion_goes_by_its_own_rules(self) -> None:
        ours, live = annotated(rule({"v1": "1"}), drift="ignore"), rule({"v1": "2"})
        [only] = of(plan([view(None, ours, live), same(X)]), "DestinationRule").changes
        assert isinstance(only, Delete)
        assert gone(ours).accepted == ours

    def test_an_ignored_field_is_no_drift_and_another_one_is(self) -> None:
        assert plan([view(X, X, Y)], rules=LEFT).objects == ()
        assert plan([view(Y, Y, X)], rules=LEFT).objects == ()
        more = at(route({"v1": 1}, "main", timeout="1s", retries={"attempts": 1}))
        assert of(plan([view(X, X, more)], rules=LEFT)).changes == (Drift(key(), (("spec", "http", 0, "retries"),)),)

    def test_an_ignored_field_that_changes_in_git_is_accepted(self) -> None:
        one = of(plan([view(Y, X, X)], rules=LEFT))
        assert one.changes == (Update(key(), (("spec", "http", 0, "timeout"),)),)
        assert one.admitted == Y

    def test_a_split_is_drift_whatever_is_ignored(self) -> None:
        wanted = annotated(X, ignore_fields="/spec/http/0/route /spec/http/*/timeout")
        live = at(route({"v2": 1}, "main", timeout="9s"))
        [found] = of(plan([view(wanted, wanted, {**live, "metadata": wanted["metadata"]})])).changes
        assert found == Drift(key(), (), ("http/main",))

    def test_a_label_may_be_left_to_others(self) -> None:
        ours = body(
            "Gateway", {}, labels={"team": "a"}, annotations={"gitops-mesh.io/ignore-fields": "/metadata/labels/team"}
        )
        live = {**ours, "metadata": {**ours["metadata"], "labels": {"team": "b"}}}
        assert plan([view(ours, ours, live)]).objects == ()

    @settings(max_examples=50, deadline=None)
    @given(st.sampled_from(["1s", "2s", None]), st.sampled_from(["1s", "2s", None]))
    def test_what_is_written_is_no_drift_after_it(self, ours: str | None, theirs: str | None) -> None:
        accepted, live = (at(route({"v1": 1}, "main", **({"timeout": t} if t else {}))) for t in (ours, theirs))
        wrote = kept(accepted, live, LEFT.pointers_on(accepted))
        assert drift(key(), kept(accepted, wrote, LEFT.pointers_on(accepted)), wrote) is None
        assert wrote["spec"]["http"][0].get("timeout") == theirs
