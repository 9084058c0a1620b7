"""DestinationRules: subsets, and how traffic to a host is balanced, bounded and kept off sick endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_mesh.cluster.standalone.translate.config import Resource
from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.cluster.standalone.translate.values import duration
from gitops_mesh.mesh.hosts import covers, fqdn

Policy = Mapping[str, Resource]
"""Parts of an Envoy cluster by the field of `trafficPolicy` that they come from."""

UNBOUNDED = 4294967295
"""Envoy's own limits of 1024 would answer 503 by themselves; Istio sets none either."""

_BALANCERS = {
    "UNSPECIFIED": "LEAST_REQUEST",
    "LEAST_REQUEST": "LEAST_REQUEST",
    "LEAST_CONN": "LEAST_REQUEST",
    "ROUND_ROBIN": "ROUND_ROBIN",
    "RANDOM": "RANDOM",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What all DestinationRules of one host say together: the first that says something counts, as in Istio."""

    policy: Policy = field(default_factory=dict)
    subsets: Mapping[str, tuple[Mapping[str, str], Policy]] = field(default_factory=dict)
    """Subset → its labels, its policy."""

    def also(self, later: Rule) -> Rule:
        return Rule(self.policy or later.policy, {**later.subsets, **self.subsets})


class Rules:
    """Rules by host."""

    def __init__(self, rules: Iterable[tuple[str, Rule]]) -> None:
        self._rules: dict[str, Rule] = {}
        for host, rule in rules:
            self._rules[host] = self._rules[host].also(rule) if host in self._rules else rule

    def of(self, host: str) -> Rule:
        """The rule of exactly this host, else of the narrowest wildcard that covers it."""
        if host in self._rules:
            return self._rules[host]
        wider = [name for name in self._rules if name.startswith("*") and covers(name, host)]
        return self._rules[max(wider, key=len)] if wider else Rule()


def rule(fields: Fields, namespace: str) -> tuple[str, Rule]:
    """One DestinationRule's `spec`: its host, and what it says."""
    fields.only("exportTo", ["*"])
    host = fqdn(fields.text("host"), namespace)
    subsets: dict[str, tuple[Mapping[str, str], Policy]] = {}
    for subset in fields.each("subsets"):
        labels, policy = subset.texts("labels"), _policy(subset.fields("trafficPolicy"))
        subsets.setdefault(subset.text("name"), (labels, policy))
    return host, Rule(_policy(fields.fields("trafficPolicy")), subsets)


def _policy(fields: Fields) -> Policy:
    out: dict[str, Resource] = {}
    if "loadBalancer" in fields:
        out["loadBalancer"] = _balancer(fields.fields("loadBalancer"))
    if "connectionPool" in fields:
        out["connectionPool"] = _pool(fields.fields("connectionPool"))
    if "outlierDetection" in fields:
        out["outlierDetection"] = _outliers(fields.fields("outlierDetection"))
    if "tls" in fields:
        fields.fields("tls").only("mode", "DISABLE")
    return out


def _balancer(fields: Fields) -> dict[str, Any]:
    simple = fields.text("simple") or "UNSPECIFIED"
    if simple not in _BALANCERS:
        choices = ", ".join(name for name in _BALANCERS if name != "UNSPECIFIED")
        fields.wrong("simple", f"{simple} is not supported on the standalone mesh: choose one of {choices}")
    return {"lb_policy": _BALANCERS.get(simple, "LEAST_REQUEST")}


def _pool(fields: Fields) -> dict[str, Any]:
    tcp, http = fields.fields("tcp"), fields.fields("http")
    limits = {
        "max_connections": tcp.whole("maxConnections"),
        "max_pending_requests": http.whole("http1MaxPendingRequests"),
        "max_requests": http.whole("http2MaxRequests"),
        "max_retries": http.whole("maxRetries"),
    }
    out: dict[str, Any] = {"limits": {name: value for name, value in limits.items() if value}}
    connect = duration(tcp, "connectTimeout")
    if connect:
        out["connect_timeout"] = connect
    each, idle = http.whole("maxRequestsPerConnection"), duration(http, "idleTimeout")
    options = {**({"max_requests_per_connection": each} if each else {}), **({"idle_timeout": idle} if idle else {})}
    if options:
        out["http_options"] = options
    return out


def _outliers(fields: Fields) -> dict[str, Any]:
    """Istio's outlier detection; its defaults, where they differ from Envoy's, are Istio's."""
    detection: dict[str, Any] = {"enforcing_success_rate": 0}
    for name, envoy, enforcing in (
        ("consecutive5xxErrors", "consecutive_5xx", "enforcing_consecutive_5xx"),
        ("consecutiveGatewayErrors", "consecutive_gateway_failure", "enforcing_consecutive_gateway_failure"),
        (
            "consecutiveLocalOriginFailures",
            "consecutive_local_origin_failure",
            "enforcing_consecutive_local_origin_failure",
        ),
    ):
        count = fields.whole(name)
        if count is not None:
            detection |= {envoy: count, enforcing: 100 if count else 0}
    for name, envoy in (("interval", "interval"), ("baseEjectionTime", "base_ejection_time")):
        length = duration(fields, name)
        if length:
            detection[envoy] = length
    ejected = fields.whole("maxEjectionPercent")
    if ejected is not None:
        detection["max_ejection_percent"] = ejected
    if fields.flag("splitExternalLocalOriginErrors"):
        detection["split_external_local_origin_errors"] = True
    panic = {"healthy_panic_threshold": {"value": fields.whole("minHealthPercent") or 0}}
    return {"outlier_detection": detection, "common_lb_config": panic}
