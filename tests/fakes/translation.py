"""Short ways to say manifests, and to look at what the standalone mesh makes of them."""

from __future__ import annotations

from typing import Any

import yaml

from gitops_mesh.cluster.standalone.translate.config import MeshConfig
from gitops_mesh.cluster.standalone.translate.mesh import translate
from gitops_mesh.manifests.normal import key_of
from gitops_mesh.mesh.series import series
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import EndpointSettings, StandaloneSettings

HOST = "reviews.shop.svc.cluster.local"
REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
SETTINGS = StandaloneSettings(
    endpoints={"reviews.shop": tuple(EndpointSettings("127.0.0.1", 9000 + i, {"version": f"v{i}"}) for i in (1, 2, 3))}
)


def made(kind: str, spec: str, *, name: str = "reviews") -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": yaml.safe_load(spec),
    }


def config(*bodies: dict[str, Any], chosen: StandaloneSettings = SETTINGS) -> MeshConfig:
    found = translate([(key_of(body), body) for body in bodies], chosen)
    assert found.findings == ()
    return found.config


def routes(found: MeshConfig, host: str, listener: str = "mesh") -> list[Any]:
    hosts = {h["name"]: h for h in found.routes[listener]["virtual_hosts"]}
    return list(hosts[host]["routes"])


def only(http: str, *more: dict[str, Any]) -> dict[str, Any]:
    """The one Envoy route of a VirtualService with one route to `reviews`."""
    spec = f"{{hosts: [reviews], http: [{{name: main, {http}}}]}}"
    (route,) = routes(config(made("VirtualService", spec), *more), HOST)
    return dict(route)


RULE = made(
    "DestinationRule",
    """
    host: reviews
    trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {tcp: {maxConnections: 7}}}
    subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}
    - {name: v1, labels: {version: v3}}
    """,
)
TO = "route: [{destination: {host: reviews}}]"


def name(subset: str = "", *, mirror: bool = False, port: int = 0) -> str:
    return series(RouteRef(REVIEWS, "http/main"), Destination(HOST, subset, port), mirror=mirror)


def addresses(cluster: Any) -> list[int]:
    (group,) = cluster["load_assignment"]["endpoints"]
    return [e["endpoint"]["address"]["socket_address"]["port_value"] for e in group["lb_endpoints"]]
