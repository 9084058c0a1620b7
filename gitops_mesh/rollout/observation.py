"""What the machine sees, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitops_mesh.model.measurements import Evidence, Verdict
from gitops_mesh.model.rollouts import Event, Request
from gitops_mesh.model.routes import Destination, RouteRef, Split


@dataclass(frozen=True, slots=True)
class Observation:
    """A picture of one moment, not an event: the same picture gives the same answer."""

    now: float
    live: Mapping[RouteRef, Split | None]
    """The live split of each member; `None`: the route or its object is gone."""
    verdict: Verdict
    evidence: Evidence
    """Since the current step's weights were written."""
    unready: Mapping[Destination, str]
    request: Request | None = None
    supersede: str = ""
    """Why the rollout must give way."""
    retargeted: str = ""
    """Why its target is another one since the last tick (see `intake.Retarget`)."""
    blocked: str = ""
    """Why a Pending rollout must wait."""
    outbox_full: bool = False
    behind: frozenset[RouteRef] = frozenset()
    """Members whose last write did not come through yet: their weights are nobody's answer."""
    applied: str = ""
    """Why the observed traffic is not at the weights yet; empty when it is."""


@dataclass(frozen=True, slots=True)
class SetWeights:
    splits: Mapping[RouteRef, Split]


@dataclass(frozen=True, slots=True)
class Accept:
    """These routes' accepted split becomes their target (or their base)."""

    refs: tuple[RouteRef, ...]
    which: str = "target"


@dataclass(frozen=True, slots=True)
class Reject:
    """Remember these routes' target as a failed release."""

    refs: tuple[RouteRef, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """Tell the ledger."""

    event: Event
    sentence: str
    verdict: str = ""
    evidence: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """Take the rollout off its objects."""


Command = SetWeights | Accept | Reject | Record | Finish
