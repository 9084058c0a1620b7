"""Nothing that is honoured is told as if it were not, and nothing odd gets an exception."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.cluster.standalone.translate.mesh import translate
from gitops_mesh.manifests.normal import key_of
from tests.fakes.translation import SETTINGS, made

PORTS = "[{number: 80, name: http, protocol: HTTP}]"
ENTRY = f"{{hosts: [a.example.com], resolution: STATIC, ports: {PORTS}, endpoints: [{{address: 10.0.0.1}}]"

REVIEWS = """
hosts: [reviews, '*.a.b']
gateways: [mesh, web]
exportTo: ['*']
http:
- name: n
  match: [{name: m, uri: {regex: /a}, ignoreUriCase: true, gateways: [web], port: 80, headers: {a: {exact: b}}}]
  timeout: 1s
  retries: {attempts: 0}
  rewrite: {uriRegexRewrite: {match: a, rewrite: b}}
  fault: {abort: {grpcStatus: UNAVAILABLE}}
  mirrors: [{destination: {host: reviews}, percentage: {value: 0}}]
  route:
  - destination: {host: reviews, subset: v1, port: {number: 80}}
    weight: 3
    headers: {request: {set: {Host: z}}}
- delegate: {name: d}
"""
SERVER = "{name: s, hosts: ['*/*.a.b'], port: {number: 80, name: h, protocol: HTTP}}"
WHOLE = [
    made("VirtualService", REVIEWS, name="x"),
    made("VirtualService", "{http: [{route: [{destination: {host: reviews}}]}]}", name="d"),
    made("DestinationRule", "{host: reviews, subsets: [{name: v1, labels: {version: v1}}]}"),
    made("Gateway", f"{{selector: {{a: b}}, servers: [{SERVER}]}}", name="web"),
    made("ServiceEntry", ENTRY + ", location: MESH_EXTERNAL, exportTo: ['*']}"),
]


def test_a_whole_mesh_of_honoured_fields_has_no_findings() -> None:
    assert translate([(key_of(body), body) for body in WHOLE], SETTINGS).findings == ()


junk = st.sampled_from(
    [None, "", "x", "*", 0, -1, 1.5, True, [], {}, [None], [[]], [{}], {"x": None}, {"x": {"y": [1]}}]
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_malformed_object_becomes_findings_never_an_exception(data: st.DataObject) -> None:
    bodies = {key_of(body): body for body in WHOLE}
    body = copy.deepcopy(data.draw(st.sampled_from(WHOLE)))
    _spoil(body["spec"], data)
    translate(list({**bodies, key_of(body): body}.items()), SETTINGS)


def _spoil(tree: Any, data: st.DataObject) -> None:
    """Put something odd in one place."""
    while True:
        places = list(tree) if isinstance(tree, Mapping) else list(range(len(tree)))
        place = data.draw(st.sampled_from(places))
        deeper = isinstance(tree[place], dict | list) and tree[place] and data.draw(st.booleans())
        if not deeper:
            tree[place] = data.draw(junk)
            return
        tree = tree[place]
