"""Absolute limits per metric, canary and stable side by side, with a minimum of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gitops_mesh.model.measurements import Counts, Evidence, MetricVerdict, Outcome, Verdict
from gitops_mesh.model.policy import Analysis, MetricLimit

_WORST = (Outcome.REGRESS, Outcome.ERROR, Outcome.INSUFFICIENT, Outcome.PASS)


def judge(evidence: Evidence, analysis: Analysis) -> Verdict:
    """The worst of the metrics' verdicts decides; no metric at all is no evidence."""
    if not analysis.metrics:
        return Verdict(Outcome.INSUFFICIENT, "the policy names no metric")
    verdicts = tuple(_METRICS[metric.name](evidence, metric) for metric in analysis.metrics)
    worst = min(verdicts, key=lambda v: _WORST.index(v.outcome))
    return Verdict(worst.outcome, worst.reason, verdicts)


def quantile(counts: Counts, q: float) -> float | None:
    """The `q`-quantile of a cumulative histogram in seconds, by linear interpolation within the bucket.

    As Prometheus' `histogram_quantile` does: beyond the last finite edge, that edge; `None` without requests.
    """
    total = counts.buckets[-1][1] if counts.buckets else 0
    if not total:
        return None
    rank, below, start = q * total, 0, 0.0
    for edge, count in counts.buckets:
        if edge == float("inf"):
            break
        if count > below and count >= rank:
            return start + (edge - start) * (rank - below) / (count - below)
        start, below = edge, count
    return start


def _error_rate(evidence: Evidence, limit: MetricLimit) -> MetricVerdict:
    stable = evidence.stable if evidence.stable.requests else evidence.before
    canary_rate, stable_rate = evidence.canary.error_rate, stable.error_rate
    words = (
        f"canary {_failed(evidence.canary)}, stable {_failed(stable)}; "
        f"limit {_percent(limit.limit)}, and stable + {_percent(limit.margin)}"
    )
    return _held_to(limit, evidence, canary_rate, stable_rate, words)


def _latency(evidence: Evidence, limit: MetricLimit) -> MetricVerdict:
    stable_counts = evidence.stable if evidence.stable.requests else evidence.before
    canary, stable = quantile(evidence.canary, limit.quantile), quantile(stable_counts, limit.quantile)
    name = f"p{limit.quantile * 100:g}"
    words = (
        f"canary {name} {_seconds(canary)} of {evidence.canary.requests:,}, stable {_seconds(stable)} of "
        f"{stable_counts.requests:,}; limit {_seconds(limit.limit)} and {_seconds(limit.margin)} above stable"
    )
    return _held_to(limit, evidence, canary, stable, words)


def _held_to(
    limit: MetricLimit, evidence: Evidence, canary: float | None, stable: float | None, words: str
) -> MetricVerdict:
    """A regression shows in whatever was counted; a pass needs the provider, too, and enough requests."""
    outcome = Outcome.INSUFFICIENT
    if canary is not None and evidence.canary.requests >= limit.min_requests:
        worse = canary > limit.limit and canary > (stable or 0.0) + limit.margin
        outcome = Outcome.REGRESS if worse else Outcome.PASS
    if evidence.problem and outcome is not Outcome.REGRESS:
        outcome, words = Outcome.ERROR, f"the metrics provider failed: {evidence.problem}"
    elif outcome is Outcome.INSUFFICIENT:
        words = f"{evidence.canary.requests:,} of {limit.min_requests:,} canary requests needed; {words}"
    return MetricVerdict(limit.name, outcome, words, canary, stable, limit.limit)


_METRICS: Mapping[str, Callable[[Evidence, MetricLimit], MetricVerdict]] = {
    "error-rate": _error_rate,
    "latency": _latency,
}
"""Every metric that a RolloutPolicy can name."""


def _failed(counts: Counts) -> str:
    if not counts.requests:
        return "had no requests"
    return f"{counts.errors:,} of {counts.requests:,} failed ({_percent(counts.errors / counts.requests)})"


def _percent(share: float) -> str:
    return f"{share * 100:.3g}%"


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value * 1000:.4g} ms"
