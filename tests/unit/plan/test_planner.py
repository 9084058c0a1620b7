"""The table of `plan.planner`, line by line, then waves, unions, waiting deletions and the guard."""

from typing import Any

import pytest

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import Manifest
from gitops_mesh.model.plan import (
    Create,
    Cutover,
    Delete,
    Drift,
    InFlight,
    ObjectPlan,
    ObjectView,
    Plan,
    Shift,
    Update,
    Wave,
)
from gitops_mesh.model.routes import RouteRef, SplitRecord
from gitops_mesh.model.state import ObjectState
from gitops_mesh.plan.planner import plan
from tests.fakes.meshes import body, key, route, rule, split, virtual_service

X = virtual_service(route({"v1": 1}, "main"))
Y = virtual_service(route({"v1": 1}, "main", timeout="1s"))
Z = virtual_service(route({"v2": 1}, "main"))
KEPT = {"gitops-mesh.io/prune": "disabled"}


def view(desired: Any, accepted: Any, live: Any) -> ObjectView:
    key = key_of(desired or accepted or live)
    manifest = None if desired is None else Manifest(key, desired, "mesh/a.yaml", document=2)
    return ObjectView(key, manifest, accepted, live, ObjectState(origin="mesh/was.yaml"), scope="all")


def same(found: Any) -> ObjectView:
    return view(found, found, found)


def gone(found: Any) -> ObjectView:
    return view(None, found, found)


def flight(base: str = "v1", target: str = "v2") -> InFlight:
    records = [SplitRecord(split(**{subset: 1})) for subset in (base, target)]
    return InFlight(RouteRef(key(), "http/main"), "r1", records[0], records[1], split(**{base: 1, target: 1}))


def of(found: Plan, kind: str = "VirtualService", name: str = "reviews") -> ObjectPlan:
    [only] = [one for one in found.objects if (one.key.kind, one.key.name) == (kind, name)]
    return only


def names(changes: Any) -> list[str]:
    return [type(change).__name__ for change in changes]


@pytest.mark.parametrize(
    ("desired", "accepted", "live", "changes"),
    [
        (X, None, None, ["Create"]),
        (X, None, X, []),
        (Y, None, X, ["Update"]),
        (Z, None, X, ["Shift"]),
        (X, X, X, []),
        (Y, X, X, ["Update"]),
        (Z, X, X, ["Shift"]),
        (X, X, Z, ["Drift"]),
        (Y, X, Z, ["Drift", "Update"]),
        (X, X, None, ["Drift"]),
        (Z, X, None, ["Drift", "Shift"]),
        (None, X, X, ["Delete"]),
        (None, X, Z, ["Delete"]),
        (None, X, None, ["Delete"]),
        (None, None, X, []),
    ],
)
def test_the_three_states_give_the_changes_of_the_table(desired: Any, accepted: Any, live: Any, changes: Any) -> None:
    found = plan([view(desired, accepted, live)])
    assert [name for one in found.objects for name in names(one.changes)] == changes
    assert found.refused == ""


def test_an_object_without_changes_has_no_plan() -> None:
    assert plan([same(X), same(rule({"v1": "1"}))]) == Plan()
    assert plan([]) == Plan()


def test_another_version_of_the_group_is_no_change() -> None:
    older = {**X, "apiVersion": "networking.istio.io/v1alpha3"}
    assert plan([view(X, older, older)]) == Plan()


def test_what_is_admitted_and_what_is_wanted() -> None:
    created, shifted, deleted = (of(plan([v])) for v in (view(Z, None, None), view(Z, X, X), gone(X)))
    assert (created.admitted, created.desired, created.scope) == (Z, Z, "all")
    assert (shifted.admitted, shifted.desired) == (X, Z)
    assert (deleted.admitted, deleted.desired) == (None, None)
    assert [shift.ref for shift in shifted.shifts] == [RouteRef(key(), "http/main")]
    assert created.changes == (Create(key()),)


def test_a_gone_object_comes_back_as_it_was_accepted() -> None:
    found = of(plan([view(Z, X, None)]))
    assert found.changes[0] == Drift(key(), missing=True)
    assert found.admitted == X


def test_weights_in_flight_are_no_drift_and_the_shift_stays_planned() -> None:
    midway = virtual_service(route({"v1": 50, "v2": 50}, "main"))
    found = of(plan([view(Z, X, midway)], [flight()]))
    assert names(found.changes) == ["Shift"]
    assert names(of(plan([view(Z, X, midway)])).changes) == ["Drift", "Shift"]


def test_an_update_in_mid_shift_leaves_the_shift_alone() -> None:
    both = virtual_service(route({"v2": 1}, "main", timeout="1s"))
    found = of(plan([view(both, X, X)], [flight()]))
    assert names(found.changes) == ["Update", "Shift"]
    assert found.admitted == Y


def test_a_route_removed_in_mid_shift_is_a_cutover_of_it() -> None:
    other = virtual_service(route({"v3": 1}, "other", [{"uri": {"exact": "/"}}]))
    found = of(plan([view(other, X, X)], [flight()]))
    [cutover] = found.changes
    assert isinstance(cutover, Cutover)
    assert cutover.routes == ("http/main",)


def test_objects_are_in_the_order_they_are_written() -> None:
    delegate = body("VirtualService", {"http": [route({"v1": 1})]}, "a-delegate")
    old = [gone(body(kind, {}, "old")) for kind in ("ServiceEntry", "DestinationRule")]
    made = [
        view(found, None, None)
        for found in (virtual_service(name="b"), virtual_service(name="a"), delegate, rule({}), body("Gateway", {}))
    ]
    found = plan([*old, *made])
    assert [(one.wave.name, one.key.name) for one in found.objects] == [
        ("DESTINATION_RULES", "reviews"),
        ("ENTRIES_AND_GATEWAYS", "reviews"),
        ("DELEGATES", "a-delegate"),
        ("ROUTES", "a"),
        ("ROUTES", "b"),
        ("PRUNE_ENTRIES_AND_GATEWAYS", "old"),
        ("PRUNE_DESTINATION_RULES", "old"),
    ]


class TestSubsets:
    """Of DestinationRules, which stay a union while anything needs the old ones."""

    OLD, HEAD = rule({"v1": "1", "v2": "2"}), rule({"v2": "2", "v3": "3"})

    def test_a_needed_subset_stays_behind_heads(self) -> None:
        found = plan([view(self.HEAD, self.OLD, self.OLD), view(Z, X, X)])
        one = of(found, "DestinationRule")
        assert one.admitted == one.desired == rule({"v2": "2", "v3": "3", "v1": "1"})
        assert one.wave is Wave.DESTINATION_RULES
        [kept] = [finding for finding in found.findings if finding.rule == "subset-kept"]
        assert kept.severity is Severity.INFO
        assert "keeps the subset v1" in kept.message
        assert "VirtualService shop/reviews" in kept.message

    def test_live_and_in_flight_states_need_it_too(self) -> None:
        head = rule({"v2": "2"})
        for states in ([view(Z, Z, X)], [view(Z, Z, Z)]):
            flights = [flight()] if states[0].live == Z else []
            found = plan([view(head, self.OLD, self.OLD), *states], flights)
            assert not [one for one in found.objects if one.key.kind == "DestinationRule"]

    def test_a_route_that_is_not_ours_needs_it_too(self) -> None:
        theirs = virtual_service(route({"v1": 1}), name="theirs")
        assert not plan([view(rule({"v2": "2"}), self.OLD, self.OLD), view(None, None, theirs)]).objects

    def test_then_the_rule_shrinks_in_a_wave_of_its_own(self) -> None:
        one = of(plan([view(rule({"v2": "2"}), self.OLD, self.OLD), same(Z)]), "DestinationRule")
        assert one.wave is Wave.SHRINK
        assert one.changes == (Update(key("DestinationRule"), (("spec", "subsets"),)),)
        assert one.admitted == rule({"v2": "2"})

    def test_a_route_deleted_in_this_plan_needs_it_still(self) -> None:
        found = plan([view(rule({"v2": "2"}), self.OLD, self.OLD), gone(X)])
        assert [one.key.kind for one in found.objects] == ["VirtualService"]

    def test_the_target_has_the_labels_of_head(self) -> None:
        [shift] = of(plan([view(self.HEAD, self.OLD, self.OLD), view(Z, X, X)])).shifts
        assert isinstance(shift, Shift)
        assert [dict(labels) for _, labels in shift.target.labels] == [{"version": "2"}]
        assert [dict(labels) for _, labels in shift.base.labels] == [{"version": "1"}]

    def test_labels_edited_in_place_name_the_routes_that_send_traffic_there(self) -> None:
        new = rule({"v1": "1b", "v2": "2"})
        found = plan([view(new, self.OLD, self.OLD), same(X)])
        [cutover] = of(found, "DestinationRule").changes
        assert isinstance(cutover, Cutover)
        assert cutover.elsewhere == (RouteRef(key(), "http/main"),)
        assert cutover.reasons == (
            "the subset v1 selects version=1b instead of version=1",
            "traffic goes there now from VirtualService shop/reviews http/main",
        )

    def test_labels_that_only_a_rollout_involves_name_it(self) -> None:
        new = rule({"v1": "1", "v2": "2b"})
        [cutover] = of(plan([view(new, self.OLD, self.OLD), same(X)], [flight()]), "DestinationRule").changes
        assert isinstance(cutover, Cutover)
        assert cutover.elsewhere == (flight().ref,)

    def test_labels_that_nobody_uses_say_so_and_many_users_are_counted(self) -> None:
        new = rule({"v1": "1b", "v2": "2"})
        [unused] = of(plan([view(new, self.OLD, self.OLD)]), "DestinationRule").changes
        assert isinstance(unused, Cutover)
        assert unused.reasons[-1] == "no route sends traffic there now"
        users = [same(virtual_service(route({"v1": 1}), name=f"u{n}")) for n in range(5)]
        [used] = of(plan([view(new, self.OLD, self.OLD), *users]), "DestinationRule").changes
        assert isinstance(used, Cutover)
        assert used.reasons[-1].endswith("and 2 more")
        assert len(used.elsewhere) == 5

    def test_a_rule_that_moves_to_another_host_touches_the_routes_to_the_old_one(self) -> None:
        new = rule({"v1": "1", "v2": "2"}, host="ratings")
        [cutover] = of(plan([view(new, self.OLD, self.OLD), same(X)]), "DestinationRule").changes
        assert isinstance(cutover, Cutover)
        assert cutover.elsewhere == (RouteRef(key(), "http/main"),)

    def test_another_cutover_of_a_rule_touches_no_route_by_name(self) -> None:
        new = rule({"v1": "1", "v2": "2"}, exportTo=["."])
        [cutover] = of(plan([view(new, self.OLD, self.OLD), same(X)]), "DestinationRule").changes
        assert cutover == Cutover(key("DestinationRule"), ("spec.exportTo changes",))


class TestDeletions:
    def test_what_others_need_waits_and_stays_as_it_was(self) -> None:
        found = plan([gone(rule({"v1": "1"})), same(X)])
        one = of(found, "DestinationRule")
        [deletion] = one.changes
        assert isinstance(deletion, Delete)
        assert "still needs the subset v1" in deletion.waits
        assert (one.admitted, one.desired, one.wave) == (rule({"v1": "1"}), None, Wave.PRUNE_DESTINATION_RULES)

    def test_what_waits_is_corrected_meanwhile(self) -> None:
        found = plan([view(None, rule({"v1": "1"}), rule({"v1": "2"})), same(X)])
        assert names(of(found, "DestinationRule").changes) == ["Drift", "Delete"]

    def test_what_is_deleted_in_the_same_plan_needs_nothing(self) -> None:
        found = plan([gone(rule({"v1": "1"})), gone(X)], [flight()])
        assert [one.changes for one in found.objects] == [(Delete(key()),), (Delete(key("DestinationRule")),)]

    def test_what_waits_needs_others_itself(self) -> None:
        root = virtual_service({"name": "main", "delegate": {"name": "child"}})
        child = body("VirtualService", {"http": [route({"v1": 1})]}, "child")
        found = plan([same(root), gone(child), gone(rule({"v1": "1"}))])
        assert all(isinstance(change, Delete) and change.waits for one in found.objects for change in one.changes)
        assert len(found.objects) == 2

    @pytest.mark.parametrize("accepted", [True, False])
    def test_an_annotation_keeps_an_object_that_left_git(self, *, accepted: bool) -> None:
        kept = body("VirtualService", X["spec"], annotations=KEPT)
        states = view(None, kept, X) if accepted else view(None, X, kept)
        assert plan([states]) == Plan()

    def test_an_object_that_is_kept_needs_what_it_refers_to(self) -> None:
        kept = body("VirtualService", X["spec"], annotations=KEPT)
        [deletion] = of(plan([gone(kept), gone(rule({"v1": "1"}))]), "DestinationRule").changes
        assert isinstance(deletion, Delete)
        assert deletion.waits

    def test_the_guard_holds_all_of_them_back_until_somebody_consents(self) -> None:
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

    def test_objects_that_are_gone_already_do_not_count_for_the_guard(self) -> None:
        found = plan([view(None, virtual_service(name=f"vs-{n:02}"), None) for n in range(11)])
        assert found.refused == ""
        assert len(found.objects) == 11


class TestWarnings:
    def test_a_cutover_is_a_warning_at_its_manifest(self) -> None:
        [finding] = plan([view(virtual_service(route({"v1": 1}, "main"), hosts=["a"]), X, X)]).findings
        assert (finding.rule, finding.severity, finding.path, finding.document) == (
            "cutover",
            Severity.WARNING,
            "mesh/a.yaml",
            2,
        )
        assert finding.message == "VirtualService shop/reviews is cut over, at once and unjudged: spec.hosts changes"
        assert finding.object == key()

    def test_a_deleted_route_is_a_warning_where_it_was_and_a_waiting_one_is_none(self) -> None:
        [finding] = plan([gone(X)]).findings
        assert finding.path == "mesh/was.yaml"
        assert "is deleted" in finding.message
        assert plan([view(None, X, None)]).findings == ()
        assert plan([gone(body("Gateway", {}))]).findings == ()

    def test_a_hosts_first_route_is_none(self) -> None:
        assert plan([view(X, None, None)]).findings == ()
        assert plan([view(rule({}), None, None), same(X)]).findings == ()

    @pytest.mark.parametrize(
        ("there", "new", "warned"),
        [
            ({}, {}, True),
            ({"hosts": ["*"]}, {}, True),
            ({"hosts": ["*.svc.cluster.local"]}, {}, True),
            ({"hosts": ["ratings"]}, {}, False),
            ({"gateways": ["edge"]}, {}, False),
            ({"gateways": ["edge", "mesh"]}, {}, True),
            ({"gateways": ["shop/edge"]}, {"gateways": ["edge"]}, True),
            ({"hosts": ["reviews"]}, {"hosts": ["*"]}, False),
            ({"hosts": []}, {"hosts": []}, False),
        ],
    )
    def test_a_new_route_for_a_host_that_another_serves_is_one(self, there: Any, new: Any, *, warned: bool) -> None:
        served = virtual_service(route({"v1": 1}), **there)
        made = virtual_service(route({"v2": 1}), name="second", **new)
        findings = plan([same(served), view(made, None, None)]).findings
        assert bool(findings) is warned
        if warned:
            assert "VirtualService shop/second takes over" in findings[0].message
            assert "which VirtualService shop/reviews serves now" in findings[0].message
