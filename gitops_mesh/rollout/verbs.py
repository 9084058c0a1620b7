"""What operators ask for, each handled once and told by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gitops_mesh.model.rollouts import Event, Phase, Verb
from gitops_mesh.rollout.turn import Turn, weights


def asked(turn: Turn) -> bool:
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
    turn.record(Event.ABORTED, f"aborted by {by} at {turn.place}", by=by)
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
    turn.record(Event.RESUMED, f"resumed by {by} at {turn.place}", by=by)


def _promote(turn: Turn, by: str) -> None:
    turn.rollout = replace(turn.rollout, unjudged=True)
    turn.step(by=by)


def _promote_full(turn: Turn, by: str) -> None:
    turn.rollout = replace(turn.rollout, unjudged=True)
    turn.walk_to(len(turn.rollout.policy.steps) - 1)
    turn.record(Event.PROMOTED, f"{turn.place}, promoted by {by}", by=by)


_MOVING = (Phase.PENDING, Phase.VERIFYING, Phase.BAKING)
_VERBS: Mapping[tuple[Verb, Phase | None], Callable[[Turn, str], None]] = {
    (Verb.ABORT, None): _abort,
    **{(Verb.PAUSE, phase): _pause for phase in _MOVING},
    (Verb.RESUME, Phase.PAUSED): _resume,
    **{(Verb.PROMOTE, phase): _promote for phase in (*_MOVING, Phase.PAUSED)},
    **{(Verb.PROMOTE_FULL, phase): _promote_full for phase in (*_MOVING, Phase.PAUSED)},
}
