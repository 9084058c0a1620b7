"""Queries of the user's. Pure.

Each yields counters with `instance` or `pod`, and tells a destination by `host` (or `destination_service`), the full
name, and `version` (or `destination_version`), what its subset's label `version` selects; `le` is in seconds.
"""

from __future__ import annotations

from collections.abc import Collection

from gitops_mesh.metrics.prometheus.preset import Counted, Identity, Question, Series
from gitops_mesh.metrics.prometheus.promql import ANY, alternation, filled
from gitops_mesh.model.settings import PrometheusSettings

_COUNTED = (("requests", Counted.REQUESTS), ("errors", Counted.ERRORS), ("latency", Counted.BUCKETS))


def questions(settings: PrometheusSettings, asked: Collection[Identity]) -> tuple[Question, ...]:
    """The queries, with what is asked for in the places of their variables."""
    versions = [version for _, by, version in asked if by in ("version", "revision")]
    whole = any(by == "" for _, by, _ in asked)
    values = {
        "hosts": alternation([host for host, _, _ in asked]),
        "versions": ANY if whole else alternation(versions),
    }
    return tuple(
        Question(counted, filled(settings.queries[name], values))
        for name, counted in _COUNTED
        if name in settings.queries
    )


def of(series: Series, asked: frozenset[Identity]) -> tuple[Identity, ...]:
    """The host as such, and its version."""
    host = series.get("host") or series.get("destination_service") or ""
    version = series.get("version") or series.get("destination_version") or ""
    possible = ((host, "", ""), (host, "version", version), (host, "revision", version))
    return tuple(one for one in possible if one in asked)


def failed(_: Series) -> bool:
    """Errors have a query of their own."""
    return False
