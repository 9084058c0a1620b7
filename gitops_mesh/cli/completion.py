"""`gitops-mesh completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    Examples:
      gitops-mesh completion bash > ~/.local/share/bash-completion/completions/gitops-mesh
      source <(gitops-mesh completion zsh)
    """
    found = get_completion_class(shell)
    if found is None or ctx.parent is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(ctx.parent.command, {}, "gitops-mesh", "_GITOPS_MESH_COMPLETE").source())
