"""What to ask Prometheus, and which destination each answer is about.

    istio    istio_requests_total and istio_request_duration_milliseconds_bucket
             https://istio.io/latest/docs/reference/config/metrics/
    envoy    the cluster statistics of proxies that istiod configures, as Istio's bootstrap names them
    custom   two or three queries of the user's

Every query gives *counters*, summed by process (`instance`, `pod`), so that a restart shows as a fall of that one
sum; the increments are computed here. Istio has no label for a subset: its labels lead to `destination_version`
(`version`, `app.kubernetes.io/version`) or `destination_canonical_revision`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gitops_mesh.mesh.index import Labels
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import PrometheusSettings

Series = Mapping[str, str]
"""The labels of one answer."""
Identity = tuple[str, str, str]
"""What tells a destination in the answers: host or cluster, the label of its version, and that one's value."""

LONGEST = 100_000
"""Characters of a matcher; beyond that everything is asked for."""
GRPC_FAULTS = ("2", "4", "8", "12", "13", "14", "15")
"""UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server's
doing (https://grpc.io/docs/guides/status-codes/); the others are the client's."""
_BY_PROCESS = "instance, pod"
_VERSION_LABELS = (
    ("version", "destination_version"),
    ("app.kubernetes.io/version", "destination_version"),
    ("service.istio.io/canonical-revision", "destination_canonical_revision"),
)


class Unclear(Exception):
    """A destination cannot be told from the metrics; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One query, and what its answers count: `requests` (with errors among them), `errors` or `buckets`."""

    counts: str
    query: str


@dataclass(frozen=True, slots=True)
class Preset:
    """How one kind of metrics is asked for."""

    identity: Callable[[Destination, Labels], Identity]
    """Raises Unclear."""
    questions: Callable[[Collection[Identity]], tuple[Question, ...]]
    of: Callable[[Series, Collection[Identity]], tuple[Identity, ...]]
    """Which destinations an answer is about."""
    failed: Callable[[Series], bool]
    """Whether an answer to a question for requests counts errors."""
    scale: float
    """Seconds in one unit of `le`."""


def preset_of(settings: PrometheusSettings) -> Preset:
    """The preset that the settings name."""
    if settings.preset == "envoy":
        return Preset(_cluster, _envoy_questions, _of_cluster, lambda s: s.get("response_code_class") == "5xx", 0.001)
    if settings.preset == "custom":
        queries = settings.queries
        return Preset(_istio, lambda asked: _custom(queries, asked), _of_istio, lambda _: False, 1.0)
    reporter = settings.reporter
    return Preset(_istio, lambda asked: _istio_questions(reporter, asked), _of_istio, _istio_failed, 0.001)


def matcher(values: Collection[str]) -> str:
    """A PromQL string with a regular expression that matches exactly these; any, when they are too many."""
    text = "|".join(sorted(re.escape(value) for value in set(values)))
    return json.dumps(text if len(text) <= LONGEST else ".*", ensure_ascii=False)


def _istio(to: Destination, labels: Labels) -> Identity:
    if not to.subset:
        return to.host, "", ""
    known = dict(labels)
    for label, of_series in _VERSION_LABELS:
        if label in known:
            return to.host, of_series, known[label]
    choices = ", ".join(label for label, _ in _VERSION_LABELS)
    raise Unclear(f"the subset {to.subset} of {to.host} selects by none of {choices}, so its metrics cannot be told")


def _istio_questions(reporter: str, asked: Collection[Identity]) -> tuple[Question, ...]:
    chosen = f'{{reporter="{reporter}", destination_service=~{matcher([host for host, _, _ in asked])}}}'
    by = f"{_BY_PROCESS}, destination_service, destination_version, destination_canonical_revision"
    codes = "request_protocol, response_code, grpc_response_status"
    return (
        Question("requests", f"sum by ({by}, {codes}) (istio_requests_total{chosen})"),
        Question("buckets", f"sum by ({by}, le) (istio_request_duration_milliseconds_bucket{chosen})"),
    )


def _of_istio(series: Series, asked: Collection[Identity]) -> tuple[Identity, ...]:
    host = series.get("destination_service") or series.get("host") or ""
    version = series.get("destination_version") or series.get("version") or ""
    possible = (
        (host, "", ""),
        (host, "destination_version", version),
        (host, "destination_canonical_revision", series.get("destination_canonical_revision", "")),
    )
    return tuple(one for one in possible if one in asked)


def _istio_failed(series: Series) -> bool:
    """Answers of class 5xx, requests that were broken off (0), and gRPC's faults, which travel as HTTP 200."""
    code = series.get("response_code", "")
    grpc = series.get("request_protocol") == "grpc" and series.get("grpc_response_status") in GRPC_FAULTS
    return code == "0" or code.startswith("5") or grpc


def _cluster(to: Destination, _: Labels) -> Identity:
    return to.host, str(to.port or ""), to.subset


def _envoy_questions(asked: Collection[Identity]) -> tuple[Question, ...]:
    names = [rf"outbound\|{port or '[0-9]+'}\|{re.escape(subset)}\|{re.escape(host)}" for host, port, subset in asked]
    text = "|".join(sorted(set(names)))
    chosen = f"{{cluster_name=~{json.dumps(text if len(text) <= LONGEST else 'outbound.*')}}}"
    return (
        Question(
            "requests", f"sum by ({_BY_PROCESS}, cluster_name, response_code_class) (envoy_cluster_upstream_rq{chosen})"
        ),
        Question(
            "buckets", f"sum by ({_BY_PROCESS}, cluster_name, le) (envoy_cluster_upstream_rq_time_bucket{chosen})"
        ),
    )


def _of_cluster(series: Series, asked: Collection[Identity]) -> tuple[Identity, ...]:
    parts = series.get("cluster_name", "").split("|")
    if len(parts) != 4 or parts[0] != "outbound":
        return ()
    _, port, subset, host = parts
    return tuple(one for one in ((host, port, subset), (host, "", subset)) if one in asked)


def _custom(queries: Mapping[str, str], asked: Collection[Identity]) -> tuple[Question, ...]:
    hosts = matcher([host for host, _, _ in asked])
    versions = matcher([version for _, _, version in asked if version])
    counted = {"requests": "requests", "errors": "errors", "latency": "buckets"}
    values = {"hosts": hosts[1:-1], "versions": versions[1:-1]}
    return tuple(
        Question(counts, re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values[found[1]], queries[name]))
        for name, counts in counted.items()
        if name in queries
    )
