"""What the latest tick knows, as `status` tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitops_mesh.errors import GitOpsMeshError
from gitops_mesh.mesh.routes import routes
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.plan import Drift
from gitops_mesh.model.rollouts import Rollout
from gitops_mesh.model.status import ClusterStatus, ObjectStatus, RolloutStatus, Status
from gitops_mesh.ports import Source
from gitops_mesh.reconciler.admission import held, sentence_of
from gitops_mesh.reconciler.drafts import weights_text
from gitops_mesh.reconciler.picture import Known, Picture
from gitops_mesh.reconciler.reconciler import Outcome, Reconciler


def status_of(
    source: Source,
    source_problem: str,
    reconcilers: Sequence[Reconciler],
    outcomes: Mapping[str, Outcome],
    problems: Mapping[str, str],
) -> Status:
    """Everything that is known since the latest tick of each cluster."""
    try:
        head = source.head()
        subject = source.commit(head).subject
    except GitOpsMeshError as error:
        head, subject, source_problem = "", "", source_problem or error.message
    clusters = tuple(
        _cluster(reconciler, outcomes.get(reconciler.cluster.name), problems.get(reconciler.cluster.name, ""))
        for reconciler in reconcilers
    )
    return Status(head, subject, source_problem, clusters)


def _cluster(reconciler: Reconciler, outcome: Outcome | None, problem: str) -> ClusterStatus:
    name, recorder = reconciler.cluster.name, reconciler.recorder
    if outcome is None:
        unseen = (problem or "nothing was looked at yet",)
        return ClusterStatus(name, problem, False, True, unseen, (), (), (), recorder.pushed, recorder.problem)
    drift = {
        op.key: sentence_of(op, change)
        for op in outcome.plan.objects
        for change in op.changes
        if isinstance(change, Drift)
    }
    reasons = _reasons(outcome)
    return ClusterStatus(
        name=name,
        problem=problem,
        ticked=True,
        diverges=bool(reasons),
        reasons=reasons,
        rollouts=tuple(_rollout(reconciler, rollout, outcome.picture) for rollout in outcome.picture.rollouts),
        objects=tuple(
            _object(key, known, drift.get(key, ""))
            for key, known in sorted(outcome.picture.objects.items())
            if known.state.accepted is not None
        ),
        findings=(*outcome.desired.findings, *outcome.plan.findings),
        ledger_pushed=recorder.pushed,
        ledger_problem=recorder.problem,
    )


def _reasons(outcome: Outcome) -> tuple[str, ...]:
    """Why HEAD and the mesh differ."""
    reasons = list(outcome.problems)
    reasons += [f"HEAD has errors: {f.path}:{f.line}: {f.message}" for f in outcome.desired.findings if f.is_error]
    reasons += [f"{refuse.ref}: {refuse.reason}" for refuse in outcome.refused]
    reasons += held(outcome.plan)
    strangers = [key for key, known in outcome.picture.objects.items() if known.state.accepted is None]
    asked = outcome.desired.manifests.keys()
    reasons += [f"{key} is on the mesh and was never ours (adopt: report)" for key in strangers if key in asked]
    if outcome.plan.refused:
        reasons.append(outcome.plan.refused)
    reasons += [f"rollout {rollout.id} is {rollout.phase}" for rollout in outcome.picture.rollouts]
    if not reasons:
        reasons += [sentence_of(op, change) for op in outcome.plan.objects for change in op.changes]
    return tuple(dict.fromkeys(reasons))


def _rollout(reconciler: Reconciler, written: Rollout, picture: Picture) -> RolloutStatus:
    rollout, verdict = reconciler.walker.latest(written)
    canary, stable = rollout.evidence.canary, rollout.evidence.stable
    return RolloutStatus(
        id=rollout.id,
        scope=rollout.scope,
        phase=rollout.phase,
        step=rollout.step + 1,
        steps=len(rollout.policy.steps),
        since=rollout.since,
        objects=tuple(dict.fromkeys(m.ref.key for m in rollout.members)),
        base="; ".join(str(m.base.split) for m in rollout.members),
        target="; ".join(str(m.target.split) for m in rollout.members),
        weights="; ".join(_weights(picture, rollout)),
        reason=rollout.reason,
        verdict=str(verdict.outcome) if verdict else "",
        verdict_reason=verdict.reason if verdict else "",
        canary_requests=canary.requests,
        canary_error_rate=canary.error_rate,
        stable_requests=stable.requests,
        stable_error_rate=stable.error_rate,
        commit=rollout.cause.revision,
        subject=rollout.cause.subject,
    )


def _weights(picture: Picture, rollout: Rollout) -> list[str]:
    texts = []
    for key in dict.fromkeys(m.ref.key for m in rollout.members):
        known = picture.objects.get(key)
        if known and known.live:
            texts.append(weights_text(known.live.body, {m.ref.route for m in rollout.members if m.ref.key == key}))
    return texts


def _object(key: ObjectKey, known: Known, drift: str) -> ObjectStatus:
    accepted = known.state.accepted
    found = routes(known.live.body) if known.live else ()
    return ObjectStatus(
        key=key,
        origin=known.state.origin,
        accepted_revision=accepted.revision if accepted else "",
        weights=weights_text(known.live.body) if known.live else "",
        drift=drift,
        rejected=tuple(
            f"{r.route}: {', '.join(str(d) for d, _ in r.release)}: {r.reason}" for r in known.state.rejected
        ),
        shares=tuple((r.id, str(d), float(share)) for r in found for d, share in r.split.shares),
    )
