from fractions import Fraction
from typing import Any

import pytest

from gitops_mesh.manifests.parse import parse
from gitops_mesh.mesh.rollout_policies import governing, parse_policy
from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.model.policy import (
    Analysis,
    MetricLimit,
    OnInconclusive,
    OnRegression,
    PolicyManifest,
    RolloutPolicy,
    Step,
)
from gitops_mesh.model.routes import Destination, RouteRef

HEAD = "apiVersion: gitops-mesh.io/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: NAME, namespace: shop}\n"
REF = RouteRef(ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews"), "http/main")
TO = (Destination("reviews.shop.svc.cluster.local", "v1"), Destination("reviews.shop.svc.cluster.local", "v2"))


def manifest(spec: str, name: str = "careful") -> Manifest:
    (made,) = parse((HEAD.replace("NAME", name) + f"spec: {spec}\n").encode(), "policies/a.yaml").manifests
    return made


def policy(spec: str, name: str = "careful") -> PolicyManifest:
    return parse_policy(manifest(spec, name))


def test_an_empty_policy_is_the_default_by_another_name() -> None:
    made = policy("{}")
    assert made.policy == RolloutPolicy(name="shop/careful")
    assert (made.path, made.document) == ("policies/a.yaml", 0)


def test_everything_that_a_policy_says_is_read() -> None:
    made = policy(
        "{selector: {namespaces: [shop], hosts: [reviews], names: ['rev*'], labels: {team: a, app: b}},"
        " steps: [{fraction: 0.1, bake: 1m30s}, {weight: 33}, {weight: '50%', bake: 0s},"
        " {fraction: '75%'}, {fraction: 1}],"
        " analysis: {judge: none, interval: 200ms, metrics: ["
        "{name: error-rate, limit: '1%', margin: 0.005, minRequests: 7},"
        "{name: latency, limit: 500ms, margin: 20ms, quantile: 0.5}]},"
        " watch: 5m, deadlines: {hold: 2h, pause: 48h}, onRegression: pause,"
        " onInconclusive: pause, allowImmediate: true}"
    )
    assert made.selector.labels == (("app", "b"), ("team", "a"))
    assert made.policy == RolloutPolicy(
        name="shop/careful",
        steps=(
            Step(Fraction(1, 10), 90),
            Step(Fraction(33, 100), 30),
            Step(Fraction(1, 2), 0),
            Step(Fraction(3, 4), 30),
            Step(Fraction(1), 0),
        ),
        analysis=Analysis(
            "none",
            0.2,
            (
                MetricLimit("error-rate", 0.01, margin=0.005, min_requests=7),
                MetricLimit("latency", 0.5, margin=0.02, quantile=0.5),
            ),
        ),
        watch=300,
        hold_deadline=7200,
        pause_deadline=172800,
        on_regression=OnRegression.PAUSE,
        on_inconclusive=OnInconclusive.PAUSE,
        allow_immediate=True,
    )


def test_a_metric_needs_only_a_limit() -> None:
    made = policy("{analysis: {metrics: [{name: error-rate, limit: 0.02}]}}")
    assert made.policy.analysis.metrics == (MetricLimit("error-rate", 0.02),)


@pytest.mark.parametrize(
    "selector",
    [
        "{}",
        "{namespaces: [other, 'sh*']}",
        "{names: [reviews]}",
        "{hosts: [reviews]}",
        "{hosts: [reviews.shop]}",
        "{hosts: ['*.shop.svc.cluster.local']}",
        "{labels: {team: a}}",
        "{namespaces: [shop], hosts: ['rev*'], labels: {team: a, app: b}}",
    ],
)
def test_a_selector_takes_the_routes_it_means(selector: str) -> None:
    chosen = policy(f"{{selector: {selector}}}")
    assert governing([chosen], REF, {"team": "a", "app": "b"}, TO) == (chosen,)


@pytest.mark.parametrize(
    "selector",
    [
        "{namespaces: [other]}",
        "{names: [Reviews]}",
        "{hosts: [ratings]}",
        "{hosts: [review]}",
        "{labels: {team: b}}",
        "{labels: {missing: a}}",
        "{namespaces: [shop], hosts: [ratings]}",
    ],
)
def test_a_selector_leaves_the_others(selector: str) -> None:
    assert governing([policy(f"{{selector: {selector}}}")], REF, {"team": "a"}, TO) == ()


def test_a_route_without_destinations_is_not_selected_by_host() -> None:
    assert governing([policy("{selector: {hosts: ['*']}}")], REF, {}, ()) == ()
    external = [Destination("ratings.example.com")]
    assert governing([policy("{selector: {hosts: ['ratings.*']}}")], REF, {}, external)


def test_all_that_select_a_route_are_named_in_order() -> None:
    first, second = policy("{}", "a"), policy("{}", "b")
    assert governing([second, first], REF, {}, TO) == (first, second)


@pytest.mark.parametrize("spec", ["null", "[]", "x", "{selector: [], steps: x, analysis: 3, deadlines: null}"])
def test_a_malformed_policy_is_read_as_far_as_it_goes(spec: Any) -> None:
    assert policy(spec).policy.analysis == Analysis()
