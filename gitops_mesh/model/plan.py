"""A plan: what has to change on the mesh, object by object, and what kind of change each is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import Manifest, ObjectKey, Pointer, Tree
from gitops_mesh.model.routes import RouteRef, Split, SplitRecord
from gitops_mesh.model.state import ObjectState


class Wave(IntEnum):
    """Make before break: the order of writes within one pass; pruning goes in reverse of creation."""

    PREREQUISITES = 0
    DESTINATION_RULES = 1
    ENTRIES_AND_GATEWAYS = 2
    DELEGATES = 3
    GRANTS = 4
    ROUTES = 5
    SHRINK = 6
    PRUNE_ROUTES = 7
    PRUNE_DELEGATES = 8
    PRUNE_ENTRIES_AND_GATEWAYS = 9
    PRUNE_DESTINATION_RULES = 10
    PRUNE_PREREQUISITES = 11


@dataclass(frozen=True, slots=True)
class ObjectView:
    """The three states of one object. `None`: it is not there (or, for accepted, not known)."""

    key: ObjectKey
    desired: Manifest | None
    accepted: Tree | None
    live: Tree | None
    state: ObjectState = field(default_factory=ObjectState)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A route that a rollout has between its base and its target, and the split it should have now."""

    ref: RouteRef
    rollout: str
    base: SplitRecord
    target: SplitRecord
    now: Split


@dataclass(frozen=True, slots=True)
class Create:
    """The object is new to the cluster and the ledger."""

    key: ObjectKey


@dataclass(frozen=True, slots=True)
class Update:
    """Fields that move no traffic; applied at once. `fields` are the outermost pointers that differ."""

    key: ObjectKey
    fields: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """The split of one route changes."""

    ref: RouteRef
    base: SplitRecord
    target: SplitRecord


@dataclass(frozen=True, slots=True)
class Cutover:
    """Traffic moves with no split to walk: one write, unjudged. `reasons` say what, as clauses."""

    key: ObjectKey
    reasons: tuple[str, ...]
    routes: tuple[str, ...] = ()
    """Accepted route identities whose traffic it touches; a rollout on one of them is restored first."""
    elsewhere: tuple[RouteRef, ...] = ()
    """Likewise, of other objects: the routes that send traffic to a DestinationRule's changed subsets."""


@dataclass(frozen=True, slots=True)
class Delete:
    """The object left Git. `waits` says what still needs it; then it stays for now."""

    key: ObjectKey
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """The live object is not what was accepted, other than what a rollout has in flight.

    `fields` are pointers that differ outside the splits; `routes` are identities of routes (with no
    rollout) whose split differs; `missing`: the object is gone from the cluster; `action`: what is done
    about it, `correct` or `report`.
    """

    key: ObjectKey
    fields: tuple[Pointer, ...] = ()
    routes: tuple[str, ...] = ()
    missing: bool = False
    action: str = "correct"


Change = Create | Update | Shift | Cutover | Delete | Drift


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """What one object needs. Only objects with changes have one."""

    key: ObjectKey
    scope: str
    wave: Wave
    changes: tuple[Change, ...]
    admitted: Tree | None
    """The accepted body after this pass: desired in every field that is admitted at once, the accepted
    split on routes with a Shift. `None`: the object is deleted."""
    desired: Tree | None
    """What HEAD wants in the end: with its own splits (a DestinationRule: with what must stay for now)."""

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return tuple(change for change in self.changes if isinstance(change, Shift))


@dataclass(frozen=True, slots=True)
class Plan:
    """All that differs, in the order it is to be written, with what is worth saying about it."""

    objects: tuple[ObjectPlan, ...] = ()
    findings: tuple[Finding, ...] = ()
    refused: str = ""
    """Why the deletions of this plan are held back as unsafe (the guard); empty when they are not."""
