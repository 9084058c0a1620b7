"""`gitops-mesh envoy`."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from gitops_mesh.cli.output import CLUSTER, say


@click.command()
@click.argument("action", type=click.Choice(["start", "run", "stop", "status"]))
@CLUSTER
@click.pass_context
def envoy(ctx: click.Context, action: str, cluster: str | None) -> None:
    """Start or stop the Envoy of a standalone mesh, which outlives the daemon; `run` stays in the foreground.

    A small supervisor keeps it running, so that neither a restart nor a crash of the daemon stops traffic.

    \b
    Examples:
      gitops-mesh envoy start
      gitops-mesh envoy stop
      gitops-mesh envoy run             under systemd, or in a container of its own
    """
    from gitops_mesh import app, config
    from gitops_mesh.cluster.standalone import supervisor

    settings = config.load(ctx.obj)
    chosen = app.cluster_settings(settings, cluster)
    folder = app.standalone_state(settings, chosen) / "envoy"
    if action in ("start", "run"):
        folder.mkdir(parents=True, exist_ok=True)
        started = supervisor.start(folder, chosen.standalone)
        say(
            f"Envoy runs (supervisor {started.pid}); mesh routes on {chosen.standalone.address}:"
            f"{chosen.standalone.mesh_port}, admin on 127.0.0.1:{started.admin_port}"
        )
        if action == "run":
            ctx.exit(_stay(folder))
        return
    if action == "stop":
        supervisor.stop(folder)
        say("Envoy is stopped")
        return
    pid = supervisor.running(folder)
    say(f"Envoy runs (supervisor {pid})" if pid else "Envoy does not run")
    ctx.exit(0 if pid else 1)


def _stay(folder: Path) -> int:
    """Wait until SIGTERM or Ctrl-C, then stop Envoy; the exit code, 1 when somebody else ended it."""
    from gitops_mesh.cluster.standalone import supervisor

    told = (signal.SIGTERM, signal.SIGINT)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, told)
    try:
        while supervisor.running(folder):
            if signal.sigtimedwait(told, 1.0):
                supervisor.stop(folder)
                say("Envoy is stopped")
                return 0
        say("Envoy was stopped", err=True)
        return 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
