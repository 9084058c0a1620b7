"""One turn of the machine: the rollout as it becomes, and the commands so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitops_mesh.model.measurements import Evidence, Outcome
from gitops_mesh.model.rollouts import Event, Phase, Rollout
from gitops_mesh.model.routes import Destination, RouteRef, Split
from gitops_mesh.rollout.observation import Command, Finish, Observation, Record, SetWeights
from gitops_mesh.rollout.splits import at

BACK = (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
UNJUDGED = (Event.STARTED, Event.RESUMED, Event.RETARGETED, Event.RETREATED)
"""Events that no evidence speaks for or against."""
FULL = (Phase.PROMOTING, Phase.WATCHING, Phase.SUCCEEDED)


def expected(rollout: Rollout) -> Mapping[RouteRef, Split]:
    """The weights that each member should have now."""
    if rollout.phase in FULL:
        return {m.ref: m.target.split for m in rollout.members}
    if rollout.phase in BACK or rollout.phase is Phase.SUPERSEDED or rollout.step < 0:
        return {m.ref: m.base.split for m in rollout.members}
    return weights(rollout, rollout.step) | dict(rollout.held)


def weights(rollout: Rollout, step: int) -> dict[RouteRef, Split]:
    """The members' weights at a step of the policy; -1: the base."""
    if step < 0:
        return {m.ref: m.base.split for m in rollout.members}
    fraction = rollout.policy.steps[step].fraction
    return {m.ref: at(m.base.split, m.target.split, fraction) for m in rollout.members}


def following(rollout: Rollout) -> int:
    """The next step that changes the weights; of equal ones the last, with its bake."""
    steps = rollout.policy.steps
    index = min(rollout.step + 1, len(steps) - 1)
    here = weights(rollout, rollout.step)
    while index + 1 < len(steps) and weights(rollout, index) in (here, weights(rollout, index + 1)):
        index += 1
    return index


def short(reason: str) -> str:
    """A reason's first clause: the ledger has all of it in the entry's body."""
    return reason.partition(";")[0]


@dataclass(slots=True)
class Turn:
    """Collects what a turn does; `done` once the phase needs no further look."""

    rollout: Rollout
    seen: Observation
    commands: list[Command] = field(default_factory=list)

    def enter(self, phase: Phase, reason: str = "") -> None:
        self.rollout = replace(self.rollout, phase=phase, since=self.seen.now, reason=reason)

    def wait(self, reason: str) -> None:
        self.rollout = replace(self.rollout, reason=reason)

    def set_weights(self) -> None:
        """Ask for the expected weights of every member that is there."""
        splits = {ref: split for ref, split in expected(self.rollout).items() if self.seen.live.get(ref) is not None}
        self.commands.append(SetWeights(splits))

    def record(self, event: Event, sentence: str, *, by: str = "") -> None:
        verdict, evidence = ("", "") if event in UNJUDGED else self.judgement()
        name = self.rollout.leader.key.name
        self.commands.append(Record(event, f"{name}: {sentence}", verdict, evidence, by))
        self.rollout = replace(self.rollout, sequence=self.rollout.sequence + 1, by=by)

    def judgement(self) -> tuple[str, str]:
        """The verdict's word and its reasons, for the ledger."""
        if self.rollout.policy.analysis.judge == "none" or self.rollout.unjudged:
            return "unjudged", self.seen.verdict.reason
        verdict = self.seen.verdict
        lines = [f"{metric.metric}: {metric.reason}" for metric in verdict.metrics] or [verdict.reason]
        return str(verdict.outcome), "\n".join(lines)

    def walk_to(self, step: int) -> None:
        """Write the weights of a step; the last one is the promotion. Evidence begins anew."""
        evidence = Evidence(before=self.rollout.evidence.before)
        self.rollout = replace(self.rollout, step=step, step_since=0.0, evidence=evidence, held=(), paused_from=None)
        last = self.rollout.policy.steps[step].fraction >= 1
        self.enter(Phase.PROMOTING if last else Phase.VERIFYING)
        self.set_weights()

    def step(self, *, by: str = "") -> None:
        """One step forward; the last one is the promotion. The evidence that allowed it goes into the entry."""
        self.walk_to(following(self.rollout))
        event = Event.PROMOTED if self.rollout.phase is Phase.PROMOTING else Event.STEPPED
        self.record(event, f"{self.place}, promoted by {by}" if by else self.place, by=by)

    @property
    def place(self) -> str:
        """`step 2 of 4 (reviews:v1 75%, reviews:v2 25%)`"""
        split = expected(self.rollout)[self.rollout.leader]
        return f"step {self.rollout.step + 1} of {len(self.rollout.policy.steps)} ({split})"

    def back(self, outcome: Event, reason: str, *, remember: bool) -> None:
        """Begin the way back to the base."""
        self.rollout = replace(self.rollout, outcome=outcome, remember=remember, held=(), paused_from=None)
        self.enter(Phase.ROLLING_BACK, reason)
        if not self.base_unready():
            self.set_weights()

    def pause(self, reason: str, *, by: str = "", held: tuple[tuple[RouteRef, Split], ...] = ()) -> None:
        self.rollout = replace(self.rollout, paused_from=self.rollout.phase, held=held)
        self.enter(Phase.PAUSED, reason)
        self.record(Event.PAUSED, reason, by=by)

    def finish(self, phase: Phase) -> None:
        self.enter(phase, self.rollout.reason)
        self.commands.append(Finish())

    def base_unready(self) -> str:
        """Why the base cannot take traffic; empty when it can."""
        needed = {d for m in self.rollout.members for d in m.base.split.destinations}
        return _unready(self.seen, needed)

    def target_unready(self) -> str:
        needed = {d for m in self.rollout.members for d in m.base.split.rising(m.target.split)}
        return _unready(self.seen, needed)

    @property
    def judged(self) -> bool:
        """Whether the evidence allows to go on."""
        return self.rollout.policy.analysis.judge == "none" or self.seen.verdict.outcome is Outcome.PASS


def _unready(seen: Observation, needed: set[Destination]) -> str:
    return "; ".join(f"{d} is not ready: {why}" for d, why in sorted(seen.unready.items()) if d in needed)
