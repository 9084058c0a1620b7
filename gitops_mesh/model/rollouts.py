"""A rollout: shifts that move in step, and where they are on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gitops_mesh.model.measurements import Evidence
from gitops_mesh.model.policy import RolloutPolicy
from gitops_mesh.model.routes import RouteRef, Split, SplitRecord


class Phase(StrEnum):
    PENDING = "Pending"
    VERIFYING = "Verifying"
    BAKING = "Baking"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    SUCCEEDED = "Succeeded"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"

    @property
    def is_terminal(self) -> bool:
        return self in (Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.SUPERSEDED)


class Event(StrEnum):
    """What a ledger entry is about. The trailer `Event` holds one of these."""

    ADOPTED = "Adopted"
    CREATED = "Created"
    UPDATED = "Updated"
    CUTOVER = "Cutover"
    DELETING = "Deleting"
    DELETED = "Deleted"
    RESTORED = "Restored"
    """An object that the cluster had lost was created again in its last accepted state."""
    DRIFT_CORRECTED = "DriftCorrected"
    STATE_LOST = "StateLost"
    RETREATED = "Retreated"
    """A retreat: an accepted split was put back at once."""
    IMMEDIATE = "Immediate"
    """The trailer `Rollout: immediate` was honoured."""
    STARTED = "Started"
    STEPPED = "Stepped"
    PAUSED = "Paused"
    RESUMED = "Resumed"
    PROMOTED = "Promoted"
    """All traffic is at the target; the watch begins."""
    SUCCEEDED = "Succeeded"
    REGRESSED = "Regressed"
    """A regression was found; the rollback begins."""
    ABORTED = "Aborted"
    EXPIRED = "Expired"
    SUPERSEDED = "Superseded"
    RETARGETED = "Retargeted"
    ROLLED_BACK = "RolledBack"
    RETRIED = "Retried"
    """An operator asked for a rejected release to be tried again."""
    REJECTED = "Rejected"
    """A scope's HEAD has error findings and stays out of the mesh."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: the revision that asks for the target, and the first-parent commits that touched the object."""

    revision: str
    commits: tuple[str, ...] = ()
    author: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One route of a rollout, with its own base and target."""

    ref: RouteRef
    base: SplitRecord
    target: SplitRecord


@dataclass(frozen=True, slots=True)
class Rollout:
    """The whole state of a rollout. Times are seconds since the epoch from the clock of the observation."""

    id: str
    scope: str
    members: tuple[Member, ...]
    """Sorted by ref; the first leads and holds the evidence."""
    policy: RolloutPolicy
    cause: Cause
    phase: Phase = Phase.PENDING
    step: int = -1
    """Index in `policy.steps` of the weights written last; -1 before the first."""
    since: float = 0.0
    """When the phase was entered."""
    step_since: float = 0.0
    """When the current step's weights were agreed by all members (the step's clock)."""
    sequence: int = 0
    """Rises by one with each recorded event."""
    evidence: Evidence = field(default_factory=Evidence)
    reason: str = ""
    """Why it is where it is, as a sentence: of a hold, a pause, a rollback."""
    paused_from: Phase | None = None
    held: tuple[tuple[RouteRef, Split], ...] = ()
    """While paused for a hand-lowered weight: the weights that were found, and stay."""
    by: str = ""
    """Who said the latest operator's verb; empty when nobody did."""
    remember: bool = False
    """While rolling back: whether the release is remembered as rejected at the end."""
    outcome: Event | None = None
    """While rolling back or being superseded: what began it."""
    unjudged: bool = False
    """Some step forward was taken without evidence (an operator's promote, `analysis: none`)."""
    request: str = ""
    """The id of the operator's request handled last."""

    @property
    def leader(self) -> RouteRef:
        return self.members[0].ref


class Verb(StrEnum):
    """What an operator can ask of a rollout (RETRY: of an object with rejected releases)."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    PROMOTE_FULL = "promote-full"
    ABORT = "abort"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Request:
    """An operator's request, as it stands on the object; handled once."""

    id: str
    verb: Verb
    rollout: str
    """The rollout's id; empty: whichever is on the object."""
    by: str
    at: float
