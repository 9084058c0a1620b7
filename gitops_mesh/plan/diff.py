"""Classify what differs between the accepted and the desired body of one object.

- **Shift**: the split of a paired route changes. It is walked from base to target.
- **Update**: fields that move no traffic. Applied at once.
- **Cutover**: traffic moves with no split to walk. Applied at once, with a warning.

One edit may be all three. What is applied at once is the *admitted* body: the desired one with the
accepted split on every route that has a Shift.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.mesh.routes import ISTIO, routes
from gitops_mesh.mesh.trees import kind_of, sequence, spec, text
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.plan import Change, Cutover, Shift, Update
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.plan.fields import beside_spec, comparable, outermost, written
from gitops_mesh.plan.kinds import EVERYTHING, cutover_fields
from gitops_mesh.plan.routing import Parts, at_accepted, compare_routes, route_lists
from gitops_mesh.plan.rules import relabelled, subset_updates


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, in parts, and the body that is accepted after this pass."""

    changes: tuple[Change, ...]
    admitted: Tree


def classify(
    accepted: Tree,
    desired: Tree,
    accepted_index: MeshIndex,
    desired_index: MeshIndex,
    *,
    key: ObjectKey | None = None,
    in_flight: Collection[str] = (),
) -> tuple[Change, ...]:
    """The changes from `accepted` to `desired`; see `compare`."""
    return compare(accepted, desired, accepted_index, desired_index, key=key, in_flight=in_flight).changes


def compare(
    accepted: Tree,
    desired: Tree,
    accepted_index: MeshIndex,
    desired_index: MeshIndex,
    *,
    key: ObjectKey | None = None,
    in_flight: Collection[str] = (),
) -> Difference:
    """The changes from `accepted` to `desired`, in the order Update, Cutover, Shift, and the admitted body.

    The base of a Shift has the subset labels of `accepted_index`, its target those of `desired_index`.
    `in_flight` holds the ids of accepted routes that a rollout has.
    """
    if comparable(accepted) == comparable(desired):
        return Difference((), desired)
    key = key or key_of(desired)
    parts = compare_routes(accepted, desired, in_flight)
    _other_fields(accepted, desired, parts)
    if kind_of(desired) == (ISTIO, "DestinationRule"):
        parts.reasons += [str(change) for change in relabelled(accepted, desired, desired_index)]
        parts.updates += subset_updates(accepted, desired)
    shifts = [
        Shift(RouteRef(key, p.new.id), accepted_index.record(p.old.split), desired_index.record(p.new.split))
        for p in parts.shifts
    ]
    if not (parts.updates or parts.reasons or shifts):
        # Never silent: what no rule above could name (a malformed list, say) is not called harmless.
        parts.reasons += [f"{written(pointer)} changes" for pointer in outermost(accepted, desired)]
    admitted = at_accepted(desired, parts.shifts)
    return Difference((*_at_once(accepted, key, parts), *shifts), admitted)


def _at_once(accepted: Tree, key: ObjectKey, parts: Parts) -> Iterator[Update | Cutover]:
    if parts.updates:
        yield Update(key, tuple(dict.fromkeys(parts.updates)))
    if parts.reasons:
        concerned = set(parts.touched)
        order = tuple(route.id for route in routes(accepted) if route.id in concerned)
        yield Cutover(key, tuple(dict.fromkeys(parts.reasons)), order)


def _other_fields(accepted: Tree, desired: Tree, parts: Parts) -> None:
    """Everything but routes and subsets."""
    parts.updates += beside_spec(accepted, desired)
    cutover, apart = cutover_fields(kind_of(desired)), {*route_lists(desired)}
    if kind_of(desired) == (ISTIO, "DestinationRule"):
        apart = {"subsets"}
    old = {name: value for name, value in spec(accepted).items() if name not in apart}
    new = {name: value for name, value in spec(desired).items() if name not in apart}
    for pointer in outermost(old, new, ("spec",)):
        name = str(pointer[1])
        moves = cutover == EVERYTHING or name in cutover
        if moves and _meaning(name, old.get(name)) != _meaning(name, new.get(name)):
            parts.reasons.append(f"spec.{name} changes")
            parts.touched += [route.id for route in routes(accepted)]
        else:
            parts.updates.append(pointer)


def _meaning(name: str, value: Any) -> str:
    """A field's value without what means nothing: the order of names, a default that is written out."""
    if name == "gateways" and not value:
        value = ["mesh"]
    if name in ("hosts", "gateways", "exportTo", "hostnames"):
        value = sorted(text(item) for item in sequence(value))
    return text(value)
