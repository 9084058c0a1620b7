"""The daemon's own metrics, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from gitops_mesh.model.rollouts import Phase
from gitops_mesh.model.status import Status
from gitops_mesh.web.health import Health


def exposition(status: Status, health: Health) -> bytes:
    """All figures at this moment."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"gitops_mesh_{name}", text, labels, registry=registry)

    gauge("ticks", "Passes of the decision loop since the start.").set(health.ticks)
    gauge("tick_seconds", "Seconds spent in passes since the start.").set(health.seconds)
    gauge("tick_age_seconds", "Seconds since the latest pass.").set(health.age)
    gauge("source_up", "Whether the latest fetch succeeded.").set(not status.source_problem)
    up = gauge("cluster_up", "Whether the latest pass reached the cluster.", "cluster")
    diverges = gauge("diverges", "Whether HEAD and the mesh differ.", "cluster")
    pushed = gauge("ledger_pushed", "Whether the remote has the whole ledger.", "cluster")
    objects = gauge("objects", "Objects of ours on the mesh.", "cluster")
    findings = gauge("findings", "Findings at HEAD.", "cluster", "severity")
    rollouts = gauge("rollouts", "Open rollouts.", "cluster", "phase")
    rejected = gauge("rejected_releases", "Releases that failed and are not tried again.", "cluster")
    for cluster in status.clusters:
        up.labels(cluster.name).set(not cluster.problem)
        diverges.labels(cluster.name).set(cluster.diverges)
        pushed.labels(cluster.name).set(cluster.ledger_pushed)
        objects.labels(cluster.name).set(len(cluster.objects))
        rejected.labels(cluster.name).set(sum(len(found.rejected) for found in cluster.objects))
        for severity in ("error", "warning", "info"):
            findings.labels(cluster.name, severity).set(sum(f.severity == severity for f in cluster.findings))
        for phase in Phase:
            if not phase.is_terminal:
                rollouts.labels(cluster.name, phase).set(sum(r.phase is phase for r in cluster.rollouts))
    return generate_latest(registry)
