"""Reading Envoy's Prometheus text into samples. Pure.

Only the few series that count are looked at; a line that is none of them, or odd, is passed over.
"""

from __future__ import annotations

import math
import re

from gitops_mesh.metrics.increments import Sample

_LINE = re.compile(r"envoy_cluster_(\w+)\{([^}]*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_MILLISECONDS = 1000.0

_COUNTERS: dict[tuple[str, str], str] = {
    ("upstream_rq_completed", ""): "completed",
    ("upstream_rq_xx", "5"): "failed",
    ("upstream_rq", "503"): "unavailable",
    ("upstream_rq", "504"): "timeouts",
    ("upstream_rq_rx_reset", ""): "resets",
    ("upstream_cx_destroy_remote_with_active_rq", ""): "closed",
    ("upstream_rq_timeout", ""): "timed_out",
    ("upstream_rq_retry", ""): "retried",
}
"""(metric, class or code of the response) → the field of a sample."""

NAMES = "upstream_(rq_(completed|5xx|503|504|rx_reset|timeout|retry|time)|cx_destroy_remote_with_active_rq)"
"""Envoy's own names of these statistics, as a regular expression."""


def samples(text: str) -> dict[str, Sample]:
    """The sample of each Envoy cluster. A cluster that has no counter of completed requests is not there."""
    counters: dict[str, dict[str, int]] = {}
    buckets: dict[str, dict[float, int]] = {}
    for metric, labels, number in _LINE.findall(text):
        value = _whole(number)
        if value is None:
            continue
        named: dict[str, str] = dict(_LABEL.findall(labels))
        cluster = named.get("envoy_cluster_name", "")
        if metric == "upstream_rq_time_bucket":
            edge = _edge(named.get("le", ""))
            if edge is not None:
                buckets.setdefault(cluster, {})[edge] = value
            continue
        kind = named.get("envoy_response_code_class", named.get("envoy_response_code", ""))
        field = _COUNTERS.get((metric, kind))
        if field is not None:
            counters.setdefault(cluster, {})[field] = value
    return {
        cluster: Sample(**found, buckets=buckets.get(cluster, {}))
        for cluster, found in counters.items()
        if "completed" in found
    }


def _edge(text: str) -> float | None:
    try:
        edge = float(text)
    except ValueError:
        return None
    return None if math.isnan(edge) else edge / _MILLISECONDS


def _whole(text: str) -> int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and number >= 0 else None
