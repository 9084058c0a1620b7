"""`gitops-mesh reconcile`."""

from __future__ import annotations

import click

from gitops_mesh.cli.output import OUTPUT
from gitops_mesh.cli.status import show

PASSES = 100
"""Passes that may follow at once because the one before wrote; a fight over an object must not go on for ever."""


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
        for _ in range(PASSES):
            if wired.tick() > 0:
                break
        status = wired.status()
    finally:
        wired.close()
    show(status, output)
    ctx.exit(1 if any(cluster.problem for cluster in status.clusters) else 0)
