"""What a story can do and wait for. Every wait has a deadline and says what it waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Protocol

from gitops_mesh.demo.children import Children
from gitops_mesh.demo.layout import LEDGER, Layout, Pace
from gitops_mesh.demo.team import Team
from gitops_mesh.demo.timeline import Told, timeline
from gitops_mesh.demo.watching import VERSIONS, Moment, Watch, between
from gitops_mesh.errors import GitOpsMeshError

LOOK = 0.25
"""Seconds between two looks."""
ASK_GIT = 0.5
"""Seconds between two looks at the ledger."""


class NotAsTold(GitOpsMeshError):
    """A story did not go as it is told."""


class Screen(Protocol):
    """Where the demo is shown."""

    def say(self, text: str) -> None: ...

    def show(self, moment: Moment) -> None: ...


@dataclass(slots=True)
class Play:
    """The running demo, as the stories handle it."""

    layout: Layout
    pace: Pace
    team: Team
    watch: Watch
    children: Children
    screen: Screen
    merges: dict[str, str] = field(default_factory=dict)
    """Merges that a later story comes back to."""

    @property
    def ledger_branch(self) -> str:
        return LEDGER

    @property
    def walk_deadline(self) -> float:
        """Seconds that a whole walk may take, with much room for a slow machine."""
        return (len(self.pace.steps) + 1) * self.pace.bake + self.pace.watch + 90

    def say(self, text: str) -> None:
        self.screen.say(text)

    def demand(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise NotAsTold(otherwise)

    def look(self) -> Moment:
        """A moment, shown on the screen. Raises GitOpsMeshError when a part of the demo has ended."""
        self.children.check()
        moment = self.watch.look()
        self.screen.show(moment)
        return moment

    def until(self, what: str, there: Callable[[Moment], bool], *, deadline: float = 20) -> Moment:
        """Look until something is there. Raises NotAsTold after `deadline` seconds."""
        end, pause = monotonic() + deadline, Event()
        while True:
            moment = self.look()
            if there(moment):
                return moment
            if monotonic() > end:
                raise NotAsTold(f"waited {deadline:.0f} s for {what}")
            pause.wait(LOOK)

    def recorded(self, event: str, source_commit: str, *, deadline: float, seen: list[Moment] | None = None) -> Told:
        """Wait until the pushed ledger tells this event of this commit; `seen` gets the moments until then."""
        asked = float("-inf")
        found: list[Told] = []

        def there(moment: Moment) -> bool:
            nonlocal asked
            if seen is not None:
                seen.append(moment)
            if moment.at - asked >= ASK_GIT:
                asked = moment.at
                found.extend(t for t in self.ledger() if (t.event, t.source_commit) == (event, source_commit))
            return bool(found)

        try:
            self.until(f"{event} in the ledger", there, deadline=deadline)
        except NotAsTold as error:
            told = [t.sentence for t in self.ledger() if t.source_commit == source_commit]
            raise NotAsTold(
                f"{error.message}; it tells of {source_commit[:9]}: {'; '.join(told) or 'nothing'}"
            ) from error
        return found[0]

    def only(self, version: str, enough: int, *, seconds: float = 0.0) -> dict[str, int]:
        """Watch for so many requests (and so long): all of them must go to one version."""
        began = self.look()
        last = self.until(
            f"{enough} requests to reviews",
            lambda m: sum(between(began.counts, m.counts).values()) >= enough and m.at - began.at >= seconds,
            deadline=seconds + 30,
        )
        served = between(began.counts, last.counts)
        strays = {other: served[other] for other in VERSIONS if other != version and served[other]}
        self.demand(not strays, f"all requests should go to {version}; also counted: {strays}")
        return served

    def since(self, began: Moment) -> dict[str, int]:
        """The requests that each version got since then."""
        return between(began.counts, self.watch.look().counts)

    def quietly_reverted(self, merge: str, *, known: str = "") -> str:
        """Revert a merge whose release is not live; nothing may move. The new commit's id."""
        known = known or self.tip()
        revert = self.team.revert(merge)
        self.say(f"reverted {merge[:9]} with {revert[:9]}; nothing may move")
        self.until(
            "the mesh to agree with the reverted HEAD",
            lambda m: m.status is not None and m.status.head == revert and not m.status.diverges,
            deadline=30,
        )
        moved = [told.sentence for told in self.ledger(known) if told.event != "Rejected"]
        self.demand(not moved, f"the revert moved something: {'; '.join(moved)}")
        return revert

    def ledger(self, since: str = "") -> tuple[Told, ...]:
        """The ledger as it was pushed."""
        return timeline(self.layout.origin, LEDGER, since)

    def tip(self) -> str:
        """The ledger's latest commit; empty when there is none."""
        told = self.ledger()
        return told[-1].commit if told else ""
