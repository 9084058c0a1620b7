"""The root command: verbs are imported when they are called, so that `--help` is quick."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from gitops_mesh import __version__
from gitops_mesh.cli.output import fail
from gitops_mesh.errors import GitOpsMeshError

VERBS: Mapping[str, tuple[str, str]] = {
    "init": ("init", "Lay out a mesh repository to start from."),
    "validate": ("validate", "Check manifests: schema, references, policies."),
    "plan": ("plan", "Show what HEAD would change on the mesh."),
    "run": ("run", "Run the daemon."),
    "reconcile": ("reconcile", "Do one pass and end."),
    "status": ("status", "Show where HEAD and the mesh stand."),
    "history": ("history", "Tell the timeline from the ledger."),
    "pause": ("operate", "Hold a rollout where it is."),
    "resume": ("operate", "Let a paused rollout go on."),
    "promote": ("operate", "Take a rollout one step (or all the way) forward, unjudged."),
    "abort": ("operate", "Put a rollout back to its base."),
    "retry": ("operate", "Allow a rejected release to be tried again."),
    "edit": ("edit", "Change a live object of a standalone mesh by hand."),
    "envoy": ("envoy", "Run the Envoy of a standalone mesh."),
    "demo": ("demo", "Show four stories on a real Envoy on this machine."),
    "completion": ("completion", "Print the shell completion script."),
}
"""Verb → (its module, its one line of help)."""


class Verbs(click.Group):
    """A group that knows its verbs by name, and imports one only to run or describe it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"gitops_mesh.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        if not any(parameter.name == "config" for parameter in command.params):
            command.params.append(_config_option())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], VERBS, 1) if args else []
            hint = f"did you mean `{close[0]}`?" if close else f"choose from: {', '.join(VERBS)}"
            raise click.UsageError(f"no verb is named {args[0]!r}; {hint}", ctx) from error


def _config_option() -> click.Option:
    """`-c` behind the verb means the same as before it."""

    def chosen(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
        ctx.obj = value or ctx.obj

    return click.Option(
        ["--config", "-c"],
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=chosen,
        help="gitops-mesh.yaml to use; default: here or in a folder above.",
    )


@click.command(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, no_args_is_help=True
)
@click.version_option(__version__, "--version", prog_name="gitops-mesh")
@click.option(
    "--config", "-c", type=click.Path(path_type=Path), envvar="GITOPS_MESH_CONFIG", help="gitops-mesh.yaml to use."
)
@click.pass_context
def root(ctx: click.Context, config: Path | None) -> None:
    """Merging a commit is the release.

    \b
    gitops-mesh demo                see it work on this machine
    gitops-mesh init shop           lay out a repository to start from
    gitops-mesh validate shop       check it
    gitops-mesh run -c gitops-mesh.yaml
    """
    ctx.obj = config


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line (default: that of this process) and exit.

    A user's mistake is a message and an exit code, never a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 is no reason to fail
    try:
        sys.exit(
            root(list(sys.argv[1:] if words is None else words), standalone_mode=False, prog_name="gitops-mesh")
        )  # click returns the code of ctx.exit
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except GitOpsMeshError as error:
        fail(error)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has had enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:  # a full disk, a folder that may not be written
        fail(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
