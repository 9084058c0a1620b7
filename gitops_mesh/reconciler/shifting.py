"""From planned shifts to decisions: which policy governs, what caused them, what was rejected before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitops_mesh.errors import SourceError
from gitops_mesh.mesh.rollout_policies import governing
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.plan import Plan, Shift
from gitops_mesh.model.policy import PolicyManifest, RolloutPolicy
from gitops_mesh.model.revisions import Commit
from gitops_mesh.model.rollouts import Cause
from gitops_mesh.model.routes import Destination
from gitops_mesh.ports import Cluster, Source
from gitops_mesh.reconciler.desired import Desired, Reader
from gitops_mesh.reconciler.picture import Known, Picture
from gitops_mesh.rollout.intake import ShiftRequest

IMMEDIATE = "Rollout"
"""The trailer by which a merge asks to be applied at once: `Rollout: immediate`."""


class Shifting:
    """Turns the shifts of a plan into requests for the intake."""

    def __init__(self, source: Source, reader: Reader, cluster: Cluster) -> None:
        self._source = source
        self._reader = reader
        self._cluster = cluster
        self._causes: dict[tuple[str, str, str], tuple[Commit, ...]] = {}
        self._before: dict[str, Sequence[str]] = {}
        """A commit's first parent; none of the first one."""

    def requests(self, plan: Plan, picture: Picture, desired: Desired) -> tuple[ShiftRequest, ...]:
        """One request for each shift of the plan. Raises SourceError, Unreachable."""
        shifts = [(op.scope, shift) for op in plan.objects for shift in op.shifts]
        destinations = {d for _, shift in shifts for d in shift.target.split.destinations}
        unready = self._cluster.unready(destinations) if destinations else {}
        return tuple(
            self._request(scope, shift, picture.objects[shift.ref.key], desired, unready)
            for scope, shift in shifts
            if shift.ref.key in picture.objects
        )

    def causes(self, key: ObjectKey, known: Known | None, desired: Desired, revision: str) -> tuple[Commit, ...]:
        """The first-parent commits since the accepted revision that touched the object, newest first."""
        since = known.state.accepted.revision if known and known.state.accepted else ""
        manifest = desired.manifests.get(key)
        path = manifest.path if manifest else (known.state.origin if known else "")
        asked = (since, revision, path)
        if asked not in self._causes:
            if len(self._causes) > 10_000:
                self._causes.clear()
            self._causes[asked] = tuple(self._source.causes(since, revision, path))
        return self._causes[asked]

    def _parents(self, commit: str) -> Sequence[str]:
        if commit not in self._before:
            self._before[commit] = tuple(self._source.first_parents(commit, 2)[1:])
        return self._before[commit]

    def _request(
        self, scope: str, shift: Shift, known: Known, desired: Desired, unready: Mapping[Destination, str]
    ) -> ShiftRequest:
        revision = desired.revisions.get(scope, desired.head)
        commits = self.causes(shift.ref.key, known, desired, revision)
        policy = self._policy(shift, known, desired, commits)
        newest = commits[0] if commits else None
        accepted = known.state.accepted
        return ShiftRequest(
            scope=scope,
            shift=shift,
            policy=policy,
            cause=cause_of(revision, commits),
            history=accepted.splits.get(shift.ref.route, ()) if accepted else (),
            rejected=any(
                r.route == shift.ref.route and r.release == shift.target.release for r in known.state.rejected
            ),
            immediate=bool(
                newest and policy.allow_immediate and newest.trailers.get(IMMEDIATE, "").lower() == "immediate"
            ),
            unready={d: why for d, why in unready.items() if d in shift.target.split.destinations},
        )

    def _policy(self, shift: Shift, known: Known, desired: Desired, commits: Sequence[Commit]) -> RolloutPolicy:
        """The policy as it stood before the first commit that touched the object, else HEAD's, else the default.

        So no merge can weaken its own guard, while a policy changed in a merge of its own counts.
        """
        before: tuple[PolicyManifest, ...] = ()
        if commits:
            parents = self._parents(commits[-1].id)
            try:
                before = self._reader.policies(parents[0]) if parents else ()
            except SourceError:
                before = ()
        labels = (known.live.body if known.live else {}).get("metadata", {}).get("labels") or {}
        destinations = shift.base.split.destinations | shift.target.split.destinations
        for policies in (before, desired.policies):
            found = governing(policies, shift.ref, labels, destinations)
            if found:
                return found[0].policy
        return RolloutPolicy()


def cause_of(revision: str, commits: Sequence[Commit]) -> Cause:
    """The cause as the rollout and the ledger cite it."""
    newest = commits[0] if commits else None
    return Cause(
        revision=newest.id if newest else revision,
        commits=tuple(c.id for c in commits[:10]),
        author=newest.author if newest else "",
        subject=newest.subject if newest else "",
    )
