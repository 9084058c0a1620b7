"""Validation reads what a repository holds, whatever its shape, and never raises."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.manifests.places import with_places
from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.validation.policies import load_policies
from gitops_mesh.validation.validate import validate

WORDS = """
spec hosts http tls tcp route destination host subset weight match uri exact gateways name namespace delegate mirror
mirrors rules backendRefs filters requestMirror backendRef parentRefs kind group port number subsets labels selector
steps fraction bake analysis metrics limit schema message kinds namespaces $ref pattern 0 80
"""
FIELDS = st.sampled_from(["", *WORDS.split()])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**40), st.floats(-1, 2), st.text(max_size=4), FIELDS, st.just("5s")
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=25
)
KINDS = st.sampled_from(
    (
        ("networking.istio.io", "v1", "VirtualService"),
        ("networking.istio.io", "v1", "DestinationRule"),
        ("networking.istio.io", "v1", "ServiceEntry"),
        ("gateway.networking.k8s.io", "v1", "HTTPRoute"),
        ("gitops-mesh.io", "v1alpha1", "RolloutPolicy"),
        ("gitops-mesh.io", "v1alpha1", "ValidationPolicy"),
        ("", "v1", "Service"),
    )
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    group, version, kind = draw(KINDS)
    body: dict[str, Any] = {
        "apiVersion": f"{group}/{version}".lstrip("/"),
        "kind": kind,
        "metadata": {"name": "a", "namespace": "shop"},
        **draw(st.dictionaries(FIELDS, VALUES, max_size=2)),
        "spec": draw(st.dictionaries(FIELDS, VALUES, max_size=4) | VALUES),
    }
    body["kind"] = kind
    return Manifest(ObjectKey(group, kind, "shop", "a"), body, "a.yaml")


@settings(max_examples=100, deadline=None)
@given(st.lists(manifests(), max_size=4))
def test_validation_never_raises(found: list[Manifest]) -> None:
    policies = load_policies(found)
    findings = validate(found, policies=policies)
    assert all(f.line >= 1 for f in with_places(findings, lambda _: b"a: 1\n"))
