"""What a route does with a request: weighted destinations, rewrites, retries, mirrors, timeouts."""

from __future__ import annotations

from typing import Any

from gitops_mesh.cluster.standalone.translate.clusters import Clusters
from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.cluster.standalone.translate.headers import headers
from gitops_mesh.cluster.standalone.translate.replies import FAULT, direct_response, fault, redirect
from gitops_mesh.cluster.standalone.translate.values import duration, fraction
from gitops_mesh.mesh.hosts import fqdn
from gitops_mesh.model.routes import Destination, RouteRef

DEFAULT_RETRIES = 2
DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,reset-before-request"
"""What Istio retries where a route says nothing: only what surely did not reach the destination."""

_OF_DESTINATIONS = ("timeout", "retries", "mirror", "mirrors", "mirrorPercentage")


def action(fields: Fields, ref: RouteRef, namespace: str, clusters: Clusters) -> dict[str, Any]:
    """Everything of Envoy's Route but its match."""
    out, host = headers(fields)
    fields.take("name")
    if "redirect" in fields or "directResponse" in fields:
        for name in _OF_DESTINATIONS:
            fields.take(name)  # no mesh sends such a request anywhere
    if "redirect" in fields:
        out["redirect"] = redirect(fields.fields("redirect"))
    elif "directResponse" in fields:
        out["direct_response"] = direct_response(fields.fields("directResponse"))
    else:
        route = _route(fields, ref, namespace, clusters, host)
        out |= {"route": route} if route else {"direct_response": {"status": 500}}
    if "fault" in fields:
        out["typed_per_filter_config"] = {FAULT: fault(fields.fields("fault"))}
    return out


def _route(fields: Fields, ref: RouteRef, namespace: str, clusters: Clusters, host: str) -> dict[str, Any]:
    """Empty when there is no destination."""
    out = _destinations(fields, ref, namespace, clusters)
    out["timeout"] = duration(fields, "timeout") or "0s"
    out |= _rewrite(fields.fields("rewrite"))
    if host:
        out["host_rewrite_literal"] = host
    retry = _retries(fields.fields("retries"))
    if retry:
        out["retry_policy"] = retry
    mirrors = _mirrors(fields, ref, namespace, clusters)
    if mirrors:
        out["request_mirror_policies"] = mirrors
    return out if "cluster" in out or "weighted_clusters" in out else {}


def _destinations(fields: Fields, ref: RouteRef, namespace: str, clusters: Clusters) -> dict[str, Any]:
    entries = fields.each("route")
    weighted = []
    for entry in entries:
        written = entry.whole("weight")
        weight = 1 if len(entries) == 1 else written or 0
        options, host = headers(entry)
        inner = entry.fields("destination")
        to = _destination(inner, namespace)
        if weight:
            name = clusters.name(ref, to, inner)
            literal = {"host_rewrite_literal": host} if host else {}
            weighted.append({"name": name, "weight": weight, **options, **literal})
    if not weighted and "delegate" not in fields:
        fields.wrong("route", "sends traffic nowhere: it has no destination with a weight above 0")
    if not weighted:
        return {}
    if len(weighted) == 1 and weighted[0].keys() == {"name", "weight"}:
        return {"cluster": weighted[0]["name"]}
    return {"weighted_clusters": {"clusters": weighted}}


def _rewrite(fields: Fields) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if "uri" in fields:
        out["prefix_rewrite"] = fields.text("uri")
    if "uriRegexRewrite" in fields:
        regex = fields.fields("uriRegexRewrite")
        out["regex_rewrite"] = {"pattern": {"regex": regex.text("match")}, "substitution": regex.text("rewrite")}
    authority = fields.text("authority")
    if authority:
        out["host_rewrite_literal"] = authority
    return out


def _retries(fields: Fields) -> dict[str, Any]:
    """Istio's defaults where nothing is said; `attempts: 0` is none at all."""
    attempts = fields.whole("attempts")
    said = [word.strip() for word in fields.text("retryOn").split(",") if word.strip()]
    codes = [int(word) for word in said if word.isdecimal()]
    conditions = [word for word in said if not word.isdecimal()]
    per_try, backoff = duration(fields, "perTryTimeout"), duration(fields, "backoff")
    ignore = fields.flag("retryIgnorePreviousHosts")
    if attempts == 0 and "attempts" in fields:
        return {}
    if codes and "retriable-status-codes" not in conditions:
        conditions.append("retriable-status-codes")
    out: dict[str, Any] = {
        "retry_on": ",".join(conditions) or DEFAULT_RETRY_ON,
        "num_retries": DEFAULT_RETRIES if attempts is None else attempts,
    }
    if ignore is not False:
        kind = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
        predicate = {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": kind}}
        out |= {"retry_host_predicate": [predicate], "host_selection_retry_max_attempts": "5"}
    if codes:
        out["retriable_status_codes"] = codes
    if per_try:
        out["per_try_timeout"] = per_try
    if backoff:
        out["retry_back_off"] = {"base_interval": backoff}
    return out


def _mirrors(fields: Fields, ref: RouteRef, namespace: str, clusters: Clusters) -> list[dict[str, Any]]:
    """Copies to other destinations; an omitted percentage is all of them, an explicit 0 none."""
    wanted = []
    if "mirror" in fields:
        wanted.append((fields.fields("mirror"), fraction(fields, "mirrorPercentage", omitted=100)))
    wanted += [(e.fields("destination"), fraction(e, "percentage", omitted=100)) for e in fields.each("mirrors")]
    out = []
    for inner, share in wanted:
        to = _destination(inner, namespace)
        if share["numerator"]:
            name = clusters.name(ref, to, inner, mirror=True)
            out.append({"cluster": name, "runtime_fraction": {"default_value": share}})
    return out


def _destination(fields: Fields, namespace: str) -> Destination:
    port = fields.fields("port").whole("number")
    return Destination(fqdn(fields.text("host"), namespace), fields.text("subset"), port or 0)
