"""`gitops-mesh validate`."""

from __future__ import annotations

from pathlib import Path

import click

from gitops_mesh.cli.findings import say_findings, summary
from gitops_mesh.cli.output import OUTPUT, fail, say, say_json
from gitops_mesh.errors import GitOpsMeshError
from gitops_mesh.model.findings import Finding


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@OUTPUT
@click.pass_context
def validate(ctx: click.Context, path: Path, output: str) -> None:
    """Check the manifests in PATH (a file or a folder): schema, references, policies. No cluster is needed.

    With a configuration (`-c`, or gitops-mesh.yaml in PATH), what its clusters cannot honour and its
    policies count too. Exits 0 when clean, 1 with error findings, 2 when it could not run.

    \b
    Examples:
      gitops-mesh validate mesh/
      gitops-mesh validate mesh/reviews.yaml
      gitops-mesh -c gitops-mesh.yaml validate mesh/ -o json
    """
    try:
        findings = _findings(path, ctx.obj)
    except (GitOpsMeshError, OSError) as error:
        fail(error)
        ctx.exit(2)
    if output == "json":
        say_json(findings)
    else:
        say_findings(findings)
        say(summary(findings))
    ctx.exit(1 if any(finding.is_error for finding in findings) else 0)


def _findings(path: Path, file: Path | None) -> tuple[Finding, ...]:
    """The findings of PATH, with the configuration that was named, or that lies in or beside it."""
    from gitops_mesh import config, views

    beside = (path / config.NAME, path.parent / config.NAME)
    chosen = file or next((place for place in beside if place.is_file()), None)
    return views.validate(path, config.load(chosen) if chosen else None)
