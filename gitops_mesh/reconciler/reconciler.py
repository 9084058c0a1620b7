"""The pipeline: git → manifests → findings → plan → rollout → cluster → ledger."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from gitops_mesh.errors import ClusterError, Conflict, LedgerError, Unreachable
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import LiveObject, Manifest, ObjectKey
from gitops_mesh.model.plan import ObjectView, Plan
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.settings import Scope
from gitops_mesh.model.state import ObjectState
from gitops_mesh.plan.ignored import DEFAULT, DriftRules
from gitops_mesh.plan.planner import plan as make_plan
from gitops_mesh.ports import Clock, Cluster, Source
from gitops_mesh.reconciler.admission import Admission, Pass, Starts, touched
from gitops_mesh.reconciler.desired import Check, Desired, Reader, resolve, scope_of
from gitops_mesh.reconciler.entries import operation
from gitops_mesh.reconciler.picture import Eye, Known, Picture
from gitops_mesh.reconciler.recording import Recorder
from gitops_mesh.reconciler.recovery import Recovery
from gitops_mesh.reconciler.shifting import Shifting
from gitops_mesh.reconciler.walking import Orders, Walker, in_flight
from gitops_mesh.rollout.intake import Apply, Begin, Decision, Refuse, Retarget, Supersede, intake

log = logging.getLogger(__name__)

PRUNE = "Allow-Prune"
"""The trailer by which a merge allows more deletions than the guard does: `Allow-Prune: yes`."""


@dataclass(slots=True)
class Outcome:
    """What a tick saw and did; what `status` tells."""

    desired: Desired
    picture: Picture
    plan: Plan = field(default_factory=Plan)
    refused: tuple[Refuse, ...] = ()
    problems: tuple[str, ...] = ()
    wrote: bool = False
    waits: bool = False
    """Whether something waits for endpoints, which come without any object changing."""

    @property
    def settled(self) -> bool:
        """Whether only a new commit or a changed object could give the next pass something to do."""
        busy = self.wrote or self.waits or self.picture.rollouts or self.picture.orphans or self.problems
        return not busy and not any(known.state.outbox for known in self.picture.objects.values())


@dataclass(slots=True)
class Reconciler:
    """Drives one cluster to what Git asks for. One decision loop: ticks never overlap."""

    source: Source
    reader: Reader
    check: Check
    cluster: Cluster
    eye: Eye
    recorder: Recorder
    recovery: Recovery
    shifting: Shifting
    walker: Walker
    admission: Admission
    clock: Clock
    scopes: Sequence[Scope]
    drift: DriftRules = DEFAULT
    _desired: Desired | None = None
    _said: frozenset[str] = frozenset()
    """The problems of the pass before, so that each is logged once."""
    _settled: tuple[str, Sequence[LiveObject], Outcome] | None = None
    """HEAD, the objects and the outcome of a pass that left nothing to do: as long as both stay, so does it."""

    def tick(self) -> Outcome:
        """One pass. Raises Unreachable (the cluster is away) and SourceError; nothing is half-applied."""
        desired, objects = self.desired(), self.cluster.objects()
        if self._settled is not None and (desired.head, objects) == self._settled[:2]:
            self.recorder.push()
            return self._settled[2]
        outcome = self._pass(desired, self.eye.picture(objects))
        for problem in set(outcome.problems) - self._said:
            log.error("not written: %s", problem)
        self._said = frozenset(outcome.problems)
        self._settled = (desired.head, objects, outcome) if outcome.settled else None
        return outcome

    def take_over(self) -> None:
        """Begin anew, as the leader of several replicas: with the ledger as others left it, and no memory of our own.

        A remote that is away holds up no rollback. Raises Unreachable; then it is to be called again.
        """
        try:
            self.recorder.follow()
        except LedgerError as error:
            raise Unreachable(error.message, remedy=error.remedy) from error
        self.walker.forget()
        self._settled = None

    def _pass(self, desired: Desired, picture: Picture) -> Outcome:
        if self.recorder.flush(picture) or self.recovery.recover(picture, desired):
            return Outcome(desired, picture, wrote=True)
        plan = self.plan(picture, desired)
        requests = self.shifting.requests(plan, picture, desired)
        decisions = intake(requests, picture.rollouts, self.clock.now())
        bodies = {key: manifest.body for key, manifest in desired.manifests.items()}
        walked = self.walker.walk(picture, _orders(decisions, plan, picture), bodies)
        busy = {known.live.key for known in walked.done if known.live} | {key for key, _ in walked.failed}
        admitted = self.admission.admit(Pass.of(plan, picture, desired, _starts(decisions)), busy)
        asked = self.admission.requests(picture, busy | {k.live.key for k in admitted.done if k.live})
        refusals = self._refusals(admitted.refused, desired)
        return Outcome(
            desired,
            picture,
            plan,
            tuple(d for d in decisions if isinstance(d, Refuse)),
            (*_problems([*walked.failed, *admitted.failed, *asked.failed]), *map(_line, refusals)),
            bool(walked.done or admitted.done or asked.done),
            any(request.unready for request in requests),
        )

    def look(self) -> Outcome:
        """What a tick would see and decide; nothing is written. Raises Unreachable, SourceError."""
        desired = self.desired_at(self.source.head())
        picture = self.eye.look()
        plan = self.plan(picture, desired)
        decisions = intake(self.shifting.requests(plan, picture, desired), picture.rollouts, self.clock.now())
        return Outcome(desired, picture, plan, tuple(d for d in decisions if isinstance(d, Refuse)))

    def desired(self) -> Desired:
        """The desired set at HEAD, computed once for each HEAD."""
        head = self.source.head()
        if self._desired is None or self._desired.head != head:
            self._desired = self.desired_at(head)
            self._tell_rejected(self._desired)
        return self._desired

    def desired_at(self, revision: str) -> Desired:
        """The desired set at any revision. Raises SourceError."""
        return resolve(self.source, self.reader, self.check, self.scopes, revision)

    def plan(self, picture: Picture, desired: Desired) -> Plan:
        """What differs, three ways."""
        allow = self.source.commit(desired.head).trailers.get(PRUNE, "").lower() == "yes"
        return make_plan(self._views(picture, desired), in_flight(picture), allow_prune=allow, rules=self.drift)

    def _views(self, picture: Picture, desired: Desired) -> list[ObjectView]:
        """The three states of every object that is ours or asked for; what was seen but not adopted is left out."""
        ours = {key: known for key, known in picture.objects.items() if known.state.accepted is not None}
        asked = {key for key in desired.manifests if key not in picture.objects}
        nothing = Known(None, ObjectState(), None)
        return [self._view(key, ours.get(key, nothing), desired) for key in sorted(ours.keys() | asked)]

    def _view(self, key: ObjectKey, known: Known, desired: Desired) -> ObjectView:
        manifest = desired.manifests.get(key)
        scope = scope_of(manifest.path if manifest else known.state.origin, self.scopes)
        if manifest is None and known.accepted is not None and scope not in desired.revisions:
            manifest = Manifest(key, known.accepted, known.state.origin)  # no good revision: stay as accepted
        live = known.live.body if known.live else None
        return ObjectView(key, manifest, known.accepted, live, known.state, scope)

    def _refusals(self, refused: Sequence[tuple[ObjectKey, ClusterError]], desired: Desired) -> tuple[Finding, ...]:
        """What the cluster would refuse, each with its place in Git; nothing of those scopes was written."""
        found = []
        for key, error in refused:
            manifest = desired.manifests.get(key)
            said = f"{error.message} (so nothing of its scope is applied)"
            place = (manifest.path, manifest.document, manifest.inside) if manifest else ("", 0, ())
            found.append(Finding("refused", Severity.ERROR, said, *place, object=key, remedy=error.remedy))
        return self.reader.placed(found, desired.head) if found else ()

    def _tell_rejected(self, desired: Desired) -> None:
        """Say in the ledger that a scope's HEAD stays out of the mesh."""
        for scope in self.scopes:
            if desired.revisions.get(scope.name) == desired.head:
                continue
            errors = [f for f in desired.findings if f.is_error and scope_of(f.path, self.scopes) == scope.name]
            if not errors:
                continue
            name = f"scope {scope.name}" if scope.name else "the repository"
            plural = "error" if len(errors) == 1 else "errors"
            self.recorder.note(
                Entry(
                    operation=operation("rejected", scope.name, desired.head),
                    sequence=1,
                    event=Event.REJECTED,
                    sentence=f"{name} stays at its last good revision: {len(errors)} {plural} at {desired.head[:9]}",
                    at=self.clock.now(),
                    objects=tuple(dict.fromkeys(f.object for f in errors if f.object)),
                    source_commit=desired.head,
                    evidence="\n".join(_line(f) for f in errors[:20]),
                )
            )


def _orders(decisions: Sequence[Decision], plan: Plan, picture: Picture) -> Orders:
    orders = Orders()
    for decision in decisions:
        match decision:
            case Supersede(rollout_id, reason):
                orders.supersede[rollout_id] = reason
            case Retarget(rollout):
                orders.retarget[rollout.id] = decision
            case _:
                pass
    for op in plan.objects:
        routes = touched(op)
        for rollout in picture.rollouts:
            refs = {m.ref for m in rollout.members}
            if op.admitted is None and op.key in {ref.key for ref in refs}:
                orders.supersede.setdefault(rollout.id, f"{op.key} leaves Git")
            elif refs & routes:
                orders.supersede.setdefault(rollout.id, f"{op.key} is cut over")
    return orders


def _starts(decisions: Sequence[Decision]) -> Starts:
    return Starts(
        tuple(d for d in decisions if isinstance(d, Begin)), tuple(d for d in decisions if isinstance(d, Apply))
    )


def _problems(failed: Sequence[tuple[ObjectKey, ClusterError]]) -> tuple[str, ...]:
    """What could not be written, in words; what merely changed in between is tried again and not worth one."""
    return tuple(f"{key}: {error}" for key, error in failed if not isinstance(error, Conflict))


def _line(finding: Finding) -> str:
    return f"{finding.path}:{finding.line}:{finding.column}: {finding.message} [{finding.rule}]"
