"""Waiting between the two sides of a route."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from gitops_mesh.cluster.kubernetes.propagation import Propagation

ISTIO = "networking.istio.io/v1"
WAIT = 0.2


def rule(host: str = "reviews.shop.mesh") -> dict[str, Any]:
    return {"apiVersion": ISTIO, "kind": "DestinationRule", "metadata": {"namespace": "shop"}, "spec": {"host": host}}


def entry(host: str = "reviews.shop.mesh") -> dict[str, Any]:
    return {"apiVersion": ISTIO, "kind": "ServiceEntry", "metadata": {"namespace": "shop"}, "spec": {"hosts": [host]}}


def route(host: str = "reviews.shop.mesh") -> dict[str, Any]:
    http = [{"route": [{"destination": {"host": host}, "weight": 0}, {"destination": {"host": "other"}, "weight": 1}]}]
    return {"apiVersion": ISTIO, "kind": "VirtualService", "metadata": {"namespace": "shop"}, "spec": {"http": http}}


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        (rule(), route(), True),
        (entry(), route(), True),
        (route(), rule(), True),
        (rule(), rule(), False),
        (route(), route(), False),
        (rule("details.shop.mesh"), route(), False),
        (rule(), {"apiVersion": ISTIO, "kind": "Sidecar", "metadata": {}, "spec": {}}, False),
    ],
)
def test_one_side_waits_for_the_other_of_the_same_host(first: Any, second: Any, waits: bool) -> None:
    propagation = Propagation(WAIT)
    propagation.wrote(first)
    began = monotonic()
    propagation.wait(second)
    assert (monotonic() - began >= WAIT * 0.9) is waits


def test_a_host_that_a_route_leaves_counts_too() -> None:
    propagation = Propagation(WAIT)
    propagation.wrote(route("reviews.shop.mesh"), route("ratings.shop.mesh"))
    began = monotonic()
    propagation.wait(rule())
    assert monotonic() - began >= WAIT * 0.9
