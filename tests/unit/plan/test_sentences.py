from typing import Any

import pytest

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.model.objects import Manifest
from gitops_mesh.model.plan import ObjectPlan, ObjectView, Plan, Update, Wave
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.plan.planner import plan
from gitops_mesh.plan.sentences import printable, sentences
from tests.fakes.meshes import backend, body, entry, http_route, key, route, rule, virtual_service

MAIN = RouteRef(key(), "http/main")
A = [{"uri": {"prefix": "/a"}}]


def planned(desired: Any, accepted: Any, live: Any = ...) -> Plan:
    known = key_of(desired or accepted)
    manifest = None if desired is None else Manifest(known, desired, "a.yaml")
    return plan([ObjectView(known, manifest, accepted, accepted if live is ... else live)])


def said(desired: Any, accepted: Any, live: Any = ...) -> list[str]:
    return sentences(planned(desired, accepted, live))


def test_a_shift_names_what_rises() -> None:
    found = planned(virtual_service(route({"v2": 1}, "main")), virtual_service(route({"v1": 90, "v2": 10}, "main")))
    assert sentences(found, {MAIN: 4}) == ["reviews: v2 10% → 100% in 4 steps"]
    assert sentences(found, {MAIN: 1}) == ["reviews: v2 10% → 100% in 1 step"]
    assert sentences(found, {MAIN: 0}) == ["reviews: v2 10% → 100% at once"]
    assert sentences(found) == ["reviews: v2 10% → 100%"]


def test_the_largest_share_of_several_comes_first() -> None:
    old, new = (virtual_service(route(w, "main")) for w in ({"v1": 1}, {"v1": 1, "v2": 2, "v3": 5}))
    assert said(new, old) == ["reviews: v3 0% → 62.5%, v2 0% → 25%"]


def test_one_of_several_routes_is_named() -> None:
    a, old, new = route({"v1": 1}, "a", A), route({"v1": 1}, "main"), route({"v2": 1}, "main", timeout="1s")
    assert said(virtual_service(a, new), virtual_service(a, old)) == [
        "reviews: timeout of main changes (update)",
        "reviews (http/main): v2 0% → 100%",
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (entry("v1"), entry("v2", host="ratings"), "ratings:v2 0% → 100%"),
        (entry(), entry("v2"), "reviews:v2 0% → 100%"),
        (
            entry("v1", host="reviews.a.svc.cluster.local"),
            entry("v1", host="reviews.b.svc.cluster.local"),
            "reviews.b.svc.cluster.local:v1 0% → 100%",
        ),
        (
            entry(host="reviews.a.svc.cluster.local"),
            entry(host="reviews.b.svc.cluster.local"),
            "reviews.b.svc.cluster.local 0% → 100%",
        ),
    ],
)
def test_destinations_are_told_apart(before: Any, after: Any, expected: str) -> None:
    old, new = (virtual_service({"name": "main", "route": [found]}) for found in (before, after))
    assert said(new, old) == [f"reviews: {expected}"]


def test_other_kinds_say_what_they_are() -> None:
    old, new = (http_route({"backendRefs": [backend("a", w), backend("b", 1)]}) for w in (9, 1))
    assert said(new, old) == ["HTTPRoute reviews: b@80 10% → 50%"]
    assert said(rule({}), None) == ["DestinationRule reviews: new"]


@pytest.mark.parametrize(
    ("desired", "accepted", "expected"),
    [
        (
            rule({"v1": "1"}),
            rule({"v1": "1"}, trafficPolicy={}),
            "DestinationRule reviews: trafficPolicy changes (update)",
        ),
        (rule({"v1": "1", "v2": "2"}), rule({"v1": "1"}), "DestinationRule reviews: the subset v2 changes (update)"),
        (rule({}), rule({"v1": "1"}), "DestinationRule reviews: subsets change (update)"),
        (
            body("Gateway", {}, labels={"a": "1"}, annotations={"b": "1"}),
            body("Gateway", {}),
            "Gateway reviews: the label a, the annotation b change (update)",
        ),
        (
            virtual_service(route({"v1": 1}, "main", retries={"attempts": 2})),
            virtual_service(route({"v1": 1}, "main", retries={"attempts": 1})),
            "reviews: retries.attempts change (update)",
        ),
        (virtual_service(hosts=["a"]), virtual_service(), "reviews: cutover: spec.hosts changes"),
        (None, virtual_service(), "reviews: deleted"),
    ],
)
def test_each_change_has_its_words(desired: Any, accepted: Any, expected: str) -> None:
    assert said(desired, accepted) == [expected]


def test_fields_beside_the_spec_and_of_a_subset_are_named() -> None:
    old, new = ({**body("ConfigMap", None, group=""), "data": {"x": x}} for x in "ab")
    assert said(new, old) == ["ConfigMap reviews: data.x changes (update)"]
    pointers = (("spec", "subsets", 0, "trafficPolicy"), ("spec", "subsets", 7))
    found = ObjectPlan(key("DestinationRule"), "", Wave.ROUTES, (Update(key(), pointers),), None, rule({"v1": "1"}))
    expected = "DestinationRule reviews: trafficPolicy of the subset v1, the subset 7 change (update)"
    assert sentences(Plan((found,))) == [expected]


def test_drift_says_what_somebody_did() -> None:
    old = virtual_service(route({"v1": 1}, "main"))
    assert said(old, old, None) == ["reviews: drift: it is gone from the cluster"]
    live = virtual_service(route({"v2": 1}, "main", timeout="1s"))
    expected = ["reviews: drift: timeout, the split of http/main changed by somebody else"]
    assert said(old, old, live) == expected


def test_a_deletion_that_waits_and_a_refusal_are_said() -> None:
    views = [ObjectView(key(name=f"vs-{n:02}"), None, virtual_service(), virtual_service()) for n in range(11)]
    told = sentences(plan(views))
    assert told[0].startswith("vs-00: its deletion waits: this would delete 11 of 11")
    assert told[-1].startswith("this would delete 11 of 11")


def test_namespaces_are_named_when_there_are_several() -> None:
    found = plan([ObjectView(key(namespace=n), None, virtual_service(namespace=n), None) for n in ("shop", "prod")])
    assert sentences(found) == ["prod/reviews: deleted", "shop/reviews: deleted"]


def test_nothing_hostile_reaches_a_terminal() -> None:
    assert printable("a\x1b[31m\n\u202eb → é") == "a\\x1b[31m\\n\\u202eb → é"
    old = virtual_service(route({"v1": 1}, "main"), name="a\x1b]0;x\x07\nb")
    [told] = said(virtual_service(hosts=["x"], name="a\x1b]0;x\x07\nb"), old)
    assert told.isprintable()


def test_no_changes_say_nothing() -> None:
    assert sentences(Plan()) == []
