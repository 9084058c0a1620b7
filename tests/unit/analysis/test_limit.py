"""Four outcomes that are four different things."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_mesh.analysis.judge import judge
from gitops_mesh.analysis.limit import quantile
from gitops_mesh.model.measurements import Counts, Evidence, Outcome
from gitops_mesh.model.policy import Analysis, MetricLimit, RolloutPolicy

INF = float("inf")
DEFAULT = RolloutPolicy()


@pytest.mark.parametrize(
    ("canary", "stable", "before", "problem", "outcome"),
    [
        ((100, 0), (900, 0), (0, 0), "", Outcome.PASS),
        ((99, 0), (900, 0), (0, 0), "", Outcome.INSUFFICIENT),
        ((99, 99), (900, 0), (0, 0), "", Outcome.INSUFFICIENT),
        ((0, 0), (0, 0), (0, 0), "", Outcome.INSUFFICIENT),
        ((1000, 10), (9000, 0), (0, 0), "", Outcome.PASS),
        ((1000, 11), (9000, 0), (0, 0), "", Outcome.REGRESS),
        ((1000, 30), (9000, 180), (0, 0), "", Outcome.PASS),
        ((1000, 31), (9000, 180), (0, 0), "", Outcome.REGRESS),
        ((1000, 500), (9000, 4500), (0, 0), "", Outcome.PASS),
        ((1000, 31), (0, 0), (9000, 180), "", Outcome.REGRESS),
        ((1000, 30), (0, 0), (9000, 180), "", Outcome.PASS),
        ((1000, 30), (0, 0), (0, 0), "", Outcome.REGRESS),
        ((1000, 0), (9000, 0), (0, 0), "timeout", Outcome.ERROR),
        ((1000, 100), (9000, 0), (0, 0), "timeout", Outcome.REGRESS),
    ],
)
def test_the_default_limit(
    canary: tuple[int, int], stable: tuple[int, int], before: tuple[int, int], problem: str, outcome: Outcome
) -> None:
    """Above 1% and more than a point above stable's, after 100 requests."""
    evidence = Evidence(Counts(*canary), Counts(*stable), Counts(*before), problem, 1)
    assert judge(evidence, DEFAULT, 0.0).outcome is outcome


def test_the_reason_has_the_numbers() -> None:
    verdict = judge(Evidence(Counts(1204, 37), Counts(10980, 4)), DEFAULT, 0.0)
    assert verdict.reason == (
        "canary 37 of 1,204 failed (3.07%), stable 4 of 10,980 failed (0.0364%); limit 1%, and stable + 1%"
    )
    assert "had no requests" in judge(Evidence(), DEFAULT, 0.0).reason


def latency(limit: float, margin: float = 0.0, *, q: float = 0.5) -> RolloutPolicy:
    metric = MetricLimit("latency", limit, margin, q, min_requests=10)
    return replace(DEFAULT, analysis=Analysis(metrics=(metric,)))


def slow(requests: int, edge: float) -> Counts:
    """All between half the edge and the edge."""
    return Counts(requests, 0, ((edge / 2, 0), (edge, requests), (INF, requests)))


@pytest.mark.parametrize(
    ("evidence", "policy", "outcome"),
    [
        (Evidence(slow(10, 0.2), slow(100, 0.2)), latency(0.5), Outcome.PASS),
        (Evidence(slow(10, 2.0), slow(100, 0.2)), latency(0.5), Outcome.REGRESS),
        (Evidence(slow(10, 2.0), slow(100, 2.0)), latency(0.5, 0.1), Outcome.PASS),
        (Evidence(slow(10, 2.0), Counts(), slow(100, 0.2)), latency(0.5), Outcome.REGRESS),
        (Evidence(slow(9, 2.0), slow(100, 0.2)), latency(0.5), Outcome.INSUFFICIENT),
        (Evidence(Counts(100, 0), Counts(100, 0)), latency(0.5), Outcome.INSUFFICIENT),
        (Evidence(slow(10, 0.2), slow(100, 0.2), problem="timeout"), latency(0.5), Outcome.ERROR),
        (Evidence(slow(10, 2.0), slow(100, 0.2), problem="timeout"), latency(0.5), Outcome.REGRESS),
    ],
)
def test_latency_by_quantile(evidence: Evidence, policy: RolloutPolicy, outcome: Outcome) -> None:
    verdict = judge(evidence, policy, 0.0)
    assert verdict.outcome is outcome
    assert verdict.metrics[0].metric == "latency"


def test_the_worst_metric_decides() -> None:
    both = (MetricLimit("error-rate", 0.01), MetricLimit("latency", 0.5, min_requests=10))
    policy = replace(DEFAULT, analysis=Analysis(metrics=both))
    fast = Counts(1000, 500, slow(1000, 0.1).buckets)
    assert judge(Evidence(fast, slow(1000, 0.1)), policy, 0.0).outcome is Outcome.REGRESS
    assert judge(Evidence(Counts(1000, 0), slow(1000, 0.1)), policy, 0.0).outcome is Outcome.INSUFFICIENT


def test_no_metric_is_no_evidence() -> None:
    assert judge(Evidence(), replace(DEFAULT, analysis=Analysis(metrics=())), 0.0).outcome is Outcome.INSUFFICIENT
    assert judge(Evidence(), replace(DEFAULT, analysis=Analysis("none")), 0.0).outcome is Outcome.INSUFFICIENT


@pytest.mark.parametrize(
    ("buckets", "q", "wanted"),
    [
        ((), 0.5, None),
        (((1.0, 0), (INF, 0)), 0.5, None),
        (((1.0, 10), (INF, 10)), 0.5, 0.5),
        (((1.0, 10), (2.0, 20), (INF, 20)), 0.75, 1.5),
        (((1.0, 10), (2.0, 10), (3.0, 20), (INF, 20)), 0.75, 2.5),
        (((1.0, 5), (INF, 10)), 0.99, 1.0),
        (((1.0, 0), (INF, 10)), 0.0, 1.0),
        (((1.0, 10),), 1.0, 1.0),
        (((1.0, 10),), 1.5, 1.0),
    ],
)
def test_quantiles_as_prometheus_has_them(
    buckets: tuple[tuple[float, int], ...], q: float, wanted: float | None
) -> None:
    assert quantile(Counts(10, 0, buckets), q) == wanted
