"""`gitops-mesh plan`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gitops_mesh.cli.findings import say_findings
from gitops_mesh.cli.output import plain, say, say_json

if TYPE_CHECKING:
    from gitops_mesh.views import ClusterPlan


@click.command()
@click.option("--revision", help="Another revision than the branch's head.")
@click.option("--diff/--no-diff", default=True, help="Show the YAML diff beneath the sentences.")
@click.option("--exit-code", is_flag=True, help="Exit 2 when there are changes, 0 when there are none.")
@click.option("--output", "-o", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.pass_context
def plan(ctx: click.Context, revision: str | None, diff: bool, exit_code: bool, output: str) -> None:
    """Show what HEAD would change on the mesh; nothing is written.

    \b
    Examples:
      gitops-mesh plan
      gitops-mesh plan --exit-code          0 no change, 2 changes, 1 error
      gitops-mesh plan --revision 4f1e062f1 -o json
      GITOPS_MESH_SOURCE_BRANCH=feature gitops-mesh plan -o markdown
    """
    from gitops_mesh import config, views

    plans = views.plan(config.load(ctx.obj), revision)
    _PRINT[output](plans) if output != "text" else _text(plans, diff=diff)
    if any(finding.is_error for found in plans for finding in found.findings):
        ctx.exit(1)
    ctx.exit(2 if exit_code and any(found.plan.objects for found in plans) else 0)


def _text(plans: Sequence[ClusterPlan], *, diff: bool) -> None:
    from gitops_mesh.plan.render import unified
    from gitops_mesh.plan.sentences import sentences

    for found in plans:
        say(f"cluster {found.cluster}:", bold=True)
        say_findings(found.findings)
        for sentence in sentences(found.plan, found.steps) or ["nothing changes"]:
            say(f"  {sentence}")
        say_findings(found.plan.findings)
        for change in found.plan.objects if diff else ():
            say(unified(found.before.get(change.key), change.desired, str(change.key)))


def _json(plans: Sequence[ClusterPlan]) -> None:
    from gitops_mesh.plan.render import as_json

    say_json([{"cluster": p.cluster, "findings": plain(p.findings), "plan": as_json(p.plan, p.steps)} for p in plans])


def _markdown(plans: Sequence[ClusterPlan]) -> None:
    from gitops_mesh.plan.render import as_markdown

    for found in plans:
        say(f"## {found.cluster}\n")
        say(as_markdown(found.plan, found.before, found.steps))


_PRINT = {"json": _json, "markdown": _markdown}
