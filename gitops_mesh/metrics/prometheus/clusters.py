"""Cluster statistics of proxies that istiod configures: `outbound|80|v2|reviews.shop.svc.cluster.local`. Pure.

Two ways of naming are understood, by the tags of a proxy's bootstrap: Istio's own, `envoy_cluster_upstream_rq` with
`cluster_name` and `response_code_class="5xx"`; and Envoy's names of tags, `envoy_cluster_upstream_rq_xx` with
`envoy_cluster_name` and `envoy_response_code_class="5"`, where the tag keeps dotted names whole.
Latency has no class of response here, so it is that of all requests.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.preset import PROCESS, Counted, Identity, Question, Series
from gitops_mesh.metrics.prometheus.promql import LONGEST, equal, quoted, selector
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import PrometheusSettings

MILLISECONDS = 0.001
_NAMES = ("cluster_name", "envoy_cluster_name")
_CLASSES = ("response_code_class", "envoy_response_code_class")


def identity(to: Destination, _: Labels) -> Identity:
    """By host, port (none: any) and subset."""
    return to.host, str(to.port or ""), to.subset


def overlap(one: Identity, other: Identity) -> bool:
    """Without a port, a destination has the requests of every port."""
    same_port = one[1] == other[1] or "" in (one[1], other[1])
    return same_port and (one[0], one[2]) == (other[0], other[2])


def questions(settings: PrometheusSettings, asked: Collection[Identity]) -> tuple[Question, ...]:
    """Answers by class, those that Envoy gave itself among them; and how long they took."""
    names = {f"outbound\\|{port or '[0-9]+'}\\|{re.escape(subset)}\\|{re.escape(host)}" for host, port, subset in asked}
    text = "|".join(sorted(names))
    chosen = quoted(text if len(text) <= LONGEST else r"outbound\|.*")
    own = equal(settings.matchers)
    requests = _either("envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_xx", chosen, own)
    buckets = _either("envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_upstream_rq_time_bucket", chosen, own)
    by = ", ".join((*PROCESS, *_NAMES))
    return (
        Question(Counted.REQUESTS, f"sum by ({by}, {', '.join(_CLASSES)}) ({requests})"),
        Question(Counted.BUCKETS, f"sum by ({by}, le) ({buckets})"),
    )


def _either(first: str, second: str, chosen: str, own: str) -> str:
    one, other = _NAMES
    return f"{selector(first, f'{one}=~{chosen}', own)} or {selector(second, f'{other}=~{chosen}', own)}"


def of(series: Series, asked: frozenset[Identity]) -> tuple[Identity, ...]:
    """The destination of the cluster, with its port and without."""
    name = next((series[label] for label in _NAMES if series.get(label)), "")
    parts = name.split("|")
    if len(parts) != 4 or parts[0] != "outbound":
        return ()
    _, port, subset, host = parts
    return tuple(one for one in ((host, port, subset), (host, "", subset)) if one in asked)


def failed(series: Series) -> bool:
    """Answers of class 5xx: also for connections refused, reset, timed out, and where no endpoint is healthy."""
    return any(series.get(label, "").startswith("5") for label in _CLASSES)
