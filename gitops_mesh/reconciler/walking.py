"""Walking open rollouts: observe, advance, write weights and state together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from gitops_mesh.analysis.evidence import accumulate
from gitops_mesh.analysis.judge import judge
from gitops_mesh.analysis.split_check import applied
from gitops_mesh.errors import ClusterError, Unreachable
from gitops_mesh.mesh.routes import routes
from gitops_mesh.model.measurements import Evidence, Reading, Verdict
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.plan import InFlight
from gitops_mesh.model.rollouts import Phase, Request, Rollout, Verb
from gitops_mesh.model.routes import Destination, RouteRef, Split
from gitops_mesh.ports import Clock, Cluster, Metrics
from gitops_mesh.reconciler.commands import Pen
from gitops_mesh.reconciler.drafts import Draft
from gitops_mesh.reconciler.picture import Picture
from gitops_mesh.reconciler.recording import Recorder, Written
from gitops_mesh.rollout.intake import Retarget, blocker
from gitops_mesh.rollout.machine import advance, expected
from gitops_mesh.rollout.observation import Command, Observation, SetWeights

CHECKPOINT = 60.0
"""Seconds after which evidence that is only in memory is written to the object."""


@dataclass(slots=True)
class Orders:
    """What the plan says to open rollouts, by rollout id."""

    supersede: dict[str, str] = field(default_factory=dict)
    retarget: dict[str, Retarget] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """What memory has of a rollout beyond its last write: it as it would be written, and its last verdict."""

    rollout: Rollout
    verdict: Verdict
    written: float
    """When it was written last."""
    lines: list[str] = field(default_factory=list)
    """The increments since its last entry, for the ledger."""


@dataclass(frozen=True, slots=True)
class Look:
    """What all rollouts of a tick are observed with."""

    picture: Picture
    orders: Orders
    open: tuple[Rollout, ...]
    reading: Reading | None
    unready: Mapping[Destination, str]
    now: float
    senders: Mapping[Destination, Collection[RouteRef]]
    """Who sends traffic to each destination, where the metrics cannot tell routes apart."""


@dataclass(frozen=True, slots=True)
class Move:
    """One rollout's tick: before (with the evidence of now), after, and why."""

    before: Rollout
    after: Rollout
    verdict: Verdict
    commands: tuple[Command, ...]


class Walker:
    """Advances every open rollout by one tick."""

    def __init__(self, cluster: Cluster, metrics: Metrics, recorder: Recorder, clock: Clock) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._recorder = recorder
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        self._read_at = float("-inf")
        self._shared = False
        """Whether the latest reading counted by destination, whatever the route."""

    def latest(self, rollout: Rollout) -> tuple[Rollout, Verdict | None]:
        """The rollout with what memory has beyond the last write, and the verdict on it."""
        seen = self._seen.get(rollout.id)
        return (seen.rollout, seen.verdict) if seen else (rollout, None)

    def forget(self) -> None:
        """Drop what memory has of rollouts: another process went on with them since."""
        self._seen.clear()
        self._read_at = float("-inf")

    def walk(self, picture: Picture, orders: Orders, desired: Mapping[ObjectKey, Tree]) -> Written:
        """One step of time for all rollouts; what was written. Raises Unreachable."""
        open_ = (*(self._recall(rollout, orders) for rollout in picture.rollouts), *picture.orphans)
        if not open_:
            self._seen.clear()
            return Written()
        look = self._look(picture, orders, open_)
        pen = Pen(picture, desired, self._recorder, look.now)
        moves = [self._move(rollout, look) for rollout in open_]
        for move in moves:
            if self._must_write(move, look):
                seen = self._seen.get(move.before.id)
                pen.put(move.before, move.after, move.commands, seen.lines if seen else ())
        try:
            written = self._recorder.write(_in_order(pen.drafts, moves))
        except Unreachable as error:
            failed = [(key, ClusterError(error.message)) for key in pen.drafts]
            self._remember(moves, Written(failed=failed), pen.drafts, look.now)
            raise
        self._remember(moves, written, pen.drafts, look.now)
        if any(isinstance(command, SetWeights) for move in moves for command in move.commands):
            self._read_afresh([move.after for move in moves], look.now)
        return written

    def _recall(self, rollout: Rollout, orders: Orders) -> Rollout:
        """As written, with the evidence that came since; or retargeted, with evidence afresh."""
        if rollout.id in orders.retarget:
            return orders.retarget[rollout.id].rollout
        seen = self._seen.get(rollout.id)
        if seen and (seen.rollout.step, seen.rollout.sequence) == (rollout.step, rollout.sequence):
            return replace(rollout, evidence=seen.rollout.evidence)
        return rollout

    def _look(self, picture: Picture, orders: Orders, open_: tuple[Rollout, ...]) -> Look:
        now = self._clock.now()
        destinations = {destination for _, destination in _watched(open_)}
        unready = self._cluster.unready(destinations)
        reading = self._reading(open_, now)
        self._shared = reading.shared if reading is not None else self._shared
        return Look(picture, orders, open_, reading, unready, now, _senders(picture) if self._shared else {})

    def _reading(self, open_: Sequence[Rollout], now: float) -> Reading | None:
        moving = [rollout for rollout in open_ if rollout.phase is not Phase.PENDING]
        due = self._read_at + min((r.policy.analysis.interval for r in moving), default=float("inf"))
        if now < due or not moving:
            return None
        self._read_at = now
        return self._metrics.read(_watched(moving))

    def _read_afresh(self, open_: Sequence[Rollout], now: float) -> None:
        """Begin counting anew where weights were written, so that no step counts another step's requests."""
        self._metrics.read(_watched(open_))
        self._read_at = now

    def _move(self, rollout: Rollout, look: Look) -> Move:
        observed = self._observe(rollout, look)
        before = replace(rollout, evidence=observed.evidence)
        after, commands = advance(before, observed)
        return Move(before, after, observed.verdict, commands)

    def _observe(self, rollout: Rollout, look: Look) -> Observation:
        evidence = rollout.evidence
        if look.reading is not None and rollout.phase is not Phase.PENDING:
            evidence = accumulate(evidence, look.reading, rollout.members)
            self._note(rollout, look.reading)
        orphan = "the object that leads it is gone" if rollout in look.picture.orphans else ""
        leader = look.picture.objects.get(rollout.leader.key)
        return Observation(
            now=look.now,
            live={m.ref: _live_split(look.picture, m.ref) for m in rollout.members},
            verdict=judge(evidence, rollout.policy, look.now),
            evidence=evidence,
            unready=look.unready,
            request=_request(look.picture, rollout),
            supersede=look.orders.supersede.get(rollout.id, orphan),
            retargeted=look.orders.retarget[rollout.id].reason if rollout.id in look.orders.retarget else "",
            blocked=blocker(rollout, look.open),
            outbox_full=leader is not None and self._recorder.is_full(leader.state.outbox),
            behind=_behind(look.picture, rollout),
            applied=applied(rollout.members, expected(rollout), evidence, mixed=_mixed(rollout, look.senders)),
        )

    def _note(self, rollout: Rollout, reading: Reading) -> None:
        seen = self._seen.get(rollout.id)
        if seen is None:
            return
        refs = {m.ref for m in rollout.members}
        counts = [
            {"route": str(m.ref), "to": str(m.destination), "requests": m.counts.requests, "errors": m.counts.errors}
            for m in reading.measurements
            if m.ref in refs and m.counts.requests
        ]
        line = {"at": reading.at, "step": rollout.step, "problem": reading.problem, "counts": counts}
        seen.lines.append(orjson.dumps(line).decode())

    def _must_write(self, move: Move, look: Look) -> bool:
        if move.commands or _steady(move.before) != _steady(move.after):
            return True
        seen = self._seen.get(move.before.id)
        return seen is not None and look.now - seen.written >= CHECKPOINT

    def _remember(self, moves: Sequence[Move], written: Written, drafts: Mapping[ObjectKey, Draft], now: float) -> None:
        failed = {key for key, _ in written.failed}
        open_ = {}
        for move in moves:
            keys = {m.ref.key for m in move.after.members}
            rollout = move.before if keys & failed else move.after
            old = self._seen.get(move.before.id)
            wrote = bool(keys & drafts.keys()) and not keys & failed
            told = any(move.before.id in drafts[key].jsonl for key in keys & drafts.keys())
            lines = [] if old is None or (told and wrote) else old.lines
            if not rollout.phase.is_terminal:
                open_[rollout.id] = Seen(rollout, move.verdict, now if wrote or old is None else old.written, lines)
        self._seen = open_


def in_flight(picture: Picture) -> list[InFlight]:
    """The routes between their base and their target, and the split each should have now."""
    return [
        InFlight(m.ref, rollout.id, m.base, m.target, now[m.ref])
        for rollout in picture.rollouts
        for now in (expected(rollout),)
        for m in rollout.members
    ]


def _watched(rollouts: Sequence[Rollout]) -> set[tuple[RouteRef, Destination]]:
    return {
        (m.ref, destination)
        for rollout in rollouts
        for m in rollout.members
        for destination in m.base.split.destinations | m.target.split.destinations
    }


def _senders(picture: Picture) -> dict[Destination, set[RouteRef]]:
    found: dict[Destination, set[RouteRef]] = {}
    for key, known in picture.objects.items():
        for route in routes(known.live.body) if known.live else ():
            for destination, _ in route.split.shares:
                found.setdefault(destination, set()).add(RouteRef(key, route.id))
    return found


def _mixed(rollout: Rollout, senders: Mapping[Destination, Collection[RouteRef]]) -> bool:
    """Whether routes outside the rollout send requests to its destinations too."""
    own = {m.ref for m in rollout.members}
    places = {d for m in rollout.members for d in m.base.split.destinations | m.target.split.destinations}
    return any(not own.issuperset(senders.get(place, ())) for place in places)


def _live_split(picture: Picture, ref: RouteRef) -> Split | None:
    known = picture.objects.get(ref.key)
    if known is None or known.live is None:
        return None
    return next((route.split for route in routes(known.live.body) if route.id == ref.route), None)


def _behind(picture: Picture, rollout: Rollout) -> frozenset[RouteRef]:
    """The members whose own copy is of another step: their last write did not come through."""
    held = {
        m.ref: known.state.rollouts.get(m.ref.route)
        for m in rollout.members
        if (known := picture.objects.get(m.ref.key))
    }
    return frozenset(ref for ref, copy in held.items() if copy is None or copy.step != rollout.step)


def _request(picture: Picture, rollout: Rollout) -> Request | None:
    """The operator's request that is for this rollout."""
    leader = picture.objects.get(rollout.leader.key)
    request = leader.state.request if leader else None
    if request is None or request.verb is Verb.RETRY or request.rollout not in ("", rollout.id):
        return None
    return request


def _steady(rollout: Rollout) -> Rollout:
    """The rollout without what changes at every look."""
    return replace(rollout, evidence=Evidence(), reason="")


def _in_order(drafts: Mapping[ObjectKey, Draft], moves: Sequence[Move]) -> list[Draft]:
    """Rollbacks first; a leader goes first, but last when its rollout ends, so that no member is orphaned."""
    back = {m.ref.key for move in moves if move.after.phase is Phase.ROLLING_BACK for m in move.after.members}
    ending = {move.after.leader.key for move in moves if move.after.phase.is_terminal}
    leading = {move.after.leader.key for move in moves}
    return sorted(drafts.values(), key=lambda d: (d.key not in back, d.key in ending, d.key not in leading, d.key))
