"""`gitops-mesh status`."""

from __future__ import annotations

import click

from gitops_mesh.cli.findings import say_findings
from gitops_mesh.cli.output import OUTPUT, say, say_json
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
    say(f"HEAD {found.head[:9] or 'unknown'} {found.head_subject}", bold=True)
    if found.source_problem:
        say(f"  the source is away: {found.source_problem}", colour="yellow")
    for cluster in found.clusters:
        _cluster(cluster)


def _cluster(cluster: ClusterStatus) -> None:
    word = "diverges from HEAD" if cluster.diverges else "is at HEAD"
    say(f"cluster {cluster.name} {word}", colour="yellow" if cluster.diverges else "green", bold=True)
    for reason in dict.fromkeys((cluster.problem, *cluster.reasons)):
        if reason:
            say(f"  - {reason}")
    if cluster.ledger_problem:
        say(f"  ledger: {cluster.ledger_problem}", colour="yellow")
    for rollout in cluster.rollouts:
        _rollout(rollout)
    for found in cluster.objects:
        extra = f"  {found.weights}" if found.weights else ""
        say(f"  {found.key}{extra}  ({found.origin}@{found.accepted_revision[:9] or 'adopted'})")
        for rejected in found.rejected:
            say(f"    rejected: {rejected}", colour="red")
    say_findings(cluster.findings)


def _rollout(rollout: RolloutStatus) -> None:
    done = BAR * max(rollout.step, 0) // max(rollout.steps, 1)
    bar = "█" * done + "░" * (BAR - done)
    say(f"  rollout {rollout.id} {bar} step {rollout.step}/{rollout.steps} {rollout.phase}", bold=True)
    say(f"    {rollout.base} → {rollout.target}; now {rollout.weights}")
    canary = f"canary {_rate(rollout.canary_error_rate)} of {rollout.canary_requests:,} failed"
    stable = f"stable {_rate(rollout.stable_error_rate)} of {rollout.stable_requests:,}"
    say(f"    {canary}, {stable}; verdict {rollout.verdict or 'none yet'}")
    if rollout.reason:
        say(f"    {rollout.reason}")
    say(f"    because of {rollout.commit[:9]} {rollout.subject}")


def _rate(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
