"""ValidationPolicies: which objects they select, what they find, and which schemas are refused."""

import json
import time
from typing import Any

import pytest

from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.validation.bounds import refusal
from gitops_mesh.validation.policies import Policy, load_policies
from gitops_mesh.validation.validate import validate


def policy(schema: Any, **spec: Any) -> Manifest:
    body = {
        "apiVersion": "gitops-mesh.io/v1alpha1",
        "kind": "ValidationPolicy",
        "metadata": {"name": "mine"},
        "spec": {"message": "say why", "schema": schema, **spec},
    }
    (made,) = parse(json.dumps(body).encode(), "policies/mine.yaml").manifests
    return made


def gateway(**metadata: Any) -> Manifest:
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "a", "namespace": "shop", **metadata},
        "spec": {},
    }
    (made,) = parse(json.dumps(body).encode(), "a.yaml").manifests
    return made


def enforced(manifest: Manifest, *objects: Manifest) -> list[Finding]:
    found = validate(objects or [gateway()], policies=load_policies([manifest]))
    return [f for f in found if f.rule == "policy/mine"]


NEVER = {"properties": {"spec": False}}


def test_a_finding_has_the_policys_message_and_the_objects_place() -> None:
    (finding,) = enforced(policy(NEVER))
    assert finding.message == "Gateway shop/a: say why"
    assert (finding.path, finding.pointer, finding.severity) == ("a.yaml", ("spec",), Severity.ERROR)
    assert finding.object == ObjectKey("networking.istio.io", "Gateway", "shop", "a")


def test_a_warning_policy_denies_nothing() -> None:
    (finding,) = enforced(policy(NEVER, enforcement="Warn"))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("match", "selected"),
    [
        ({}, True),
        ({"kinds": ["Gateway"]}, True),
        ({"kinds": ["networking.istio.io/Gateway"]}, True),
        ({"kinds": ["gateway.networking.k8s.io/Gateway"]}, False),
        ({"kinds": ["Service"]}, False),
        ({"namespaces": ["sh*"]}, True),
        ({"namespaces": ["other"]}, False),
    ],
)
def test_a_policy_holds_for_what_it_matches(match: dict[str, Any], selected: bool) -> None:
    assert bool(enforced(policy(NEVER, match=match))) is selected


def test_kinds_that_are_not_applied_are_judged_only_when_named() -> None:
    (service,) = parse(b"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n", "a.yaml").manifests
    assert not enforced(policy(NEVER), service)
    assert enforced(policy(NEVER, match={"kinds": ["Service"]}), service)


def test_what_one_policy_says_about_one_object_is_bounded_and_each_place_named_once() -> None:
    labels = {f"l{n}": "x" for n in range(50)}
    nothing = {"properties": {"metadata": {"properties": {"labels": {"additionalProperties": {"maxLength": 0}}}}}}
    assert len(enforced(policy(nothing), gateway(labels=labels))) == 10
    twice = {"properties": {"spec": {"required": ["a", "b"]}}}
    assert len(enforced(policy(twice))) == 1


def test_policies_come_by_name_and_broken_ones_are_left_out() -> None:
    good = policy({})
    other = parse(json.dumps({**good.body, "metadata": {"name": "alpha"}}).encode(), "b.yaml").manifests[0]
    bad = [policy({"type": 3}), policy({}, message=7), policy({"$ref": "#/nowhere"})]
    old = parse(json.dumps({**good.body, "apiVersion": "gitops-mesh.io/v1"}).encode(), "b.yaml").manifests[0]
    loaded = load_policies([gateway(), good, *bad, old, other])
    assert [p.name for p in loaded] == ["alpha", "mine"]
    assert loaded == load_policies([good, other])
    assert isinstance(loaded[0], Policy)


def findings(manifest: Manifest) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(f.rule, f.pointer) for f in validate([manifest])]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 3},
        {"pattern": "("},
        {"pattern": "(?=look)around"},
        {"pattern": "(a{1000}){1000}"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/properties/x", "properties": {"x": {}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$dynamicRef": "#x"},
        {"$id": "https://example.com"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
    ],
)
def test_schemas_that_cannot_be_used_are_errors(schema: Any) -> None:
    assert findings(policy(schema)) == [("bad-policy-schema", ("spec", "schema"))]


def test_schemas_that_grow_by_their_references_are_refused() -> None:
    levels = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(12)}
    bomb = {"$defs": {**levels, "d12": {"type": "string"}}, "$ref": "#/$defs/d0"}
    before = time.process_time()
    assert "more than 20,000 values" in refusal(bomb)
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(400)}
    assert "nested deeper" in refusal({"$defs": {**chain, "d400": {}}, "$ref": "#/$defs/d0"})
    assert time.process_time() - before < 1


def test_a_patterns_time_is_linear() -> None:
    before = time.process_time()
    slow = policy({"properties": {"metadata": {"properties": {"name": {"pattern": "^(a+)+$"}}}}})
    assert enforced(slow, gateway(name="a" * 200 + "b"))
    assert time.process_time() - before < 1


def test_usable_schemas_are_used() -> None:
    own = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"s": {"type": "string"}},
        "properties": {"kind": {"$ref": "#/$defs/s"}, "$ref": {"enum": [{"$id": 1}]}},
    }
    assert findings(policy(own)) == []


def test_a_policy_for_a_kind_that_is_not_read_is_an_error() -> None:
    wrong = policy({}, match={"kinds": ["HTTPRoute", "HTTPRuote"]})
    assert findings(wrong) == [("policy-kind", ("spec", "match", "kinds", 1))]
    assert "did you mean `HTTPRoute`?" in validate([wrong])[0].message


def test_a_policy_is_checked_by_its_own_schema() -> None:
    assert findings(policy({}, enforcement="Denny")) == [("bad-value", ("spec", "enforcement"))]
