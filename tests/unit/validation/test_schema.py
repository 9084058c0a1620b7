"""The schemas of the kinds, and how their errors are told."""

from typing import Any

import pytest

from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.validation.kinds import is_context, is_managed, is_policy, schema_of, served
from gitops_mesh.validation.validate import validate

ROUTE = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: shop}\n"
POLICY = "apiVersion: gitops-mesh.io/v1alpha1\nkind: RolloutPolicy\nmetadata: {name: a, namespace: shop}\n"
SCHEMA_RULES = {"unknown-field", "wrong-type", "missing-field", "alternatives", "bad-value"}


def found(text: str) -> list[Finding]:
    parsed = parse(text.encode(), "a.yaml")
    assert not parsed.findings
    return [f for f in validate(parsed.manifests) if f.rule in SCHEMA_RULES]


def only(text: str) -> Finding:
    (finding,) = found(text)
    assert finding.severity is Severity.ERROR
    return finding


def test_every_kind_has_a_schema_that_knows_its_envelope() -> None:
    kinds = [(group, kind) for group, known in served().items() for kind in known]
    assert len([kind for kind in kinds if "istio" in kind[0]]) == 15
    assert len([kind for kind in kinds if kind[0] == "gateway.networking.k8s.io"]) == 10
    for group, kind in kinds:
        assert {"apiVersion", "kind", "metadata", "spec"} <= set(schema_of(group, kind)["properties"])


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_all_served_versions_share_the_schema(version: str) -> None:
    text = ROUTE.replace("/v1", f"/{version}")
    assert not found(text + "spec: {hosts: [a], http: [{route: [{destination: {host: a}}]}]}\n")
    assert only(text + "spec: {hosts: [a], htp: []}\n").rule == "unknown-field"


def test_an_unknown_field_names_the_nearest_and_the_choices() -> None:
    finding = only(ROUTE + "spec: {http: [{route: [{destination: {host: a}, weigth: 5}]}]}\n")
    assert finding.rule == "unknown-field"
    assert "did you mean `weight`?" in finding.message
    assert finding.remedy == "choose from: weight, destination, headers"
    assert finding.pointer == ("spec", "http", 0, "route", 0, "weigth")
    assert finding.on_key


def test_unknown_fields_are_found_at_the_root_too() -> None:
    assert only(ROUTE + "spec: {}\nspecs: {}\n").pointer == ("specs",)


def test_fields_of_a_list_have_their_place_in_the_document() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- " + ROUTE.replace("\n", "\n  ") + "spec: {hots: [a]}\n"
    assert only(text).pointer == ("items", 0, "spec", "hots")


@pytest.mark.parametrize(
    ("spec", "rule", "said", "remedy"),
    [
        ("{hosts: a}", "wrong-type", "`spec.hosts` must be a list, not a string", "write it as an entry"),
        ("{http: [{timeout: 5}]}", "wrong-type", "must be a string, not a whole number", "such as `30s`"),
        ("{http: [{timeout: null}]}", "wrong-type", "must be a string, not nothing", "remove the field"),
        ("{http: [{name: yes}]}", "wrong-type", "not a boolean", "put it in quotes"),
        ("{http: [{name: {a: b}}]}", "wrong-type", "must be a string, not a mapping", ""),
        ("{http: [{match: [{port: '80'}]}]}", "wrong-type", "a whole number, not a string", "remove the quotes"),
        ("{http: [{match: [{port: 1.5}]}]}", "wrong-type", "a whole number, not a number", ""),
        ("{http: [null]}", "wrong-type", "must be a mapping, not nothing", ""),
        ("{http: [[]]}", "wrong-type", "must be a mapping, not a list", ""),
        ("{http: [{route: [{weight: 1}]}]}", "missing-field", "lacks the field `destination`", "add `destination`"),
        ("{http: [{timeout: 5}]}", "wrong-type", "", ""),
        ("{http: [{timeout: 5x}]}", "bad-value", "must be a duration of at least 1 ms", ""),
        ("{http: [{timeout: 0s}]}", "bad-value", "not `0s`", ""),
        (
            "{http: [{match: [{uri: {exact: a, prefix: b}}]}]}",
            "alternatives",
            "it has `exact` and `prefix`",
            "keep one",
        ),
        ("{http: [{match: [{port: 4294967296}]}]}", "bad-value", "must be at most `4294967295`", ""),
        (
            "{http: [{corsPolicy: {unmatchedPreflights: FORWRD}}]}",
            "bad-value",
            "did you mean `FORWARD`?",
            "choose from: FORWARD, IGNORE, UNSPECIFIED",
        ),
    ],
)
def test_errors_say_what_was_expected_and_found(spec: str, rule: str, said: str, remedy: str) -> None:
    finding = only(ROUTE + f"spec: {spec}\n")
    assert finding.rule == rule
    assert said in finding.message
    assert remedy in finding.remedy


def test_fields_that_are_preserved_may_hold_anything() -> None:
    text = ROUTE.replace("VirtualService", "EnvoyFilter").replace("/v1", "/v1alpha3")
    assert not found(
        text + "spec: {configPatches: [{applyTo: LISTENER, patch: {operation: MERGE, value: {any: [null]}}}]}\n"
    )


GATEWAY = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a, namespace: shop}\n"


def test_entries_of_a_kubernetes_map_are_unique_by_their_keys() -> None:
    listeners = "[{name: a, port: 80, protocol: HTTP}, {name: NAME, port: 81, protocol: HTTP}]"
    text = GATEWAY + f"spec: {{gatewayClassName: x, listeners: {listeners}}}\n"
    assert not found(text.replace("NAME", "b"))
    finding = only(text.replace("NAME", "a"))
    assert "two entries with the same `name`" in finding.message
    assert not [f for f in found(text.replace(listeners, "[3, 3]")) if "uniqueBy" in f.message]


def test_missing_parts_of_gateway_api_are_told_one_by_one() -> None:
    said = {(f.rule, f.message) for f in found(GATEWAY + "spec: {}\n")}
    assert said == {
        ("missing-field", "`spec` lacks the field `gatewayClassName`"),
        ("missing-field", "`spec` lacks the field `listeners`"),
    }


@pytest.mark.parametrize(
    ("spec", "rule", "at"),
    [
        ("{steps: [{fraction: 1, weight: 100}]}", "alternatives", ("spec", "steps", 0)),
        ("{steps: [{bake: 1s}]}", "alternatives", ("spec", "steps", 0)),
        ("{steps: [{fraction: 5}]}", "bad-value", ("spec", "steps", 0, "fraction")),
        ("{steps: [{fraction: 0}]}", "bad-value", ("spec", "steps", 0, "fraction")),
        ("{steps: [{fraction: 1e99%}]}", "bad-value", ("spec", "steps", 0, "fraction")),
        ("{steps: [{fraction: true}]}", "wrong-type", ("spec", "steps", 0, "fraction")),
        ("{steps: []}", "bad-value", ("spec", "steps")),
        ("{watch: 30}", "wrong-type", ("spec", "watch")),
        ("{watch: -1s}", "bad-value", ("spec", "watch")),
        ("{analysis: {judge: magic}}", "bad-value", ("spec", "analysis", "judge")),
        (
            "{analysis: {metrics: [{name: latency, limit: 1}]}}",
            "wrong-type",
            ("spec", "analysis", "metrics", 0, "limit"),
        ),
        (
            "{analysis: {metrics: [{name: error-rate, limit: 5s}]}}",
            "bad-value",
            ("spec", "analysis", "metrics", 0, "limit"),
        ),
        ("{analysis: {metrics: [{limit: 0.1}]}}", "missing-field", ("spec", "analysis", "metrics", 0)),
        (
            "{analysis: {metrics: [{name: error-rate, limit: 0.1, quantile: 0.9}]}}",
            "unknown-field",
            ("spec", "analysis", "metrics", 0, "quantile"),
        ),
        ("{onRegression: explode}", "bad-value", ("spec", "onRegression")),
        ("{holdDeadline: 60s}", "unknown-field", ("spec", "holdDeadline")),
    ],
)
def test_a_rollout_policy_is_checked(spec: str, rule: str, at: tuple[Any, ...]) -> None:
    assert [(f.rule, f.pointer) for f in found(POLICY + f"spec: {spec}\n") if f.rule == rule] == [(rule, at)]


def test_keys_that_look_like_numbers_are_kept_as_they_are_written() -> None:
    text = ROUTE.replace("VirtualService", "PeerAuthentication").replace("networking", "security")
    for key in ("'0080'", "'+80'", "'80'"):
        finding = only(text + f"spec: {{portLevelMtls: {{{key}: {{mode: STRICKT}}}}}}\n")
        assert finding.pointer == ("spec", "portLevelMtls", key.strip("'"), "mode")
    assert only(text + "spec: {portLevelMtls: {'': {mode: STRICKT}}}\n").pointer == ("spec", "portLevelMtls")


def test_what_is_said_about_one_object_is_bounded() -> None:
    fields = ", ".join(f"{{a{n}: 1}}" for n in range(200))
    assert len(found(ROUTE + f"spec: {{http: [{fields}]}}\n")) <= 50


def test_kinds_are_managed_read_as_policies_or_context() -> None:
    def judged(group: str, kind: str) -> tuple[bool, bool, bool]:
        key = ObjectKey(group, kind, "a", "b")
        return is_managed(key), is_policy(key), is_context(key)

    assert judged("networking.istio.io", "VirtualService") == (True, False, False)
    assert judged("gateway.networking.k8s.io", "HTTPRoute") == (True, False, False)
    assert judged("gitops-mesh.io", "RolloutPolicy") == (False, True, False)
    assert judged("", "Service") == (False, False, True)
    assert judged("", "Secret") == (False, False, False)
    assert judged("networking.istio.io", "Unknown") == (False, False, False)


def test_a_broken_body_never_raises() -> None:
    key = ObjectKey("networking.istio.io", "VirtualService", "shop", "a")
    for spec in (None, 3, "x", [], {"http": 3}, {"http": [3]}, {"http": [{"route": 3}]}, {"gateways": [3, None]}):
        body = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "a"},
            "spec": spec,
        }
        assert validate([Manifest(key, body, "a.yaml")])


def test_a_default_counts_where_fields_exclude_each_other() -> None:
    spec = "{gatewayClassName: x, listeners: [{name: a, port: 80, protocol: HTTP}], addresses: [{TYPEvalue: VALUE}]}"
    text = GATEWAY + f"spec: {spec}\n"
    for kind, value, right in (
        ("", "1.2.3.4", True),
        ("", "example.com", False),
        ("type: Hostname, ", "example.com", True),
        ("type: IPAddress, ", "example.com", False),
    ):
        assert bool(found(text.replace("TYPE", kind).replace("VALUE", value))) is not right
