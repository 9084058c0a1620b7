"""The rules that look across objects."""

import pytest

from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Manifest
from gitops_mesh.validation.rules import ALL
from gitops_mesh.validation.validate import validate

GROUPS = {
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "Gateway": "networking.istio.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Service": "v1",
    "RolloutPolicy": "gitops-mesh.io/v1alpha1",
}


def document(kind: str, name: str, spec: str, more: str = "") -> str:
    return (
        f"apiVersion: {GROUPS[kind]}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop{more}}}\nspec: {spec}\n"
    )


def manifests(*documents: str, path: str = "a.yaml") -> tuple[Manifest, ...]:
    parsed = parse("---\n".join(documents).encode(), path)
    assert not parsed.findings
    return parsed.manifests


def found(*documents: str, but: str = "host-not-found") -> list[Finding]:
    return [f for f in validate(manifests(*documents)) if f.rule != but]


def rules(*documents: str, but: str = "host-not-found") -> list[str]:
    return [f.rule for f in found(*documents, but=but)]


def to(host: str, subset: str = "") -> str:
    return f"{{destination: {{host: {host}{f', subset: {subset}' if subset else ''}}}}}"


RULE = document("DestinationRule", "reviews", "{host: reviews, subsets: [{name: v1}, {name: v2}]}")
SERVICE = document("Service", "reviews", "{ports: [{port: 80}]}")


def test_every_rule_has_an_id_of_its_own_and_says_why() -> None:
    ids = [rule.id for rule in ALL]
    assert len(set(ids)) == len(ids)
    assert all(rule.check.__doc__ for rule in ALL)
    assert all(rule.id == rule.id.lower().replace("_", "-") for rule in ALL)


class TestIdentity:
    def test_one_object_in_two_files_names_both(self) -> None:
        one = manifests(RULE, path="a.yaml")
        two = manifests(SERVICE, RULE, path="b.yaml")
        (finding,) = validate([*two, *one])
        assert (finding.rule, finding.path, finding.document) == ("duplicate-object", "b.yaml", 1)
        assert "first in a.yaml (document 1)" in finding.message

    def test_one_object_twice_in_a_file(self) -> None:
        (finding,) = found(RULE, RULE)
        assert "first in this file" in finding.message
        assert finding.is_error

    @pytest.mark.parametrize(
        ("api_version", "kind", "rule", "said", "remedy"),
        [
            (
                "networking.istio.io/v1",
                "VirtualServce",
                "unknown-kind",
                "did you mean `VirtualService`?",
                "VirtualService",
            ),
            ("networking.istio.io/v1", "HTTPRoute", "unknown-kind", "it is one of gateway.networking.k8s.io", ""),
            ("gitops-mesh.io/v1alpha1", "Rollout", "unknown-kind", "RolloutPolicy", "RolloutPolicy, ValidationPolicy"),
            ("networking.istio.io/v2", "Gateway", "wrong-api-version", "is not served", "networking.istio.io/v1 or"),
            ("gateway.networking.k8s.io/v1alpha2", "TLSRoute", "wrong-api-version", "", "gateway.networking.k8s.io/v1"),
            (
                "networking.istio.oi/v1",
                "Gateway",
                "wrong-api-version",
                "`networking.istio.io`?",
                "use networking.istio.io/v1",
            ),
        ],
    )
    def test_misspelt_kinds_and_versions_are_errors(
        self, api_version: str, kind: str, rule: str, said: str, remedy: str
    ) -> None:
        text = f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{x: 1}}\n"
        (finding,) = found(text)
        assert (finding.rule, finding.severity) == (rule, Severity.ERROR)
        assert said in finding.message
        assert remedy in finding.remedy

    @pytest.mark.parametrize(
        ("api_version", "kind", "rule"),
        [
            ("batch/v1", "Job", "not-managed"),
            ("gateway.solo.io/v1", "VirtualService", "not-managed"),
            ("v1", "PersistentVolumeClaim", "not-managed"),
            ("v1", "Secret", "secret-in-git"),
        ],
    )
    def test_what_is_not_ours_is_a_warning(self, api_version: str, kind: str, rule: str) -> None:
        (finding,) = found(
            f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\ndata: {{password: hunter2}}\n"
        )
        assert (finding.rule, finding.severity) == (rule, Severity.WARNING)
        assert "hunter2" not in repr(finding)

    def test_context_is_read_in_silence(self) -> None:
        text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {any: thing}\n"
        assert not found(SERVICE, text)


class TestReferences:
    def test_a_missing_subset_is_an_error_with_the_choices(self) -> None:
        route = document(
            "VirtualService", "a", f"{{http: [{{route: [{to('reviews', 'v1')}, {to('reviews', 'v3')}]}}]}}"
        )
        (finding,) = [f for f in found(RULE, route) if f.rule == "subset-not-found"]
        assert finding.pointer == ("spec", "http", 0, "route", 1, "destination", "subset")
        assert finding.is_error
        assert finding.remedy == "choose from: v1, v2"

    def test_without_a_rule_the_remedy_is_to_add_one(self) -> None:
        route = document("VirtualService", "a", f"{{http: [{{route: [{to('reviews', 'v1')}]}}]}}")
        (finding,) = found(route)
        assert "add a DestinationRule for reviews.shop.svc.cluster.local" in finding.remedy

    def test_subsets_of_a_wildcard_rule_count(self) -> None:
        rule = document("DestinationRule", "all", "{host: '*.shop.svc.cluster.local', subsets: [{name: v1}]}")
        route = document("VirtualService", "a", f"{{tcp: [{{route: [{to('reviews', 'v1')}]}}]}}")
        other = document("VirtualService", "b", f"{{tls: [{{route: [{to('reviews.example.com', 'v1')}]}}]}}")
        assert "subset-not-found" not in rules(rule, route)
        assert "subset-not-found" in rules(rule, other)

    def test_mirrors_are_destinations_too(self) -> None:
        spec = (
            "{http: [{mirror: {host: reviews, subset: x}, mirrors: [{destination: {host: reviews, subset: y}}, {}]}]}"
        )
        pointers = [
            f.pointer[3:] for f in found(RULE, document("VirtualService", "a", spec)) if f.rule == "subset-not-found"
        ]
        assert pointers == [("mirror", "subset"), ("mirrors", 0, "destination", "subset")]

    def test_a_missing_host_is_a_warning_without_services_and_an_error_with_them(self) -> None:
        route = document("VirtualService", "a", f"{{http: [{{route: [{to('reviws')}]}}]}}")
        (alone,) = found(route, but="")
        assert (alone.rule, alone.severity) == ("host-not-found", Severity.WARNING)
        (beside,) = found(SERVICE, route, but="")
        assert beside.severity is Severity.ERROR
        assert "did you mean `reviews`?" in beside.message
        assert beside.pointer == ("spec", "http", 0, "route", 0, "destination", "host")

    def test_hosts_are_services_or_service_entries(self) -> None:
        entry = document("ServiceEntry", "e", "{hosts: ['*.example.com'], ports: [{number: 80, name: http}]}")
        route = document("VirtualService", "a", f"{{http: [{{route: [{to('reviews')}, {to('api.example.com')}]}}]}}")
        assert "host-not-found" not in rules(SERVICE, entry, route, but="")

    def test_a_host_with_a_destination_rule_passes_where_services_are_kept_elsewhere(self) -> None:
        route = document("VirtualService", "a", f"{{http: [{{route: [{to('reviews', 'v1')}]}}]}}")
        assert not found(RULE, route, but="")
        other = document("Service", "other", "{}")
        assert "host-not-found" in rules(RULE, other, route, but="")

    def test_context_defines_without_being_judged(self) -> None:
        route = document("VirtualService", "a", f"{{gateways: [web], http: [{{route: [{to('reviews')}]}}]}}")
        gateway = document("Gateway", "web", "{}")
        context = [m.body for m in manifests(SERVICE, gateway)]
        assert not validate(manifests(route), context=context)

    def test_gateway_api_backends_are_hosts(self) -> None:
        spec = (
            "{rules: [{backendRefs: [{name: reviews, port: 80}, {name: gone, port: 80,"
            " filters: [{type: RequestMirror, requestMirror: {backendRef: {name: lost, port: 80}}}]},"
            " {port: 80}, {group: networking.istio.io, kind: Hostname, name: out.example.com, port: 80},"
            " {group: example.com, kind: Bucket, name: b, port: 80}],"
            " filters: [{type: RequestMirror, requestMirror: {backendRef: {name: away, port: 80}}},"
            " {type: URLRewrite}]}]}"
        )
        missing = [f for f in found(SERVICE, document("HTTPRoute", "a", spec), but="") if f.rule == "host-not-found"]
        assert [f.pointer[3:] for f in missing] == [
            ("backendRefs", 1, "filters", 0, "requestMirror", "backendRef", "name"),
            ("backendRefs", 1, "name"),
            ("backendRefs", 3, "name"),
            ("filters", 0, "requestMirror", "backendRef", "name"),
        ]

    @pytest.mark.parametrize(
        ("written", "missing"),
        [("mesh", False), ("web", False), ("./web", False), ("shop/web", False), ("other/web", True), ("wbe", True)],
    )
    def test_gateways_exist(self, written: str, missing: bool) -> None:
        gateway = document(
            "Gateway", "web", "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.b]}]}"
        )
        route = document("VirtualService", "a", f"{{gateways: [mesh, {written}], http: []}}")
        (*findings,) = found(gateway, route)
        assert [f.rule for f in findings] == ["gateway-not-found"] * missing
        assert all(f.pointer == ("spec", "gateways", 1) for f in findings)

    def test_a_virtual_service_may_use_a_gateway_of_the_other_api(self) -> None:
        listener = "{name: a, port: 80, protocol: HTTP}"
        gateway = (
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web, namespace: shop}\n"
            f"spec: {{gatewayClassName: istio, listeners: [{listener}]}}\n"
        )
        assert not found(gateway, document("VirtualService", "a", "{gateways: [web], http: []}"))

    def test_parents_of_a_route_exist(self) -> None:
        spec = "{parentRefs: [{name: web}, {group: networking.istio.io, kind: ServiceEntry, name: x}]}"
        (finding,) = found(document("HTTPRoute", "a", spec))
        assert (finding.rule, finding.pointer) == ("gateway-not-found", ("spec", "parentRefs", 0, "name"))

    def test_delegates_exist(self) -> None:
        root = document(
            "VirtualService",
            "a",
            "{hosts: [a], http: [{match: [{port: 1}], delegate: {name: b}}, {delegate: {name: c}}]}",
        )
        (finding,) = found(root, document("VirtualService", "b", "{http: []}"))
        assert (finding.rule, finding.pointer) == ("delegate-not-found", ("spec", "http", 1, "delegate"))


class TestWeights:
    @pytest.mark.parametrize(
        ("weights", "expected"),
        [
            ([50, 50], []),
            ([0, 1], []),
            ([0], []),
            ([-1, 5], ["negative-weight"]),
            ([0, 0], ["weights-all-zero"]),
            ([None, None], ["weights-all-zero"]),
        ],
    )
    def test_weights_of_a_virtual_service(self, weights: list[int | None], expected: list[str]) -> None:
        entries = ", ".join(
            f"{{destination: {{host: reviews, subset: v{n + 1}}}{'' if w is None else f', weight: {w}'}}}"
            for n, w in enumerate(weights)
        )
        route = document("VirtualService", "a", f"{{http: [{{route: [{entries}]}}]}}")
        assert [r for r in rules(RULE, route) if "weight" in r] == expected

    def test_an_omitted_weight_of_gateway_api_is_one(self) -> None:
        both = document(
            "HTTPRoute", "a", "{rules: [{backendRefs: [{name: a, port: 80, weight: 0}, {name: b, port: 80}]}]}"
        )
        assert not rules(both)
        none = document("HTTPRoute", "a", "{rules: [{backendRefs: [{name: a, weight: 0}, {name: b, weight: 0}]}]}")
        assert "weights-all-zero" in rules(none)


def test_routes_that_cannot_be_told_apart_are_a_warning() -> None:
    same = f"{{route: [{to('reviews', 'v1')}]}}"
    (first, second) = found(RULE, document("VirtualService", "a", f"{{http: [{same}, {same}]}}"))
    assert (first.rule, first.severity, first.pointer) == ("ambiguous-route", Severity.WARNING, ("spec", "http", 0))
    assert second.pointer == ("spec", "http", 1)


class TestRolloutPolicies:
    ROUTE = document("VirtualService", "a", f"{{http: [{{route: [{to('reviews', 'v1')}]}}]}}", ", labels: {team: web}")

    def test_one_policy_for_a_route_is_right(self) -> None:
        one = document(
            "RolloutPolicy", "one", "{selector: {labels: {team: web}}, steps: [{fraction: 0.1}, {fraction: 1}]}"
        )
        assert not found(RULE, self.ROUTE, one)

    def test_a_policy_that_selects_nothing_is_a_warning(self) -> None:
        one = document("RolloutPolicy", "one", "{selector: {namespaces: [sjop]}}")
        (finding,) = found(RULE, self.ROUTE, one)
        assert (finding.rule, finding.severity) == ("policy-selects-nothing", Severity.WARNING)

    def test_two_policies_for_a_route_are_an_error(self) -> None:
        one, two = document("RolloutPolicy", "one", "{}"), document("RolloutPolicy", "two", "{selector: {names: [a]}}")
        (finding,) = found(RULE, self.ROUTE, two, one)
        assert (finding.rule, finding.severity) == ("policies-overlap", Severity.ERROR)
        assert finding.object is not None
        assert finding.object.name == "two"
        assert "RolloutPolicy shop/two and RolloutPolicy shop/one both select VirtualService shop/a" in finding.message

    def test_an_overlap_on_many_routes_is_said_once(self) -> None:
        routes = [self.ROUTE.replace("name: a", f"name: a{n}") for n in range(4)]
        policies = [document("RolloutPolicy", name, "{}") for name in ("one", "two")]
        (finding,) = found(RULE, *routes, *policies)
        assert finding.message.endswith(" and 3 more")

    @pytest.mark.parametrize(
        ("steps", "said"),
        [
            ("[{fraction: 0.5}, {fraction: 0.5}, {fraction: 1}]", "step 2 (0.5) is not above the one before it (0.5)"),
            ("[{weight: 50}, {weight: 20}, {weight: 100}]", "step 2 (0.2) is not above"),
            ("[{fraction: '0%'}, {fraction: 1}]", "step 1 (0) is not above"),
            ("[{weight: '10%'}, {fraction: 0.9}]", "the last step is 0.9"),
        ],
    )
    def test_steps_rise_and_end_at_one(self, steps: str, said: str) -> None:
        (finding,) = found(RULE, self.ROUTE, document("RolloutPolicy", "one", f"{{steps: {steps}}}"))
        assert (finding.rule, finding.is_error) == ("rollout-steps", True)
        assert said in finding.message

    def test_a_policy_that_fails_its_schema_selects_nothing_more(self) -> None:
        broken = document("RolloutPolicy", "one", "{steps: [{fraction: 7}], selector: {names: [nothing]}}")
        old = document("RolloutPolicy", "two", "{}").replace("v1alpha1", "v1")
        assert sorted(rules(RULE, self.ROUTE, broken, old)) == ["bad-value", "wrong-api-version"]


class TestSettings:
    def annotated(self, text: str) -> list[Finding]:
        return found(SERVICE, document("DestinationRule", "reviews", "{host: reviews}", f", annotations: {{{text}}}"))

    def test_known_settings_and_the_annotations_of_others_are_fine(self) -> None:
        assert not self.annotated("gitops-mesh.io/drift: report, gitops-mesh.io/prune: disabled, team: web")

    def test_an_unknown_setting_lists_the_choices(self) -> None:
        (one,) = self.annotated("gitops-mesh.io/drfit: report")
        assert (one.rule, one.severity) == ("unknown-setting", Severity.ERROR)
        assert "did you mean `drift`" in one.message
        assert "prune" in one.remedy

    def test_an_unknown_value_lists_the_choices(self) -> None:
        (one,) = self.annotated("gitops-mesh.io/drift: keep")
        assert one.message == "`gitops-mesh.io/drift` is 'keep'; expected correct or report or ignore"
