"""Showing the demo: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gitops_mesh.demo.status import Glance, Walk
from gitops_mesh.demo.timeline import Told
from gitops_mesh.demo.watching import VERSIONS, Moment

COLOURS = {"v1": "cyan", "v2": "green", "v3": "magenta"}
BAR = 50
"""Characters of the bar that shows the request mix."""
EVENTS = {
    "Succeeded": "green",
    "Promoted": "green",
    "Regressed": "red",
    "RolledBack": "red",
    "Rejected": "yellow",
    "Retreated": "cyan",
}


class PlainScreen:
    """One line whenever something changes; made for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = monotonic()
        self._last = ""

    def showing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def say(self, text: str) -> None:
        self._line(text)

    def story(self, number: int, title: str) -> None:
        self._console.print()
        self._line(f"story {number}: {title}")

    def ended(self, number: int, failure: str) -> None:
        self._line(f"story {number} {f'FAILED: {failure}' if failure else 'went as told'}")

    def show(self, moment: Moment) -> None:
        """A line when a rollout has moved, with what the backends see."""
        for walk in moment.status.walks if moment.status else ():
            state = f"{walk.id} {walk.phase} {walk.step} {walk.verdict}"
            if state != self._last:
                self._last = state
                verdict = walk.verdict or "no verdict yet"
                self._line(f"  {place(walk)}; observed {mix(moment)}; errors {errors(walk)}; {verdict}")

    def _line(self, text: str) -> None:
        self._console.print(f"{monotonic() - self._began:6.1f}s  {text}", markup=False, highlight=False, soft_wrap=True)


class LiveScreen:
    """A panel that follows the traffic, below the lines of what has happened."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._story = ""

    def showing(self) -> AbstractContextManager[object]:
        return self._live

    def say(self, text: str) -> None:
        self._console.print(Text.assemble(("  • ", "dim"), text))

    def story(self, number: int, title: str) -> None:
        self._story = f"{number}. {title}"
        self._console.print(Text.assemble("\n", (self._story, "bold")))

    def ended(self, number: int, failure: str) -> None:
        told = f"story {number} went as told"
        mark = (f"  ✗ {failure}", "bold red") if failure else (f"  ✓ {told}", "bold green")
        self._console.print(Text.assemble(mark))

    def show(self, moment: Moment) -> None:
        self._live.update(panel(moment, self._story))


def panel(moment: Moment, title: str) -> Panel:
    """Weights, the observed mix, error rates, the step, the verdict."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", justify="right")
    rows.add_column()
    glance = moment.status
    rows.add_row("weights", glance.weights if glance else "the daemon does not answer")
    rows.add_row("observed", Group(_bar(moment), mix(moment)))
    rows.add_row("answers", _answers(moment))
    for walk in glance.walks if glance else ():
        rows.add_row("rollout", f"step {walk.step} of {walk.steps}, {walk.phase}: {walk.base} → {walk.target}")
        rows.add_row("errors", errors(walk))
        rows.add_row("verdict", Text(f"{walk.verdict or 'none yet'}: {walk.reason}".rstrip(": ")))
    if glance and glance.diverges and not glance.walks:
        rows.add_row("diverges", Text("; ".join(_why(glance)), style="yellow"))
    return Panel(rows, title=title, title_align="left", border_style="blue")


def mix(moment: Moment) -> str:
    """What the backends were asked recently: `v1 90.2%, v2 9.8%`."""
    shown = [f"{version} {moment.share(version):.1%}" for version in VERSIONS if moment.recent.get(version)]
    return ", ".join(shown) or "nothing yet"


def place(walk: Walk) -> str:
    """Where a rollout is: `step 2 of 4, Baking, reviews:v1 75%, reviews:v2 25%`."""
    return f"step {walk.step} of {walk.steps}, {walk.phase}, {walk.weights}"


def errors(walk: Walk) -> str:
    """The error rates side by side."""
    return f"canary {_rate(walk.canary_errors)} of {walk.canary_requests}, stable {_rate(walk.stable_errors)}"


def chronicle(told: Sequence[Told], *, table: bool) -> RenderableType:
    """The ledger's timeline: as a table that wraps, or (for logs) in lines that do not."""
    if not table:
        return Text("\n".join(f"{t.commit[:9]}  {t.at[11:19]}  {t.event:<12} {_what(t)}" for t in told))
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("commit", "at", "event", "what"):
        rows.add_column(name, no_wrap=name != "what")
    for line in told:
        event = Text(line.event, style=EVENTS.get(line.event, ""))
        rows.add_row(line.commit[:9], line.at[11:19], event, Text(_what(line)))
    return rows


def _what(line: Told) -> str:
    return f"{line.sentence} [{line.verdict}]" if line.verdict else line.sentence


def _why(glance: Glance) -> tuple[str, ...]:
    return glance.findings[:3] or glance.reasons[:3]


def _bar(moment: Moment) -> Text:
    bar = Text()
    for version in VERSIONS:
        bar.append("█" * round(BAR * moment.share(version)), style=COLOURS[version])
    return bar


def _answers(moment: Moment) -> Text:
    answers = moment.answers
    failed = sum(count for (_, status), count in answers.served.items() if status >= 500)
    text = Text(f"{answers.total}, {failed} failed by a backend, ")
    foreign = answers.foreign_503
    text.append(f"{foreign} of 503 by the mesh itself", style="bold red" if foreign else "")
    return text


def _rate(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"
