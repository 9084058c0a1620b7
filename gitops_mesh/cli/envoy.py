"""`gitops-mesh envoy`."""

from __future__ import annotations

import click

from gitops_mesh.cli.output import CLUSTER, say


@click.command()
@click.argument("action", type=click.Choice(["start", "stop", "status"]))
@CLUSTER
@click.pass_context
def envoy(ctx: click.Context, action: str, cluster: str | None) -> None:
    """Start or stop the Envoy of a standalone mesh, which outlives the daemon.

    A small supervisor keeps it running, so that neither a restart nor a crash of the daemon stops traffic.

    \b
    Examples:
      gitops-mesh envoy start
      gitops-mesh envoy stop
    """
    from gitops_mesh import app, config
    from gitops_mesh.cluster.standalone import supervisor

    settings = config.load(ctx.obj)
    chosen = app.cluster_settings(settings, cluster)
    folder = app.standalone_state(settings, chosen) / "envoy"
    if action == "start":
        folder.mkdir(parents=True, exist_ok=True)
        started = supervisor.start(folder, chosen.standalone)
        say(
            f"Envoy runs (supervisor {started.pid}); mesh routes on {chosen.standalone.address}:"
            f"{chosen.standalone.mesh_port}, admin on 127.0.0.1:{started.admin_port}"
        )
        return
    if action == "stop":
        supervisor.stop(folder)
        say("Envoy is stopped")
        return
    pid = supervisor.running(folder)
    say(f"Envoy runs (supervisor {pid})" if pid else "Envoy does not run")
    ctx.exit(0 if pid else 1)
