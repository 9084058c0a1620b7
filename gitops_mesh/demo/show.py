"""The whole demo: stage, stories, the ledger's timeline."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from gitops_mesh.demo.acts import NotAsTold, Play, Screen
from gitops_mesh.demo.layout import LEDGER
from gitops_mesh.demo.load import Answers
from gitops_mesh.demo.stories import STORIES, Facts, Story
from gitops_mesh.demo.timeline import Told, cloned
from gitops_mesh.errors import GitOpsMeshError


class Stories(Screen, Protocol):
    """A screen that also knows which story is told."""

    def showing(self) -> AbstractContextManager[object]: ...

    def story(self, number: int, title: str) -> None: ...

    def ended(self, number: int, failure: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How one story went."""

    story: Story
    facts: Facts
    answers: Answers
    """What the load was answered until then, since the start."""
    failure: str = ""
    """Why it did not go as told; empty when it did."""


@dataclass(slots=True)
class Result:
    """How the demo went."""

    endings: list[Ending] = field(default_factory=list)
    timeline: tuple[Told, ...] = ()

    @property
    def failures(self) -> list[str]:
        """What did not go as told, a sentence for each story."""
        failed = [f"story {n} ({e.story.title}): {e.failure}" for n, e in enumerate(self.endings, 1) if e.failure]
        untold = range(len(self.endings) + 1, len(STORIES) + 1)
        return [*failed, *(f"story {number} was not told, since one before it failed" for number in untold)]


def perform(play: Play, screen: Stories) -> Result:
    """Tell the stories in order; each builds on the one before, so the first that fails is the last."""
    result = Result()
    for number, story in enumerate(STORIES, 1):
        screen.story(number, story.title)
        facts, failure = Facts(), ""
        try:
            story.tell(play, facts)
            _nothing_lost(play)
        except GitOpsMeshError as error:
            failure = str(error)
        result.endings.append(Ending(story, facts, play.watch.load.answers(), failure))
        screen.ended(number, failure)
        if failure:
            break
    if play.tip():
        result.timeline = cloned(play.layout.origin, LEDGER, play.layout.folder / "ledger-clone.git")
    return result


def _nothing_lost(play: Play) -> None:
    answers = play.watch.load.answers()
    if answers.foreign_503:
        raise NotAsTold(f"the mesh answered {answers.foreign_503} requests with 503 that no backend sent")
    if answers.lost or answers.foreign:
        raise NotAsTold(f"requests were lost: {dict(answers.lost)}, or answered by no backend: {dict(answers.foreign)}")
