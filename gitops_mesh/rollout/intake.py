"""From planned shifts to rollouts: what begins, what is put back at once, what gives way, what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gitops_mesh.model.measurements import Evidence
from gitops_mesh.model.plan import Shift
from gitops_mesh.model.policy import RolloutPolicy
from gitops_mesh.model.rollouts import Cause, Event, Member, Phase, Rollout
from gitops_mesh.model.routes import Destination, RouteRef, Split, SplitRecord
from gitops_mesh.rollout.turn import expected, weights


@dataclass(frozen=True, slots=True)
class ShiftRequest:
    """One planned shift with all that decides how it goes."""

    scope: str
    shift: Shift
    policy: RolloutPolicy
    cause: Cause
    history: tuple[SplitRecord, ...]
    """The last accepted splits of the route, newest first."""
    rejected: bool
    """This release failed before, and nobody said `retry`."""
    immediate: bool
    """The merge carries `Rollout: immediate`, and the policy allows it."""
    unready: Mapping[Destination, str]


@dataclass(frozen=True, slots=True)
class Begin:
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class Apply:
    """Shifts that are written at once."""

    scope: str
    shifts: tuple[Shift, ...]
    event: Event
    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Supersede:
    rollout_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retarget:
    """The same rollout with another target, in place."""

    rollout: Rollout
    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not shifted for now; HEAD diverges."""

    ref: RouteRef
    reason: str


Decision = Begin | Apply | Supersede | Retarget | Refuse


def intake(requests: Sequence[ShiftRequest], open_: Sequence[Rollout], now: float) -> tuple[Decision, ...]:
    """What to do about the shifts of a plan, given the rollouts under way."""
    asked = {request.shift.ref: request for request in requests}
    held = {member.ref: rollout for rollout in open_ for member in rollout.members}
    decisions: list[Decision] = [d for rollout in open_ for d in _open(rollout, asked, now)]
    fresh = [request for ref, request in asked.items() if ref not in held]
    walked: list[ShiftRequest] = []
    for request in fresh:
        decision = _at_once(request)
        if decision is None:
            walked.append(request)
        else:
            decisions.append(decision)
    decisions += [Begin(_rollout(group, now)) for group in _groups(walked)]
    return tuple(decisions)


def blocker(rollout: Rollout, open_: Sequence[Rollout]) -> str:
    """Why a Pending rollout waits: another one already raises a destination of its."""
    if rollout.phase is not Phase.PENDING:
        return ""
    mine = _rising(rollout)
    for other in open_:
        if other.id == rollout.id or not mine & _rising(other):
            continue
        if other.phase is not Phase.PENDING or (other.since, other.id) < (rollout.since, rollout.id):
            common = ", ".join(str(d) for d in sorted(mine & _rising(other)))
            return f"rollout {other.id} already raises {common}"
    return ""


def _open(rollout: Rollout, asked: Mapping[RouteRef, ShiftRequest], now: float) -> Iterator[Decision]:
    """What a plan means to a rollout under way: nothing, as long as it asks for the same."""
    if rollout.phase is Phase.ROLLING_BACK:
        return
    wanted = {m.ref: asked[m.ref].shift.target for m in rollout.members if m.ref in asked}
    if len(wanted) < len(rollout.members):
        yield Supersede(rollout.id, "HEAD asks for the accepted split again")
    elif any(wanted[m.ref] != m.target for m in rollout.members):
        if _lowers(rollout, wanted):
            if not any(asked[ref].unready for ref in wanted):
                yield Retarget(_lowered(rollout, wanted, asked, now), "it only lowers what is not accepted yet")
        elif _retargets(rollout, wanted):
            yield Retarget(_retargeted(rollout, wanted, asked, now), "HEAD asks for another share of the same release")
        else:
            yield Supersede(rollout.id, "HEAD asks for another release")


def _retargets(rollout: Rollout, wanted: Mapping[RouteRef, SplitRecord]) -> bool:
    """Whether the same destinations, with the same labels, rise to another share."""
    walking = rollout.phase in (Phase.PENDING, Phase.VERIFYING, Phase.BAKING)
    return walking and all(_raised(m.base, wanted[m.ref]) == _raised(m.base, m.target) for m in rollout.members)


def _lowers(rollout: Rollout, wanted: Mapping[RouteRef, SplitRecord]) -> bool:
    """Whether, from the weights of now, nothing rises but what the last accepted split has: a retreat."""
    under_way = rollout.phase in (Phase.VERIFYING, Phase.BAKING, Phase.PAUSED)
    live = expected(rollout)
    return under_way and all(
        live[m.ref].rising(wanted[m.ref].split) <= m.base.split.destinations and _labels_stand(m.target, wanted[m.ref])
        for m in rollout.members
    )


def _labels_stand(before: SplitRecord, after: SplitRecord) -> bool:
    """Whether no subset that both have means other endpoints now."""
    labels = dict(before.labels)
    return all(labels.get(destination, found) == found for destination, found in after.labels)


def _lowered(
    rollout: Rollout, wanted: Mapping[RouteRef, SplitRecord], asked: Mapping[RouteRef, ShiftRequest], now: float
) -> Rollout:
    """The rollout at its new target at once; it is watched there like any other."""
    members = tuple(replace(m, target=wanted[m.ref]) for m in rollout.members)
    return replace(
        rollout,
        members=members,
        cause=asked[rollout.leader].cause,
        step=len(rollout.policy.steps) - 1,
        phase=Phase.PROMOTING,
        since=now,
        held=(),
        paused_from=None,
        evidence=Evidence(before=rollout.evidence.before),
    )


def _raised(base: SplitRecord, target: SplitRecord) -> dict[Destination, object]:
    """The destinations that rise, and the labels that they have in the target."""
    labels = dict(target.labels)
    return {d: labels.get(d) for d in base.split.rising(target.split)}


def _retargeted(
    rollout: Rollout, wanted: Mapping[RouteRef, SplitRecord], asked: Mapping[RouteRef, ShiftRequest], now: float
) -> Rollout:
    live = expected(rollout)
    members = tuple(replace(m, target=wanted[m.ref]) for m in rollout.members)
    moved = replace(rollout, members=members, cause=asked[rollout.leader].cause)
    step = max((i for i in range(rollout.step + 1) if _not_above(moved, i, live)), default=-1)
    phase = Phase.PENDING if step < 0 else Phase.VERIFYING
    return replace(moved, step=step, phase=phase, since=now, evidence=Evidence(before=rollout.evidence.before))


def _not_above(rollout: Rollout, step: int, live: Mapping[RouteRef, Split]) -> bool:
    planned = weights(rollout, step)
    return all(
        planned[m.ref].share(d) <= live[m.ref].share(d)
        for m in rollout.members
        for d in m.base.split.rising(m.target.split)
    )


def _at_once(request: ShiftRequest) -> Apply | Refuse | None:
    """What needs no walk: a retreat, an honoured `Rollout: immediate`, a release that failed before."""
    shift = request.shift
    retreats = shift.target in request.history
    unready = [f"{d}: {why}" for d, why in sorted(request.unready.items())]
    if retreats or request.immediate:
        if unready:
            return Refuse(shift.ref, f"waits for endpoints: {'; '.join(unready)}")
        event = Event.RETREATED if retreats else Event.IMMEDIATE
        why = "accepted before" if retreats else "Rollout: immediate"
        reason = f"{shift.base.split} → {shift.target.split} at once ({why})"
        return Apply(request.scope, (shift,), event, request.cause, reason)
    if request.rejected:
        return Refuse(shift.ref, f"{shift.target.split} failed before and is not tried again; change it or say `retry`")
    return None


def _groups(requests: Sequence[ShiftRequest]) -> list[list[ShiftRequest]]:
    """Shifts of one scope that raise a common destination move in step: nobody could judge them apart."""
    raising: dict[tuple[str, Destination], list[ShiftRequest]] = {}
    """Each destination's group; the same list for all that its members raise."""
    groups: dict[int, list[ShiftRequest]] = {}
    for request in requests:
        shift = request.shift
        places = [(request.scope, d) for d in sorted(shift.base.split.rising(shift.target.split))]
        mine = {id(group): group for place in places if (group := raising.get(place)) is not None}
        merged = [*(other for group in mine.values() for other in group), request]
        groups = {at: group for at, group in groups.items() if at not in mine} if mine else groups
        groups[id(merged)] = merged
        others = [place for place, group in raising.items() if id(group) in mine] if mine else []
        raising |= dict.fromkeys([*places, *others], merged)
    return list(groups.values())


def _rollout(group: Sequence[ShiftRequest], now: float) -> Rollout:
    ordered = sorted(group, key=lambda request: request.shift.ref)
    members = tuple(Member(r.shift.ref, r.shift.base, r.shift.target) for r in ordered)
    first = ordered[0]
    facts = (first.scope, first.cause.revision, now, *(repr((m.ref, m.base, m.target)) for m in members))
    identity = hashlib.sha256("\0".join(map(str, facts)).encode()).hexdigest()[:10]
    return Rollout(identity, first.scope, members, first.policy, first.cause, since=now)


def _rising(rollout: Rollout) -> set[Destination]:
    return {d for m in rollout.members for d in m.base.split.rising(m.target.split)}
