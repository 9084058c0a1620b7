"""Istio's standard metrics. Pure.

https://istio.io/latest/docs/reference/config/metrics/

There is no label for a subset. A subset's label `version` is `destination_version`; `app.kubernetes.io/version` and
`service.istio.io/canonical-revision` are `destination_canonical_revision`. Where a connection failed, the proxy knows
its endpoint from istiod alone, which tells the revision and no version: then the revision counts, which is the label
`version` unless a Pod has one of the other two. Where no endpoint was chosen at all, nothing tells the version.
"""

from __future__ import annotations

from collections.abc import Collection

from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.preset import LOST, PROCESS, Counted, Identity, Question, Series, Unclear
from gitops_mesh.metrics.prometheus.promql import alternation, equal, quoted, selector
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import PrometheusSettings

GRPC_FAULTS = ("2", "4", "8", "12", "13", "14", "15")
"""UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server's
doing (https://grpc.io/docs/guides/status-codes/); the others are the client's."""
MILLISECONDS = 0.001
_TOLD_BY = (
    ("version", "version"),
    ("service.istio.io/canonical-revision", "revision"),
    ("app.kubernetes.io/version", "revision"),
)
_OF_REQUESTS = (
    "destination_service",
    "destination_version",
    "destination_canonical_revision",
    "destination_workload",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
    "connection_security_policy",
)
_OF_CLIENTS = ("source_workload", "source_workload_namespace", "source_version", "source_principal", "source_cluster")
"""One process is one client for the reporter `source`, and sees many as another reporter."""
_UNKNOWN = ("", "unknown")


def identity(to: Destination, labels: Labels) -> Identity:
    """By host, and the version or revision that the subset selects. Raises Unclear where it selects by neither."""
    if not to.subset:
        return to.host, "", ""
    known = dict(labels)
    for label, by in _TOLD_BY:
        if known.get(label):
            return to.host, by, known[label]
    choices = ", ".join(label for label, _ in _TOLD_BY)
    selects = ", ".join(known) or "nothing, or no live DestinationRule defines it"
    raise Unclear(f"no metric tells {to}: its subset selects by {selects}; let it select by one of {choices}")


def overlap(one: Identity, other: Identity) -> bool:
    """A host without a subset has the requests of all its versions; a version and a revision may be of one Pod."""
    return one[0] == other[0] and (one == other or one[1] != other[1])


def questions(settings: PrometheusSettings, asked: Collection[Identity]) -> tuple[Question, ...]:
    """Requests by their outcome, and how long those took that did not fail: failing fast would hide slowness."""
    chosen = (
        f"reporter={quoted(settings.reporter)}",
        f"destination_service=~{quoted(alternation([host for host, _, _ in asked]))}",
        equal(settings.matchers),
    )
    well = (r'response_code!~"0|5.."', f'grpc_response_status!~"{"|".join(GRPC_FAULTS)}"')
    clients = () if settings.reporter == "source" else _OF_CLIENTS
    by = ", ".join((*PROCESS, *_OF_REQUESTS, *clients))
    requests = selector("istio_requests_total", *chosen)
    buckets = selector("istio_request_duration_milliseconds_bucket", *chosen, *well)
    return (
        Question(Counted.REQUESTS, f"sum by ({by}) ({requests})"),
        Question(Counted.BUCKETS, f"sum by ({by}, le) ({buckets})"),
    )


def of(series: Series, asked: frozenset[Identity]) -> tuple[Identity, ...]:
    """The host as such, and its version; or the host's lost requests, where failed ones name no version."""
    host = series.get("destination_service", "")
    version, revision = series.get("destination_version", ""), series.get("destination_canonical_revision", "")
    possible: tuple[Identity, ...]
    if version in _UNKNOWN and series.get("destination_workload", "") in _UNKNOWN:
        possible = ((host, "", ""), (host, LOST, ""))
    else:
        by_version = revision if version in _UNKNOWN else version
        possible = ((host, "", ""), (host, "version", by_version), (host, "revision", revision))
    return tuple(one for one in possible if one in asked)


def failed(series: Series) -> bool:
    """Answers of class 5xx, requests that were broken off (0), and gRPC's faults, which travel as HTTP 200."""
    code = series.get("response_code", "")
    grpc = series.get("request_protocol") == "grpc" and series.get("grpc_response_status") in GRPC_FAULTS
    return code == "0" or code.startswith("5") or grpc
