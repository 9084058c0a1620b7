"""Admitting what moves no traffic, cutting over what cannot be walked, and beginning rollouts: wave by wave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from gitops_mesh.errors import ClusterError
from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.mesh.weights import with_splits
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import LiveObject, ObjectKey, Tree
from gitops_mesh.model.plan import Change, Create, Cutover, Delete, Drift, ObjectPlan, Plan, Update
from gitops_mesh.model.rollouts import Event, Rollout, Verb
from gitops_mesh.model.routes import RouteRef, Split
from gitops_mesh.model.state import ObjectState
from gitops_mesh.plan.ignored import DriftRules, kept
from gitops_mesh.plan.sentences import sentences
from gitops_mesh.ports import Clock
from gitops_mesh.reconciler.desired import Desired
from gitops_mesh.reconciler.drafts import Draft, accept, draft_of, hold, of_object, tell, weights_text
from gitops_mesh.reconciler.entries import operation
from gitops_mesh.reconciler.picture import Known, Picture
from gitops_mesh.reconciler.recording import Recorder, Written
from gitops_mesh.reconciler.rehearsal import Rehearsal
from gitops_mesh.reconciler.walking import in_flight
from gitops_mesh.rollout.intake import Apply, Begin

UNJUDGED = (Event.CUTOVER, Event.IMMEDIATE)


@dataclass(slots=True)
class Starts:
    """What the intake decided of new shifts."""

    begin: tuple[Begin, ...] = ()
    apply: tuple[Apply, ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """What all waves of one pass are made from."""

    plan: Plan
    picture: Picture
    desired: Desired
    starts: Starts
    flight: Mapping[RouteRef, Split]
    """The split that every route in flight should have now."""
    index: MeshIndex
    """What the accepted objects define once this pass is through."""

    @staticmethod
    def of(plan: Plan, picture: Picture, desired: Desired, starts: Starts) -> Pass:
        bodies: dict[ObjectKey, Tree] = {k: known.accepted for k, known in picture.objects.items() if known.accepted}
        bodies |= {op.key: op.admitted for op in plan.objects if op.admitted is not None}
        flight = {flying.ref: flying.now for flying in in_flight(picture)}
        return Pass(plan, picture, desired, starts, flight, MeshIndex.of(bodies.values()))


@dataclass(slots=True)
class _Told:
    """What one object's part of a wave is about, by event."""

    said: dict[Event, list[str]] = field(default_factory=dict)

    def add(self, event: Event, clause: str) -> None:
        self.said.setdefault(event, []).append(clause)


@dataclass(frozen=True, slots=True)
class _Part:
    """One object's part of a wave."""

    draft: Draft
    told: _Told


class Admission:
    """Writes what a plan admits at once."""

    def __init__(self, recorder: Recorder, rehearsal: Rehearsal, clock: Clock, drift: DriftRules) -> None:
        self._recorder = recorder
        self._rehearsal = rehearsal
        self._clock = clock
        self._drift = drift

    def admit(self, now: Pass, busy: Iterable[ObjectKey]) -> Written:
        """All waves in order, each only when the one before went well. Raises Unreachable."""
        full = {key for key, known in now.picture.objects.items() if self._recorder.is_full(known.state.outbox)}
        skipped = {*busy, *full}
        ops = [op for op in now.plan.objects if op.key not in skipped and not _in_the_way(op, now.picture)]
        parts = {op.key: part for op in ops if (part := self._part(op, now))}
        refused = self._rehearsal.refused([(op.scope, parts[op.key].draft) for op in ops if op.key in parts])
        total = Written(refused=[one for found in refused.values() for one in found])
        for _, wave in groupby([op for op in ops if op.scope not in refused], key=lambda op: op.wave):
            written = self._wave(list(wave), parts, now)
            total.done += written.done
            total.failed += written.failed
            if written.failed:
                break
        return total

    def requests(self, picture: Picture, busy: Iterable[ObjectKey]) -> Written:
        """Answer `retry`, and drop requests that no open rollout will ever answer."""
        open_ = {r.id for r in picture.rollouts}
        led = {r.leader.key for r in picture.rollouts}
        drafts = []
        for key, known in picture.objects.items():
            request = known.state.request
            if request is None or key in busy:
                continue
            if request.verb is not Verb.RETRY and (request.rollout in open_ or (not request.rollout and key in led)):
                continue
            draft = draft_of(key, known)
            draft.state = replace(draft.state, request=None)
            if request.verb is Verb.RETRY and known.state.rejected:
                draft.state = replace(draft.state, rejected=())
                sentence = f"{key.name}: rejected releases may be tried again"
                entry = self._entry(operation(request.id), Event.RETRIED, sentence, draft, by=request.by)
                tell(draft, entry)
            drafts.append(draft)
        return self._recorder.write(drafts)

    def _part(self, op: ObjectPlan, now: Pass) -> _Part | None:
        """What is written of an object; nothing when it is deleted, or only waits."""
        if op.admitted is None:
            return None
        clauses = self._clauses(op, now.starts)
        begun = [b.rollout for b in now.starts.begin if any(m.ref.key == op.key for m in b.rollout.members)]
        return _Part(self._draft(op, op.admitted, clauses, begun, now), clauses) if clauses.said or begun else None

    def _wave(self, ops: Sequence[ObjectPlan], parts: Mapping[ObjectKey, _Part], now: Pass) -> Written:
        failed = [error for op in ops if op.admitted is None for error in self._delete(op, now)]
        wave = [parts[op.key] for op in ops if op.key in parts]
        self._tell(wave, now.desired)
        written = self._recorder.write([part.draft for part in wave])
        written.failed += failed
        return written

    @staticmethod
    def _clauses(op: ObjectPlan, starts: Starts) -> _Told:
        """What is done about the object at once, by event."""
        told = _Told()
        events = {Create: Event.CREATED, Update: Event.UPDATED, Cutover: Event.CUTOVER}
        for change in op.changes:
            event = events.get(type(change))
            if isinstance(change, Drift) and (change.missing or change.action == "correct"):
                event = Event.DRIFT_CORRECTED
            if event is not None:
                told.add(event, sentence_of(op, change))
        for apply in starts.apply:
            if any(shift.ref.key == op.key for shift in apply.shifts):
                told.add(apply.event, f"{op.key.name}: {apply.reason}")
        return told

    def _draft(self, op: ObjectPlan, admitted: Tree, told: _Told, begun: Sequence[Rollout], now: Pass) -> Draft:
        known = now.picture.objects.get(op.key) or Known(None, ObjectState(), None)
        draft = draft_of(op.key, known, admitted)
        accepted = admitted if told.said.keys() - {Event.DRIFT_CORRECTED} else draft.accepted
        donors = [tree for tree in (op.desired, draft.body) if tree is not None]
        for apply in now.starts.apply:
            targets = {shift.ref.route: shift.target.split for shift in apply.shifts if shift.ref.key == op.key}
            accepted = with_splits(accepted, targets, donors)
        if known.accepted is None or accepted != draft.accepted:
            revision = now.desired.revisions.get(op.scope, now.desired.head)
            accept(draft, accepted, now.index, revision=revision, blob=self._recorder.keep(accepted))
        manifest = now.desired.manifests.get(op.key)
        origin = manifest.path if manifest else draft.state.origin
        draft.state = replace(draft.state, origin=origin, outbox=self._recorder.unsafe(draft.state.outbox))
        if told.said:
            wanted = with_splits(accepted, of_object(now.flight, op.key), donors)
            draft.body = kept(wanted, known.live.body if known.live else None, self._drift.pointers_on(accepted))
        for rollout in begun:
            hold(draft, rollout)
        return draft

    def _tell(self, parts: Sequence[_Part], desired: Desired) -> None:
        """One entry for each event of the wave, of which each object carries its own part."""
        for event in dict.fromkeys(event for part in parts for event in part.told.said):
            about = [part for part in parts if event in part.told.said]
            versions = [p.draft.known.live.version if p.draft.known.live else "" for p in about]
            wave = operation(event, self._clock.now(), *(p.draft.key for p in about), *versions)
            for part in about:
                sentence = "; ".join(part.told.said[event])
                tell(part.draft, self._entry(wave, event, sentence, part.draft, head=desired.head))

    def _entry(self, wave: str, event: Event, sentence: str, about: Draft, *, head: str = "", by: str = "") -> Entry:
        return Entry(
            operation=wave,
            sequence=1,
            event=event,
            sentence=sentence,
            at=self._clock.now(),
            objects=(about.key,),
            source_commit=head,
            verdict="unjudged" if event in UNJUDGED else "",
            weights=weights_text(about.body),
            by=by,
        )

    def _delete(self, op: ObjectPlan, now: Pass) -> list[tuple[ObjectKey, ClusterError]]:
        known = now.picture.objects.get(op.key)
        due = [c for c in op.changes if isinstance(c, Delete) and not c.waits]
        if not due or known is None or known.live is None:
            return []
        identity = deletion(known.live)
        about = draft_of(op.key, known)
        intent = self._entry(
            identity, Event.DELETING, f"{op.key.name}: {op.key.kind} leaves", about, head=now.desired.head
        )
        done = deleted(intent, op.key)
        error = self._recorder.delete(known, intent, done)
        return [(op.key, error)] if error else []


def deletion(live: LiveObject) -> str:
    """The operation id of deleting this very version, so that a crash in between repeats nothing."""
    return operation("delete", live.key, live.version)


def _in_the_way(op: ObjectPlan, picture: Picture) -> bool:
    """Whether a rollout must give way first: its routes are cut over or deleted."""
    flying = {m.ref for rollout in picture.rollouts for m in rollout.members}
    return bool(flying & touched(op)) or (op.admitted is None and op.key in {ref.key for ref in flying})


def deleted(intent: Entry, key: ObjectKey) -> Entry:
    """The entry that a deletion was carried out, after its intent."""
    return replace(intent, sequence=2, event=Event.DELETED, weights="", sentence=f"{key.name}: {key.kind} deleted")


def touched(op: ObjectPlan) -> set[RouteRef]:
    """The routes whose traffic the object's cutovers move, of this object and of others."""
    cutovers = [change for change in op.changes if isinstance(change, Cutover)]
    own = {RouteRef(op.key, route) for cutover in cutovers for route in cutover.routes}
    return own.union(*(cutover.elsewhere for cutover in cutovers))


def sentence_of(op: ObjectPlan, change: Change) -> str:
    """One change of one object in words."""
    return "; ".join(sentences(Plan((replace(op, changes=(change,)),))))


def held(plan: Plan) -> list[str]:
    """Why parts of the plan wait, in words."""
    return [
        f"{c.key}: not deleted: {c.waits}"
        for op in plan.objects
        for c in op.changes
        if isinstance(c, Delete) and c.waits
    ]
