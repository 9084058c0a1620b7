"""`gitops-mesh history`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from gitops_mesh.cli.output import CLUSTER, OUTPUT, line, say_json
from gitops_mesh.model.ledger import Recorded
from gitops_mesh.model.rollouts import Event

BAD = (Event.REGRESSED, Event.ROLLED_BACK, Event.ABORTED, Event.EXPIRED, Event.REJECTED, Event.STATE_LOST)


@click.command()
@click.argument("object_", metavar="[OBJECT]", required=False)
@click.option("--repo", type=click.Path(path_type=Path), help="A clone of the ledger alone; needs no configuration.")
@click.option("--branch", help="The ledger's branch in --repo; default: the one that is checked out.")
@click.option("--limit", "-n", type=click.IntRange(min=0), default=0, help="The newest N entries; 0: all.")
@click.option("--evidence", is_flag=True, help="Show what each decision was made of.")
@CLUSTER
@OUTPUT
@click.pass_context
def history(
    ctx: click.Context,
    object_: str | None,
    repo: Path | None,
    branch: str | None,
    limit: int,
    evidence: bool,
    cluster: str | None,
    output: str,
) -> None:
    """Tell the timeline of OBJECT (a name, namespace/name, or rollout id; default: all), oldest first.

    \b
    Examples:
      gitops-mesh history
      gitops-mesh history reviews --evidence
      git clone -b gitops-mesh/ledger/demo --single-branch URL ledger
      gitops-mesh history --repo ledger
    """
    from gitops_mesh import config, views

    if repo is not None:
        entries = views.history_of(repo, branch, object_, limit)
    else:
        entries = views.history(config.load(ctx.obj), cluster, object_, limit)
    told = list(entries)[::-1]
    if output == "json":
        say_json(told)
    else:
        _text(told, evidence=evidence)


def _text(told: Iterable[Recorded], *, evidence: bool) -> None:
    for recorded in told:
        entry = recorded.entry
        at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        cause = f" ← {entry.source_commit[:9]}" if entry.source_commit else ""
        colour = "red" if entry.event in BAD else None
        line(f"{at}  {entry.event:<14} {entry.sentence}{cause}  [{recorded.commit[:9]}]", colour=colour)
        if evidence:
            for part in (*entry.evidence.splitlines(), *([f"weights: {entry.weights}"] if entry.weights else [])):
                line(f"    {part}")
