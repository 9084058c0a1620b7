"""The state machine of a rollout: total, deterministic, no I/O, no clock.

    Pending -> Verifying -> Baking -> (next step: Verifying) ... -> Promoting -> Watching -> Succeeded

From any phase under way: a pause, a regression, an abort or a passed deadline leads to Paused or to
RollingBack -> RolledBack; a newer HEAD leads to Superseded, by way of the base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gitops_mesh.model.measurements import Outcome
from gitops_mesh.model.policy import OnRegression
from gitops_mesh.model.rollouts import Event, Phase, Rollout
from gitops_mesh.model.routes import Split
from gitops_mesh.rollout.observation import Accept, Command, Finish, Observation
from gitops_mesh.rollout.phases import PHASES
from gitops_mesh.rollout.turn import Turn, expected, short
from gitops_mesh.rollout.verbs import asked

__all__ = ["advance", "expected"]


def advance(rollout: Rollout, seen: Observation) -> tuple[Rollout, tuple[Command, ...]]:
    """One tick: what the rollout becomes, and what has to be done for it, in one write with it."""
    turn = Turn(replace(rollout, evidence=seen.evidence), seen)
    if rollout.phase.is_terminal:
        turn.commands.append(Finish())
    elif not any(look(turn) for look in _FIRST):
        PHASES[turn.rollout.phase](turn)
    return turn.rollout, tuple(turn.commands)


def _gone(turn: Turn) -> bool:
    """A route that left the mesh takes the rollout with it; the others go back."""
    missing = [ref for ref, live in turn.seen.live.items() if live is None]
    if not missing or turn.rollout.phase is Phase.ROLLING_BACK:
        return False
    turn.back(Event.SUPERSEDED, f"{missing[0]} is gone", remember=False)
    return True


def _retargeted(turn: Turn) -> bool:
    """Say that the target changed, and go on from the weights that are planned for it."""
    if not turn.seen.retargeted:
        return False
    target = turn.rollout.members[0].target.split
    if turn.rollout.phase is Phase.PROMOTING:
        turn.record(Event.RETREATED, f"at {target} at once: {turn.seen.retargeted}")
    else:
        turn.record(Event.RETARGETED, f"now on the way to {target}: {turn.seen.retargeted}")
    if turn.rollout.step >= 0:
        turn.set_weights()
    return True


def _superseded(turn: Turn) -> bool:
    reason, phase = turn.seen.supersede, turn.rollout.phase
    if not reason or phase is Phase.ROLLING_BACK:
        return False
    if phase is Phase.WATCHING:
        turn.commands.append(Accept(tuple(m.ref for m in turn.rollout.members)))
        turn.record(Event.SUPERSEDED, f"the watch ends: {reason}")
        turn.finish(Phase.SUPERSEDED)
    elif turn.rollout.step < 0:
        turn.wait(reason)
        turn.finish(Phase.SUPERSEDED)
    else:
        turn.back(Event.SUPERSEDED, reason, remember=False)
    return True


def _regressed(turn: Turn) -> bool:
    verdict, rollout = turn.seen.verdict, turn.rollout
    if verdict.outcome is not Outcome.REGRESS or rollout.phase in (Phase.PENDING, Phase.ROLLING_BACK):
        return False
    if rollout.policy.analysis.judge == "none":
        return False
    if rollout.policy.on_regression is OnRegression.PAUSE:
        if rollout.phase is not Phase.PAUSED:
            turn.pause(verdict.reason)
            return True
        return False
    turn.record(Event.REGRESSED, f"regression at {turn.place}: {short(verdict.reason)}")
    turn.back(Event.REGRESSED, verdict.reason, remember=True)
    return True


def _off_plan(turn: Turn) -> bool:
    """Live weights that nobody planned: a lowered one is an answer and stays, a raised one goes back."""
    rollout, seen = turn.rollout, turn.seen
    if rollout.phase in (Phase.PENDING, Phase.ROLLING_BACK):
        return False
    wanted = expected(rollout)
    off = {ref: live for ref, live in seen.live.items() if live is not None and live != wanted[ref]}
    if not off or rollout.phase is Phase.PROMOTING:
        if off:
            turn.set_weights()
        return bool(off)
    lowered = [
        m.ref
        for m in rollout.members
        if m.ref in off and m.ref not in seen.behind and _lower(off[m.ref], wanted[m.ref], m.base.split, m.target.split)
    ]
    if lowered:
        ref = lowered[0]
        reason = f"{ref} has {off[ref]} where {wanted[ref]} was planned: somebody lowered it by hand"
        turn.pause(reason, held=tuple((r, s) for r, s in seen.live.items() if s is not None))
        return True
    turn.set_weights()
    turn.wait("weights off the plan are put back")
    return True


def _lower(live: Split, wanted: Split, base: Split, target: Split) -> bool:
    return any(live.share(d) < wanted.share(d) for d in base.rising(target))


_FIRST: tuple[Callable[[Turn], bool], ...] = (_gone, _retargeted, asked, _superseded, _regressed, _off_plan)
"""What goes before the phase's own step, in this order; the first that acts ends the turn."""
