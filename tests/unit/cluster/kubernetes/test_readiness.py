"""Which destinations have a ready endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_mesh.cluster.kubernetes.readiness import Readiness, Workloads
from gitops_mesh.model.routes import Destination

SERVICE = "reviews.shop.svc.cluster.local"
ISTIO = "networking.istio.io/v1"


def rule(host: str, **versions: str) -> dict[str, Any]:
    subsets = [{"name": name, "labels": {"version": version}} for name, version in versions.items()]
    metadata = {"name": "rule", "namespace": "shop"}
    return {
        "apiVersion": ISTIO,
        "kind": "DestinationRule",
        "metadata": metadata,
        "spec": {"host": host, "subsets": subsets},
    }


def entry(host: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "entry", "namespace": "shop"}
    return {"apiVersion": ISTIO, "kind": "ServiceEntry", "metadata": metadata, "spec": {"hosts": [host], **spec}}


def pod(name: str, version: str, *, ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "reviews", "version": version}},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def endpoints(*pods: str, ready: bool | None = True) -> dict[str, Any]:
    ends = [{"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}} for name in pods]
    labels = {"kubernetes.io/service-name": "reviews"}
    return {"metadata": {"name": "reviews-1", "namespace": "shop", "labels": labels}, "endpoints": ends}


@pytest.fixture
def workloads() -> Workloads:
    """v1 is ready, v2 is not."""
    found = Workloads()
    for one in (pod("a", "v1"), pod("b", "v2", ready=False)):
        found.pod(one)
    found.slice(endpoints("a"))
    return found


def said(workloads: Workloads, destination: Destination, *bodies: dict[str, Any]) -> str:
    return Readiness(bodies).unready([destination], workloads).get(destination, "")


def test_a_subset_needs_a_ready_pod_with_its_labels(workloads: Workloads) -> None:
    bodies = (rule(SERVICE, v1="v1", v2="v2"),)
    assert not said(workloads, Destination(SERVICE, "v1"), *bodies)
    assert "version=v2" in said(workloads, Destination(SERVICE, "v2"), *bodies)
    assert "no DestinationRule defines the subset v3" in said(workloads, Destination(SERVICE, "v3"), *bodies)
    workloads.slice(endpoints("a", "b"))
    assert not said(workloads, Destination(SERVICE, "v2"), *bodies)


def test_a_service_needs_an_endpoint_that_is_not_known_to_be_unready(workloads: Workloads) -> None:
    assert not said(workloads, Destination(SERVICE))
    workloads.slice(endpoints("a", ready=None))
    assert not said(workloads, Destination(SERVICE)), "unknown counts as ready, as in Kubernetes"
    workloads.slice(endpoints("a", ready=False))
    assert "has no ready endpoint" in said(workloads, Destination(SERVICE))


def test_endpoints_of_a_service_entry_count_by_their_labels(workloads: Workloads) -> None:
    host = "reviews.shop.mesh"
    ends = [{"address": "10.0.0.1", "labels": {"version": "v1"}}]
    bodies = (entry(host, resolution="STATIC", endpoints=ends), rule(host, v1="v1", v2="v2"))
    assert not said(workloads, Destination(host, "v1"), *bodies)
    assert "version=v2" in said(workloads, Destination(host, "v2"), *bodies)


def test_a_name_for_dns_is_asked_for_as_it_is(workloads: Workloads) -> None:
    assert not said(workloads, Destination("api.example.com"), entry("*.example.com", resolution="NONE"))
    assert "neither a Service nor" in said(workloads, Destination("api.example.org"), entry("*.example.com"))


def test_a_workload_selector_takes_pods_and_workload_entries(workloads: Workloads) -> None:
    host = "reviews.shop.mesh"
    selecting = entry(host, workloadSelector={"labels": {"app": "reviews"}})
    bodies = (selecting, rule(host, v1="v1", v2="v2", v3="v3"))
    assert not said(workloads, Destination(host, "v1"), *bodies)
    assert said(workloads, Destination(host, "v2"), *bodies), "its Pod is not ready"
    machine = {
        "apiVersion": ISTIO,
        "kind": "WorkloadEntry",
        "metadata": {"name": "vm", "namespace": "shop"},
        "spec": {"address": "10.0.0.2", "labels": {"app": "reviews", "version": "v3"}},
    }
    assert said(workloads, Destination(host, "v3"), *bodies)
    assert not said(workloads, Destination(host, "v3"), *bodies, machine)


def test_labels_are_those_of_the_subset() -> None:
    made = Readiness([rule(SERVICE, v1="one")])
    assert made.labels(Destination(SERVICE, "v1")) == (("version", "one"),)
    assert made.labels(Destination(SERVICE)) == ()
