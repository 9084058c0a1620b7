"""The state that travels on an object, decoded (see `rollout.annotations` for its JSON)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.rollouts import Request, Rollout
from gitops_mesh.model.routes import Destination, SplitRecord


@dataclass(frozen=True, slots=True)
class Accepted:
    """The last state of the object that was proven or restored."""

    revision: str
    """The source revision that it was last admitted from; empty for an adopted object."""
    hash: str
    """`manifests.fingerprint` of the accepted body."""
    blob: str
    """The ledger's blob that holds the accepted body."""
    splits: Mapping[str, tuple[SplitRecord, ...]] = field(default_factory=dict)
    """For each route identity its last accepted splits, newest first, at most three."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A release that failed, not shifted to again until it changes or somebody says `retry`."""

    route: str
    release: tuple[tuple[Destination, tuple[tuple[str, str], ...]], ...]
    """`SplitRecord.release` of the target."""
    rollout: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class ObjectState:
    """Everything of ours on one object."""

    accepted: Accepted | None = None
    origin: str = ""
    """The manifest's path in the repository."""
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    """By route identity. The leader's object holds the rollout whole, each other member's a copy
    without evidence."""
    rejected: tuple[Rejected, ...] = ()
    request: Request | None = None
    epoch: int = 0
    outbox: tuple[Entry, ...] = ()
    """Ledger entries decided with this object's writes and not known to be safe in the ledger yet."""
