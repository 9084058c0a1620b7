from typing import Any

import pytest

from gitops_mesh.model.findings import Severity
from gitops_mesh.plan.planner import plan
from tests.fakes.meshes import body, key, route, rule, virtual_service
from tests.fakes.views import X, gone, same, view


def test_a_cutover_is_a_warning_at_its_manifest() -> None:
    [finding] = plan([view(virtual_service(route({"v1": 1}, "main"), hosts=["a"]), X, X)]).findings
    assert (finding.rule, finding.severity, finding.path, finding.document) == (
        "cutover",
        Severity.WARNING,
        "mesh/a.yaml",
        2,
    )
    assert finding.message == "VirtualService shop/reviews is cut over, at once and unjudged: spec.hosts changes"
    assert finding.object == key()


def test_a_deleted_route_is_a_warning_where_it_was_and_a_waiting_one_is_none() -> None:
    [finding] = plan([gone(X)]).findings
    assert finding.path == "mesh/was.yaml"
    assert "is deleted" in finding.message
    assert plan([view(None, X, None)]).findings == ()
    assert plan([gone(body("Gateway", {}))]).findings == ()


def test_a_hosts_first_route_is_none() -> None:
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
def test_a_new_route_for_a_host_that_another_serves_is_one(there: Any, new: Any, *, warned: bool) -> None:
    served = virtual_service(route({"v1": 1}), **there)
    made = virtual_service(route({"v2": 1}), name="second", **new)
    findings = plan([same(served), view(made, None, None)]).findings
    assert bool(findings) is warned
    if warned:
        assert "VirtualService shop/second takes over" in findings[0].message
        assert "which VirtualService shop/reviews serves now" in findings[0].message
