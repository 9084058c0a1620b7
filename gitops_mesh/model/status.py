"""What `status` tells: HEAD, and for each cluster what it is doing and why it differs."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Phase


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """An open rollout: where it is, why, and what the judge sees."""

    id: str
    scope: str
    phase: Phase
    step: int
    """The step whose weights were written last, from 1; 0 before the first."""
    steps: int
    since: float
    """When the phase was entered, seconds since the epoch."""
    objects: tuple[ObjectKey, ...]
    base: str
    target: str
    weights: str
    """The live splits in words."""
    reason: str
    verdict: str
    """The judge's latest outcome; empty before the first look."""
    verdict_reason: str
    canary_requests: int
    canary_error_rate: float | None
    """A share; `None` without requests."""
    stable_requests: int
    stable_error_rate: float | None
    commit: str
    subject: str


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    """An object of ours."""

    key: ObjectKey
    origin: str
    """Its file in the repository."""
    accepted_revision: str
    weights: str
    drift: str
    """What differs from what was accepted, in words; empty when nothing does."""
    rejected: tuple[str, ...]
    """Releases that failed and are not tried again, in words."""
    shares: tuple[tuple[str, str, float], ...] = ()
    """`weights` as numbers: route identity, destination, its share from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    name: str
    problem: str
    """Why the latest tick failed; empty when it did not."""
    ticked: bool
    """Whether any tick has succeeded since the start."""
    diverges: bool
    """Whether HEAD and the mesh differ (a rollout under way counts)."""
    reasons: tuple[str, ...]
    """Why they differ, a sentence each."""
    rollouts: tuple[RolloutStatus, ...]
    objects: tuple[ObjectStatus, ...]
    findings: tuple[Finding, ...]
    """Of HEAD."""
    ledger_pushed: bool
    ledger_problem: str
    leader: str = ""
    """Who decides instead of this process; empty when this one does."""


@dataclass(frozen=True, slots=True)
class Status:
    head: str
    """The revision of the source's branch; empty before the first fetch."""
    head_subject: str
    source_problem: str
    """Why the latest fetch failed; empty when it did not."""
    clusters: tuple[ClusterStatus, ...]

    @property
    def diverges(self) -> bool:
        return any(cluster.diverges or cluster.problem for cluster in self.clusters)
