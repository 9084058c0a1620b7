"""`gitops-mesh reconcile`."""

from __future__ import annotations

import click

from gitops_mesh.cli.output import OUTPUT
from gitops_mesh.cli.status import show


@click.command()
@OUTPUT
@click.pass_context
def reconcile(ctx: click.Context, output: str) -> None:
    """Poll once, do what can be done now, and end. A shift is begun, not waited for: call it again, or `run`.

    \b
    Example:
      gitops-mesh reconcile && gitops-mesh status
    """
    from gitops_mesh import app, config

    wired = app.build(config.load(ctx.obj))
    wired.lock()
    try:
        wired.refresh()
        while wired.tick() == 0:
            pass
        status = wired.status()
    finally:
        wired.close()
    show(status, output)
    ctx.exit(1 if any(cluster.problem for cluster in status.clusters) else 0)
