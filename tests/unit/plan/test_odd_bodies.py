"""Validation guards what Git says; what a cluster holds may be anything, and must not stop a plan."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.model.plan import ObjectView
from gitops_mesh.plan.planner import plan
from gitops_mesh.plan.render import as_json, as_markdown
from tests.fakes.meshes import GATEWAY_API, ISTIO, json_values

KINDS = [
    (ISTIO, "VirtualService"),
    (ISTIO, "DestinationRule"),
    (ISTIO, "ServiceEntry"),
    (ISTIO, "Gateway"),
    (GATEWAY_API, "HTTPRoute"),
    ("", "ConfigMap"),
]
FIELDS = ["hosts", "http", "tcp", "rules", "subsets", "host", "gateways", "parentRefs", "exportTo"]

routes = st.lists(
    st.dictionaries(
        st.sampled_from(["name", "match", "route", "backendRefs", "mirror", "delegate", "filters"]), json_values
    )
)
specs = json_values | st.dictionaries(st.sampled_from(FIELDS), json_values | routes)


def of(kind: tuple[str, str], spec: Any, meta: Any) -> Any:
    return {"apiVersion": f"{kind[0]}/v1", "kind": kind[1], "metadata": meta, "spec": spec}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), specs, specs, specs, json_values)
def test_no_body_stops_a_plan(kind: tuple[str, str], desired: Any, accepted: Any, live: Any, meta: Any) -> None:
    key = ObjectKey(*kind, "shop", "odd")
    manifest = Manifest(key, of(kind, desired, {"name": "odd", "namespace": "shop"}), "a.yaml")
    before, now = of(kind, accepted, meta), of(kind, live, meta)
    for view in (ObjectView(key, manifest, before, now), ObjectView(key, None, before, now)):
        found = plan([view])
        as_json(found)
        as_markdown(found, {key: before})


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_nothing_is_planned(kind: tuple[str, str]) -> None:
    key = ObjectKey(*kind, "shop", "odd")
    found = plan([ObjectView(key, None, {}, {})])
    assert [one.key for one in found.objects] == [key]
