"""`gitops-mesh status`."""

from __future__ import annotations

import click

from gitops_mesh.cli.findings import say_findings
from gitops_mesh.cli.output import OUTPUT, line, say_json
from gitops_mesh.clock import SystemClock
from gitops_mesh.model.status import ClusterStatus, RolloutStatus, Status

BAR = 24


@click.command()
@click.option("--exit-code", is_flag=True, help="Exit 1 while HEAD diverges from the mesh.")
@OUTPUT
@click.pass_context
def status(ctx: click.Context, exit_code: bool, output: str) -> None:
    """Show where HEAD and the mesh stand: rollouts, what diverges and why, rejected releases.

    Reads the mirror, the mesh and the ledger; the daemon need not run.

    \b
    Examples:
      gitops-mesh status
      gitops-mesh status --exit-code || echo "not there yet"
      gitops-mesh status -o json | jq '.clusters[].rollouts'
    """
    from gitops_mesh import config, views

    found = views.status(config.load(ctx.obj))
    show(found, output)
    ctx.exit(1 if exit_code and found.diverges else 0)


def show(found: Status, output: str) -> None:
    """Print a status."""
    if output == "json":
        say_json(found)
        return
    line(f"HEAD {found.head[:9] or 'unknown'} {found.head_subject}", bold=True)
    if found.source_problem:
        line(f"  the source is away: {found.source_problem}", colour="yellow")
    for cluster in found.clusters:
        _cluster(cluster)


def _cluster(cluster: ClusterStatus) -> None:
    word = "diverges from HEAD" if cluster.diverges else "is at HEAD"
    line(f"cluster {cluster.name} {word}", colour="yellow" if cluster.diverges else "green", bold=True)
    for reason in dict.fromkeys((cluster.problem, *cluster.reasons)):
        if reason:
            line(f"  - {reason}")
    if cluster.ledger_problem:
        line(f"  ledger: {cluster.ledger_problem}", colour="yellow")
    for rollout in cluster.rollouts:
        _rollout(rollout)
    for found in cluster.objects:
        extra = f"  {found.weights}" if found.weights else ""
        line(f"  {found.key}{extra}  ({found.origin}@{found.accepted_revision[:9] or 'adopted'})")
        if found.drift:
            line(f"    drift: {found.drift}", colour="yellow")
        for rejected in found.rejected:
            line(f"    rejected: {rejected}", colour="red")
    say_findings(cluster.findings)


def _rollout(rollout: RolloutStatus) -> None:
    done = BAR * max(rollout.step, 0) // max(rollout.steps, 1)
    bar = "█" * done + "░" * (BAR - done)
    since = _lasted(SystemClock().now() - rollout.since)
    line(f"  rollout {rollout.id} {bar} step {rollout.step}/{rollout.steps} {rollout.phase} for {since}", bold=True)
    line(f"    {rollout.base} → {rollout.target}; now {rollout.weights}")
    canary = f"canary {_rate(rollout.canary_error_rate)} of {rollout.canary_requests:,} failed"
    stable = f"stable {_rate(rollout.stable_error_rate)} of {rollout.stable_requests:,}"
    line(f"    {canary}, {stable}; verdict {rollout.verdict or 'none yet'}")
    for reason in dict.fromkeys(filter(None, (rollout.reason, rollout.verdict_reason))):
        line(f"    {reason}")
    line(f"    because of {rollout.commit[:9]} {rollout.subject}")


def _lasted(seconds: float) -> str:
    """`42s`, `3m05s`, `2h10m`"""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


def _rate(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
