"""`gitops-mesh run`."""

from __future__ import annotations

import click


@click.command()
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def run(ctx: click.Context, log_format: str) -> None:
    """Run the daemon: poll, validate, plan, walk, judge, record, until it is told to end.

    SIGHUP polls at once; SIGTERM or Ctrl-C ends after the tick under way. Traffic goes on without it.

    \b
    Examples:
      gitops-mesh run
      gitops-mesh -c /etc/gitops-mesh/gitops-mesh.yaml run --log-format json
    """
    from gitops_mesh import app, config, daemon

    settings = config.load(ctx.obj)
    daemon.log_to_stderr(log_format)
    wired = app.build(settings)
    wired.lock()
    try:
        daemon.run(wired)
    finally:
        wired.close()
