"""DestinationRules stay a union while anything needs the old subsets."""

from gitops_mesh.model.findings import Severity
from gitops_mesh.model.plan import (
    Cutover,
    Shift,
    Update,
    Wave,
)
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.plan.planner import plan
from tests.fakes.meshes import key, route, rule, virtual_service
from tests.fakes.views import X, Z, flight, gone, of, same, view

OLD, HEAD = rule({"v1": "1", "v2": "2"}), rule({"v2": "2", "v3": "3"})


def test_a_needed_subset_stays_behind_heads() -> None:
    found = plan([view(HEAD, OLD, OLD), view(Z, X, X)])
    one = of(found, "DestinationRule")
    assert one.admitted == one.desired == rule({"v2": "2", "v3": "3", "v1": "1"})
    assert one.wave is Wave.DESTINATION_RULES
    [kept] = [finding for finding in found.findings if finding.rule == "subset-kept"]
    assert kept.severity is Severity.INFO
    assert "keeps the subset v1" in kept.message
    assert "VirtualService shop/reviews" in kept.message


def test_live_and_in_flight_states_need_it_too() -> None:
    head = rule({"v2": "2"})
    for states in ([view(Z, Z, X)], [view(Z, Z, Z)]):
        flights = [flight()] if states[0].live == Z else []
        found = plan([view(head, OLD, OLD), *states], flights)
        assert not [one for one in found.objects if one.key.kind == "DestinationRule"]


def test_a_route_that_is_not_ours_needs_it_too() -> None:
    theirs = virtual_service(route({"v1": 1}), name="theirs")
    assert not plan([view(rule({"v2": "2"}), OLD, OLD), view(None, None, theirs)]).objects


def test_then_the_rule_shrinks_in_a_wave_of_its_own() -> None:
    one = of(plan([view(rule({"v2": "2"}), OLD, OLD), same(Z)]), "DestinationRule")
    assert one.wave is Wave.SHRINK
    assert one.changes == (Update(key("DestinationRule"), (("spec", "subsets"),)),)
    assert one.admitted == rule({"v2": "2"})


def test_a_route_deleted_in_this_plan_needs_it_still() -> None:
    found = plan([view(rule({"v2": "2"}), OLD, OLD), gone(X)])
    assert [one.key.kind for one in found.objects] == ["VirtualService"]


def test_the_target_has_the_labels_of_head() -> None:
    [shift] = of(plan([view(HEAD, OLD, OLD), view(Z, X, X)])).shifts
    assert isinstance(shift, Shift)
    assert [dict(labels) for _, labels in shift.target.labels] == [{"version": "2"}]
    assert [dict(labels) for _, labels in shift.base.labels] == [{"version": "1"}]


def test_labels_edited_in_place_name_the_routes_that_send_traffic_there() -> None:
    new = rule({"v1": "1b", "v2": "2"})
    found = plan([view(new, OLD, OLD), same(X)])
    [cutover] = of(found, "DestinationRule").changes
    assert isinstance(cutover, Cutover)
    assert cutover.elsewhere == (RouteRef(key(), "http/main"),)
    assert cutover.reasons == (
        "the subset v1 selects version=1b instead of version=1",
        "traffic goes there now from VirtualService shop/reviews http/main",
    )


def test_labels_that_only_a_rollout_involves_name_it() -> None:
    new = rule({"v1": "1", "v2": "2b"})
    [cutover] = of(plan([view(new, OLD, OLD), same(X)], [flight()]), "DestinationRule").changes
    assert isinstance(cutover, Cutover)
    assert cutover.elsewhere == (flight().ref,)


def test_labels_that_nobody_uses_say_so_and_many_users_are_counted() -> None:
    new = rule({"v1": "1b", "v2": "2"})
    [unused] = of(plan([view(new, OLD, OLD)]), "DestinationRule").changes
    assert isinstance(unused, Cutover)
    assert unused.reasons[-1] == "no route sends traffic there now"
    users = [same(virtual_service(route({"v1": 1}), name=f"u{n}")) for n in range(5)]
    [used] = of(plan([view(new, OLD, OLD), *users]), "DestinationRule").changes
    assert isinstance(used, Cutover)
    assert used.reasons[-1].endswith("and 2 more")
    assert len(used.elsewhere) == 5


def test_a_rule_that_moves_to_another_host_touches_the_routes_to_the_old_one() -> None:
    new = rule({"v1": "1", "v2": "2"}, host="ratings")
    [cutover] = of(plan([view(new, OLD, OLD), same(X)]), "DestinationRule").changes
    assert isinstance(cutover, Cutover)
    assert cutover.elsewhere == (RouteRef(key(), "http/main"),)


def test_another_cutover_of_a_rule_touches_no_route_by_name() -> None:
    new = rule({"v1": "1", "v2": "2"}, exportTo=["."])
    [cutover] = of(plan([view(new, OLD, OLD), same(X)]), "DestinationRule").changes
    assert cutover == Cutover(key("DestinationRule"), ("spec.exportTo changes",))
