"""The operator's verbs: each is a request on the object, answered by the daemon at its next tick."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from gitops_mesh.cli.output import CLUSTER, OUTPUT, say, say_json
from gitops_mesh.model.rollouts import Verb

TARGET = click.argument("target", metavar="ROLLOUT")
BY = click.option("--by", help="Who asks, for the ledger; default: you.")


def _ask(file: Path | None, cluster: str | None, target: str, verb: Verb, by: str | None, output: str) -> None:
    from gitops_mesh import config, views

    said = views.request(config.load(file), cluster, target, verb, by or _user())
    if output == "json":
        say_json({"requested": verb, "target": target, "said": said})
    else:
        say(said)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # in a container, a user id may have no name
        raise click.UsageError("who are you? Your user id has no name here; say --by NAME") from error


@click.command()
@TARGET
@BY
@CLUSTER
@OUTPUT
@click.pass_obj
def pause(obj: Path | None, target: str, by: str | None, cluster: str | None, output: str) -> None:
    """Hold ROLLOUT (its id, or the object's name) at its weights; a regression still rolls it back.

    \b
    Example:
      gitops-mesh pause shop/reviews
    """
    _ask(obj, cluster, target, Verb.PAUSE, by, output)


@click.command()
@TARGET
@BY
@CLUSTER
@OUTPUT
@click.pass_obj
def resume(obj: Path | None, target: str, by: str | None, cluster: str | None, output: str) -> None:
    """Let a paused ROLLOUT go on.

    \b
    Example:
      gitops-mesh resume reviews
    """
    _ask(obj, cluster, target, Verb.RESUME, by, output)


@click.command()
@TARGET
@click.option("--full", is_flag=True, help="To 100% at once, instead of one step.")
@BY
@CLUSTER
@OUTPUT
@click.pass_obj
def promote(obj: Path | None, target: str, full: bool, by: str | None, cluster: str | None, output: str) -> None:
    """Take ROLLOUT one step forward without evidence; the ledger says who did.

    \b
    Examples:
      gitops-mesh promote reviews
      gitops-mesh promote reviews --full
    """
    _ask(obj, cluster, target, Verb.PROMOTE_FULL if full else Verb.PROMOTE, by, output)


@click.command()
@TARGET
@BY
@CLUSTER
@OUTPUT
@click.pass_obj
def abort(obj: Path | None, target: str, by: str | None, cluster: str | None, output: str) -> None:
    """Put ROLLOUT back to its base; the release is not tried again until it changes, or `retry`.

    \b
    Example:
      gitops-mesh abort reviews
    """
    _ask(obj, cluster, target, Verb.ABORT, by, output)


@click.command()
@click.argument("target", metavar="OBJECT")
@BY
@CLUSTER
@OUTPUT
@click.pass_obj
def retry(obj: Path | None, target: str, by: str | None, cluster: str | None, output: str) -> None:
    """Allow the rejected releases of OBJECT to be tried again.

    \b
    Example:
      gitops-mesh retry shop/reviews
    """
    _ask(obj, cluster, target, Verb.RETRY, by, output)
