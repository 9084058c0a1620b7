"""Envoy clusters: one for each route and destination, so that each has statistics of its own."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from gitops_mesh.cluster.standalone.translate.config import Resource
from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.cluster.standalone.translate.hosts import CONFIG_KEY, RULE, Endpoint, Found, Hosts
from gitops_mesh.cluster.standalone.translate.rules import UNBOUNDED, Policy, Rules
from gitops_mesh.mesh.series import series
from gitops_mesh.model.routes import Destination, RouteRef

CONNECT_TIMEOUT = "10s"
"""Istio's."""
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Clusters:
    """Makes the clusters that routes ask for, each once."""

    def __init__(self, hosts: Hosts, rules: Rules) -> None:
        self.hosts = hosts
        self._rules = rules
        self.made: dict[str, Resource] = {}

    def scratch(self) -> Clusters:
        """The same knowledge, for a look that makes nothing."""
        return Clusters(self.hosts, self._rules)

    def name(self, ref: RouteRef, destination: Destination, fields: Fields | None, *, mirror: bool = False) -> str:
        """The name of the cluster; `fields` is the destination as written, where problems are told."""
        name = series(ref, destination, mirror=mirror)
        found = self.endpoints(destination)
        if found.problem and fields is not None:
            at = "subset" if destination.subset and self.hosts.find(destination).endpoints else "host"
            fields.problems.add(found.problem, (*fields.pointer, at), rule=RULE, remedy=found.remedy)
        if name not in self.made:
            self.made[name] = _cluster(name, found, self._policy(destination))
        return name

    def endpoints(self, destination: Destination) -> Found:
        """The endpoints of exactly this destination, its subset included."""
        found = self.hosts.find(destination)
        if found.problem or not destination.subset:
            return found
        known = self._rules.of(destination.host).subsets
        if destination.subset not in known:
            choices = ", ".join(sorted(known)) or "none is"
            remedy = f"define it in a DestinationRule of {destination.host} (defined: {choices})"
            return Found(problem=f"the subset {destination.subset} of {destination.host} is not defined", remedy=remedy)
        labels, _ = known[destination.subset]
        chosen = tuple(e for e in found.endpoints if all(e.labels.get(k) == v for k, v in labels.items()))
        if chosen:
            return Found(chosen, found.http2, found.logical)
        said = ", ".join(f"{k}={v}" for k, v in sorted(labels.items()))
        return Found(
            problem=f"no endpoint of {destination.host} has the labels of subset {destination.subset} ({said})",
            remedy=f"give one of its endpoints these labels, in its ServiceEntry or in {CONFIG_KEY}",
        )

    def _policy(self, destination: Destination) -> Policy:
        """A subset's policy goes over its host's, part by part."""
        rule = self._rules.of(destination.host)
        return {**rule.policy, **rule.subsets.get(destination.subset, ({}, {}))[1]}


def _cluster(name: str, found: Found, policy: Policy) -> Resource:
    pool = policy.get("connectionPool", {})
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), UNBOUNDED)
    cluster: dict[str, Any] = {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "alt_stat_name": name,
        "type": _discovery(found),
        "connect_timeout": pool.get("connect_timeout", CONNECT_TIMEOUT),
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [{**limits, **pool.get("limits", {})}]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_endpoint(endpoint) for endpoint in found.endpoints]}],
        },
        **policy.get("loadBalancer", {}),
        **policy.get("outlierDetection", {}),
    }
    if cluster["type"] != "STATIC":
        cluster["dns_lookup_family"] = "V4_PREFERRED"
    options = _options(pool.get("http_options", {}), http2=found.http2)
    if options:
        cluster["typed_extension_protocol_options"] = {_OPTIONS: options}
    return cluster


def _discovery(found: Found) -> str:
    if all(_is_address(endpoint.address) for endpoint in found.endpoints):
        return "STATIC"
    return "LOGICAL_DNS" if found.logical else "STRICT_DNS"


def _endpoint(endpoint: Endpoint) -> Resource:
    address = {"socket_address": {"address": endpoint.address, "port_value": endpoint.port}}
    weight = {"load_balancing_weight": endpoint.weight} if endpoint.weight else {}
    return {"endpoint": {"address": address}, **weight}


def _options(extra: Mapping[str, Any], *, http2: bool) -> Resource:
    """Only where something differs from HTTP/1.1 with Envoy's defaults."""
    if not extra and not http2:
        return {}
    protocol: Resource = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    options = {"common_http_protocol_options": dict(extra)} if extra else {}
    return {"@type": f"type.googleapis.com/{_OPTIONS}", "explicit_http_config": protocol, **options}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
