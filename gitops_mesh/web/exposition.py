"""The daemon's own metrics, in Prometheus' text format; computed when asked, so nothing can go stale."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gitops_mesh.model.findings import Severity
from gitops_mesh.model.rollouts import Phase
from gitops_mesh.model.status import ClusterStatus, RolloutStatus, Status
from gitops_mesh.web.health import Health

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "gitops_mesh_"


def exposition(status: Status, health: Health) -> bytes:
    """All figures at this moment."""
    registry = CollectorRegistry()
    registry.register(_Now(status, health))
    return generate_latest(registry)


class _Now(Collector):
    def __init__(self, status: Status, health: Health) -> None:
        self._status = status
        self._health = health

    def collect(self) -> Iterator[Metric]:
        yield from self._loop()
        yield from self._clusters()
        yield from self._rollouts()

    def _loop(self) -> Iterator[Metric]:
        health, source = self._health, self._status
        yield CounterMetricFamily(f"{PREFIX}ticks", "Passes of the decision loop that did not fail.", health.ticks)
        yield CounterMetricFamily(f"{PREFIX}tick_seconds", "Seconds spent in those passes.", health.seconds)
        yield _plain("loop_age_seconds", "Seconds since the decision loop last went round.", health.age)
        yield _plain("source_up", "Whether the latest fetch of the source succeeded.", not source.source_problem)
        if health.source_age is not None:
            yield _plain("source_age_seconds", "Seconds since the source was last fetched.", health.source_age)

    def _clusters(self) -> Iterator[Metric]:
        clusters = self._status.clusters
        figures = (
            ("cluster_up", "Whether the latest pass reached the cluster.", lambda c: not c.problem),
            ("diverges", "Whether HEAD and the mesh differ; a rollout under way counts.", lambda c: c.diverges),
            ("ledger_pending", "Whether the remote lacks a part of the ledger.", lambda c: not c.ledger_pushed),
            ("objects", "Objects of ours on the mesh.", lambda c: len(c.objects)),
            (
                "drifted_objects",
                "Objects that are not what was accepted.",
                lambda c: sum(bool(o.drift) for o in c.objects),
            ),
            ("rejected_releases", "Releases that failed and are not tried again.", _rejected),
        )
        for name, text, figure in figures:
            metric = GaugeMetricFamily(PREFIX + name, text, labels=("cluster",))
            for cluster in clusters:
                metric.add_metric((cluster.name,), float(figure(cluster)))
            yield metric
        findings = GaugeMetricFamily(f"{PREFIX}findings", "Findings at HEAD.", labels=("cluster", "severity"))
        for cluster in clusters:
            for severity in Severity:
                count = sum(finding.severity is severity for finding in cluster.findings)
                findings.add_metric((cluster.name, str(severity)), count)
        yield findings
        names = ("cluster", "object", "route", "destination")
        weights = GaugeMetricFamily(f"{PREFIX}weight_ratio", "Live share of a route's destination.", labels=names)
        for cluster in clusters:
            for found in cluster.objects:
                for route, destination, share in found.shares:
                    weights.add_metric((cluster.name, str(found.key), route, destination), share)
        yield weights

    def _rollouts(self) -> Iterator[Metric]:
        phases = GaugeMetricFamily(f"{PREFIX}rollouts", "Open rollouts.", labels=("cluster", "phase"))
        for cluster in self._status.clusters:
            for phase in (phase for phase in Phase if not phase.is_terminal):
                phases.add_metric((cluster.name, str(phase)), sum(r.phase is phase for r in cluster.rollouts))
        yield phases
        names = ("rollout_step", "rollout_steps", "rollout_requests", "rollout_error_ratio")
        step, steps, requests, errors = (
            GaugeMetricFamily(PREFIX + name, text, labels=("cluster", "rollout", *more))
            for name, text, more in zip(names, _ROLLOUT_TEXTS, ((), (), ("side",), ("side",)), strict=True)
        )
        for cluster in self._status.clusters:
            for rollout in cluster.rollouts:
                labels = (cluster.name, rollout.id)
                step.add_metric(labels, rollout.step)
                steps.add_metric(labels, rollout.steps)
                for side, count, rate in _sides(rollout):
                    requests.add_metric((*labels, side), count)
                    if rate is not None:
                        errors.add_metric((*labels, side), rate)
        yield from (step, steps, requests, errors)


_ROLLOUT_TEXTS = (
    "The step whose weights were written last, from 1.",
    "Steps on the way.",
    "Requests that the judge counts at this step.",
    "The share of them that failed.",
)


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, float(value))


def _rejected(cluster: ClusterStatus) -> int:
    return sum(len(found.rejected) for found in cluster.objects)


def _sides(rollout: RolloutStatus) -> tuple[tuple[str, int, float | None], ...]:
    return (
        ("canary", rollout.canary_requests, rollout.canary_error_rate),
        ("stable", rollout.stable_requests, rollout.stable_error_rate),
    )
