"""`gitops-mesh demo`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from gitops_mesh.cli.output import say

if TYPE_CHECKING:
    from gitops_mesh.demo.acts import Play


@click.command()
@click.option("--fast", is_flag=True, help="Dwell less at each step.")
@click.option("--keep", is_flag=True, help="Leave everything running at the end, to play with, until Ctrl-C.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where to work; stays afterwards."
)
def demo(*, fast: bool, keep: bool, folder: Path | None) -> None:
    """Show four stories with real parts on this machine: Git, Envoy, a service in three versions, a load.

    \b
    1. a merge moves traffic: walked, judged, promoted
    2. a merge moves it to a version that fails: caught, rolled back, not tried again
    3. a merge with a bad manifest: rejected whole, with file, line and column
    4. `git revert` of the first merge: back at once

    Ends with 1 when one of them did not go as told. Nothing is left running.

    \b
    Examples:
      gitops-mesh demo
      gitops-mesh demo --fast --keep
      gitops-mesh demo --dir /tmp/shop
    """
    from rich.console import Console

    from gitops_mesh import shipped
    from gitops_mesh.demo.layout import FAST, SHOWN
    from gitops_mesh.demo.screen import LiveScreen, PlainScreen, chronicle
    from gitops_mesh.demo.show import perform
    from gitops_mesh.demo.stage import staged

    console = Console(highlight=False)
    screen = LiveScreen(console) if console.is_terminal else PlainScreen(console)
    with _signals_unwind(), _folder(folder) as where:
        with staged(where, shipped.repo_template(), FAST if fast else SHOWN, screen) as play:
            with screen.showing():
                result = perform(play, screen)
            say()
            say(f"The timeline, from `git log` of a fresh clone of {play.ledger_branch}:", bold=True)
            console.print(chronicle(result.timeline, table=console.is_terminal), soft_wrap=not console.is_terminal)
            for failure in result.failures:
                say(failure, colour="red", err=True)
            if keep:
                _play_with(play)
        if result.failures:
            say(f"Everything is left for you to look at in {where}, the logs too.", err=True)
            sys.exit(1)
    say("All four stories went as told.", colour="green")


def _play_with(play: Play) -> None:
    """Say what to try, and wait until Ctrl-C."""
    from gitops_mesh.demo.keeping import hold, tries

    say()
    say("It keeps running. Try:", bold=True)
    for what, line in tries(play):
        say(f"  # {what}")
        say(f"  {line}", colour="cyan")
    say("Ctrl-C ends it all.")
    hold(play)


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    """The folder that was asked for; else one that goes away, unless there is something to look at."""
    import shutil
    import tempfile

    if chosen is not None:
        yield chosen.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="gitops-mesh-demo-"))
    looked_at = False
    try:
        yield folder
    except SystemExit as error:
        looked_at = error.code == 1
        raise
    finally:
        if not looked_at:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: everything that was started is ended."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
