"""The state machine of a rollout: total, deterministic, no I/O, no clock.

Pending ─► Verifying ─► Baking ─► (next step: Verifying) … ─► Promoting ─► Watching ─► Succeeded
│           │                                       │           │
└───────────┴──► Paused                             └───────────┴─► RollingBack ─► RolledBack
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gitops_mesh.model.measurements import Outcome
from gitops_mesh.model.policy import OnInconclusive, OnRegression
from gitops_mesh.model.rollouts import Event, Phase, Rollout, Verb
from gitops_mesh.model.routes import Split
from gitops_mesh.rollout.observation import Accept, Command, Finish, Observation, Reject
from gitops_mesh.rollout.turn import Turn, expected, weights

__all__ = ["advance", "expected"]


def advance(rollout: Rollout, seen: Observation) -> tuple[Rollout, tuple[Command, ...]]:
    """One tick: what the rollout becomes, and what has to be done for it, in one write with it."""
    turn = Turn(replace(rollout, evidence=seen.evidence), seen)
    if rollout.phase.is_terminal:
        turn.commands.append(Finish())
    elif not any(look(turn) for look in _FIRST):
        _PHASES[turn.rollout.phase](turn)
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
    leader = turn.rollout.members[0]
    turn.record(Event.RETARGETED, f"now on the way to {leader.target.split}: {turn.seen.retargeted}")
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
    turn.record(Event.REGRESSED, f"regression at {_place(turn)}: {_short(verdict.reason)}")
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


def _pending(turn: Turn) -> None:
    waits = turn.seen.blocked or turn.target_unready() or turn.base_unready()
    if not waits and turn.seen.outbox_full:
        waits = "the ledger has not taken earlier entries yet"
    if waits:
        turn.wait(waits)
        _expire(turn, 0.0)
        return
    leader = turn.rollout.members[0]
    turn.walk_to(_next(turn.rollout))
    turn.record(Event.STARTED, f"{leader.base.split} → {leader.target.split}: {_place(turn)}")


def _verifying(turn: Turn) -> None:
    if turn.seen.applied and turn.rollout.policy.analysis.judge != "none":
        turn.wait(turn.seen.applied)
        _expire(turn, 0.0)
        return
    turn.enter(Phase.BAKING)
    turn.rollout = replace(turn.rollout, step_since=turn.seen.now)


def _baking(turn: Turn) -> None:
    rollout, seen = turn.rollout, turn.seen
    bake = rollout.policy.steps[rollout.step].bake
    if seen.now - rollout.since < bake:
        turn.wait(f"baking: {seen.verdict.reason}")
        return
    waits = "" if turn.judged else seen.verdict.reason
    waits = waits or turn.target_unready() or turn.base_unready()
    if not waits and seen.outbox_full:
        waits = "the ledger has not taken earlier entries yet"
    if waits:
        turn.wait(f"held: {waits}")
        _expire(turn, bake)
        return
    if rollout.policy.analysis.judge == "none":
        turn.rollout = replace(turn.rollout, unjudged=True)
    _step(turn)


def _promoting(turn: Turn) -> None:
    turn.enter(Phase.WATCHING)


def _watching(turn: Turn) -> None:
    rollout, seen = turn.rollout, turn.seen
    if seen.now - rollout.since < rollout.policy.watch:
        turn.wait(f"watching: {seen.verdict.reason}")
        return
    if not turn.judged and not rollout.unjudged:
        turn.wait(f"held: {seen.verdict.reason}")
        _expire(turn, rollout.policy.watch)
        return
    turn.commands.append(Accept(tuple(m.ref for m in rollout.members)))
    turn.record(Event.SUCCEEDED, f"{rollout.members[0].target.split} is accepted")
    turn.finish(Phase.SUCCEEDED)


def _paused(turn: Turn) -> None:
    if turn.seen.now - turn.rollout.since >= turn.rollout.policy.pause_deadline:
        turn.record(Event.EXPIRED, f"nobody resumed: {turn.rollout.reason}")
        turn.back(Event.EXPIRED, "the pause's deadline passed", remember=False)


def _rolling_back(turn: Turn) -> None:
    rollout, seen = turn.rollout, turn.seen
    astray = [m.ref for m in rollout.members if seen.live.get(m.ref) not in (None, m.base.split)]
    if astray:
        unready = turn.base_unready()
        if unready:
            turn.wait(f"cannot go back: {unready}")
        else:
            turn.set_weights()
        return
    outcome = rollout.outcome or Event.REGRESSED
    refs = tuple(m.ref for m in rollout.members)
    if rollout.remember:
        turn.commands.append(Reject(refs, rollout.reason))
    superseded = outcome is Event.SUPERSEDED
    back = f"back at {rollout.members[0].base.split}"
    turn.record(Event.SUPERSEDED if superseded else Event.ROLLED_BACK, f"{back}: {_short(rollout.reason)}")
    turn.finish(Phase.SUPERSEDED if superseded else Phase.ROLLED_BACK)


_PHASES: Mapping[Phase, Callable[[Turn], None]] = {
    Phase.PENDING: _pending,
    Phase.VERIFYING: _verifying,
    Phase.BAKING: _baking,
    Phase.PROMOTING: _promoting,
    Phase.WATCHING: _watching,
    Phase.PAUSED: _paused,
    Phase.ROLLING_BACK: _rolling_back,
}


def _expire(turn: Turn, allowed: float) -> None:
    """End a hold whose deadline passed as the policy says."""
    rollout = turn.rollout
    if turn.seen.now - rollout.since < allowed + rollout.policy.hold_deadline:
        return
    if rollout.policy.on_inconclusive is OnInconclusive.PAUSE:
        turn.pause(f"no evidence before the deadline: {rollout.reason}")
        return
    turn.record(Event.EXPIRED, f"no evidence before the deadline: {rollout.reason}")
    turn.back(Event.EXPIRED, rollout.reason, remember=False)


def _step(turn: Turn, *, by: str = "") -> None:
    """One step forward; the last one is the promotion. The evidence that allowed it goes into the entry."""
    turn.walk_to(_next(turn.rollout))
    event = Event.PROMOTED if turn.rollout.phase is Phase.PROMOTING else Event.STEPPED
    turn.record(event, f"{_place(turn)}, promoted by {by}" if by else _place(turn), by=by)


def _next(rollout: Rollout) -> int:
    """The next step that changes the weights; of equal ones the last, with its bake."""
    steps = rollout.policy.steps
    index = min(rollout.step + 1, len(steps) - 1)
    here = weights(rollout, rollout.step)
    while index + 1 < len(steps) and weights(rollout, index) in (here, weights(rollout, index + 1)):
        index += 1
    return index


def _place(turn: Turn) -> str:
    rollout = turn.rollout
    split: Split = expected(rollout)[rollout.leader]
    return f"step {rollout.step + 1} of {len(rollout.policy.steps)} ({split})"


def _short(reason: str) -> str:
    """A reason's first clause: the ledger has all of it in the entry's body."""
    return reason.partition(";")[0]


def _asked(turn: Turn) -> bool:
    """An operator's request, handled once."""
    request = turn.seen.request
    if request is None or request.id == turn.rollout.request:
        return False
    turn.rollout = replace(turn.rollout, request=request.id, by=request.by)
    handler = _VERBS.get((request.verb, turn.rollout.phase)) or _VERBS.get((request.verb, None))
    if handler is None or turn.rollout.phase is Phase.ROLLING_BACK:
        turn.wait(f"{request.verb} by {request.by} means nothing while {turn.rollout.phase}")
        return False
    handler(turn, request.by)
    return True


def _abort(turn: Turn, by: str) -> None:
    turn.record(Event.ABORTED, f"aborted by {by} at {_place(turn)}", by=by)
    turn.back(Event.ABORTED, f"aborted by {by}", remember=True)


def _pause(turn: Turn, by: str) -> None:
    turn.pause(f"paused by {by}", by=by)


def _resume(turn: Turn, by: str) -> None:
    """Go on where it was; after a hand-lowered weight, from the highest step that is not above it."""
    rollout = turn.rollout
    if rollout.held:
        member = rollout.members[0]
        live = dict(rollout.held).get(member.ref, member.base.split)
        rising = member.base.split.rising(member.target.split)
        below = [
            index
            for index in range(len(rollout.policy.steps) - 1)
            if all(weights(rollout, index)[member.ref].share(d) <= live.share(d) for d in rising)
        ]
        turn.walk_to(max(below, default=0))
    else:
        turn.enter(rollout.paused_from or Phase.VERIFYING)
        turn.rollout = replace(turn.rollout, paused_from=None)
    turn.record(Event.RESUMED, f"resumed by {by} at {_place(turn)}", by=by)


def _promote(turn: Turn, by: str) -> None:
    turn.rollout = replace(turn.rollout, unjudged=True)
    _step(turn, by=by)


def _promote_full(turn: Turn, by: str) -> None:
    turn.rollout = replace(turn.rollout, unjudged=True)
    turn.walk_to(len(turn.rollout.policy.steps) - 1)
    turn.record(Event.PROMOTED, f"{_place(turn)}, promoted by {by}", by=by)


_MOVING = (Phase.PENDING, Phase.VERIFYING, Phase.BAKING)
_VERBS: Mapping[tuple[Verb, Phase | None], Callable[[Turn, str], None]] = {
    (Verb.ABORT, None): _abort,
    **{(Verb.PAUSE, phase): _pause for phase in _MOVING},
    (Verb.RESUME, Phase.PAUSED): _resume,
    **{(Verb.PROMOTE, phase): _promote for phase in (*_MOVING, Phase.PAUSED)},
    **{(Verb.PROMOTE_FULL, phase): _promote_full for phase in (*_MOVING, Phase.PAUSED)},
}
_FIRST: tuple[Callable[[Turn], bool], ...] = (_gone, _retargeted, _asked, _superseded, _regressed, _off_plan)
"""What goes before the phase's own step, in this order; the first that acts ends the turn."""
