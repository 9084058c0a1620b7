"""What each phase does by itself, when nothing else comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gitops_mesh.model.policy import OnInconclusive
from gitops_mesh.model.rollouts import Event, Phase
from gitops_mesh.rollout.observation import Accept, Reject
from gitops_mesh.rollout.turn import Turn, following, short


def _pending(turn: Turn) -> None:
    waits = turn.seen.blocked or turn.target_unready() or turn.base_unready()
    if not waits and turn.seen.outbox_full:
        waits = "the ledger has not taken earlier entries yet"
    if waits:
        turn.wait(waits)
        _expire(turn, 0.0)
        return
    leader = turn.rollout.members[0]
    turn.walk_to(following(turn.rollout))
    turn.record(Event.STARTED, f"{leader.base.split} → {leader.target.split}: {turn.place}")


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
    turn.step()


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
    turn.record(Event.SUPERSEDED if superseded else Event.ROLLED_BACK, f"{back}: {short(rollout.reason)}")
    turn.finish(Phase.SUPERSEDED if superseded else Phase.ROLLED_BACK)


PHASES: Mapping[Phase, Callable[[Turn], None]] = {
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
