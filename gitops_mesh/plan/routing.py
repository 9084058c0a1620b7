"""What changed in the routes of an object: which splits can be walked, and what moves traffic at once."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from gitops_mesh.mesh.pairing import Pair, Pairing, pair, touched
from gitops_mesh.mesh.routes import Route, forms, routes, spellings
from gitops_mesh.mesh.trees import mappings, namespace_of, text
from gitops_mesh.mesh.weights import with_splits
from gitops_mesh.model.objects import Pointer, Tree
from gitops_mesh.plan.fields import outermost

ELSEWHERE = frozenset({"redirect", "directResponse", "delegate"})
"""Fields of a route that send its requests somewhere with no destination of its own."""


@dataclass(slots=True)
class Parts:
    """The parts that an edit is split into, gathered on the way."""

    updates: list[Pointer] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    """Ids of accepted routes whose traffic a reason touches; with repetitions."""
    shifts: list[Pair] = field(default_factory=list)


def compare_routes(old: Tree, new: Tree, in_flight: Collection[str]) -> Parts:
    """Split what differs in the routes of two bodies of one kind into parts.

    `in_flight` holds ids of accepted routes that a rollout has: one whose identity changes is cut over.
    """
    parts = Parts()
    pairing = pair(old, new)
    _unpaired(pairing, parts)
    for found in pairing.pairs:
        _pair(found, namespace_of(new), parts)
        if found.old.id != found.new.id and found.old.id in in_flight:
            parts.reasons.append(
                f"the route {found.old.id} becomes {found.new.id} while a rollout is on it, which is restored first"
            )
            parts.touched.append(found.old.id)
    if pairing.reordered:
        moved = ", ".join(label(found.new) for found in pairing.reordered)
        parts.reasons.append(f"the order of the routes changes ({moved})")
    for form in forms(new):
        before = [r for r in routes(old) if r.form == form]
        after = [r for r in routes(new) if r.form == form]
        parts.touched += sorted(touched(before, after, pairing))
    return parts


def at_accepted(new: Tree, shifts: Collection[Pair]) -> Tree:
    """`new` with the accepted split on each of these routes, to the letter where it can be."""
    if not shifts:
        return new
    donor: dict[str, Any] = copy.deepcopy(dict(new))
    for found in shifts:
        form, index = found.new.form, found.new.index
        donor["spec"][form.list][index][form.destinations] = list(found.old.entries)
    return with_splits(new, {found.new.id: found.old.split for found in shifts}, [donor])


def label(route: Route) -> str:
    """What a person calls a route: its name, else its id."""
    return route.name or route.id


def _unpaired(pairing: Pairing, parts: Parts) -> None:
    unclear = {id(route) for route in pairing.ambiguous}
    for route in pairing.removed:
        if id(route) in unclear:
            parts.reasons.append(f"the route {label(route)} cannot be paired with one route of the new version")
        else:
            parts.reasons.append(f"the route {label(route)} is removed")
    for route in pairing.added:
        if id(route) in unclear:
            parts.reasons.append(f"the route {label(route)} cannot be paired with one accepted route")
        else:
            parts.reasons.append(f"the route {label(route)} is new")


def _pair(found: Pair, namespace: str, parts: Parts) -> None:
    before, after = found.old.raw, found.new.raw
    form, at = found.new.form, found.new.pointer
    if found.old.name != found.new.name:
        parts.updates.append((*at, "name"))
    if found.old.match != found.new.match:
        parts.reasons.append(f"the matches of the route {label(found.new)} change")
    elif text(before.get(form.match)) != text(after.get(form.match)):
        parts.updates.append((*at, form.match))
    _rest(found, parts)
    if found.old.split != found.new.split:
        _split(found, parts)
    if respelt(found, namespace):
        parts.updates.append((*at, form.destinations))


def _rest(found: Pair, parts: Parts) -> None:
    for pointer in outermost(found.old.rest, found.new.rest, found.new.pointer):
        name = str(pointer[3])
        if name in ELSEWHERE or (name == "filters" and _redirects(found.old) != _redirects(found.new)):
            reason = f"{name} of the route {label(found.new)} changes"
            if reason not in parts.reasons:
                parts.reasons.append(reason)
            parts.touched.append(found.old.id)
        else:
            parts.updates.append(pointer)


def _split(found: Pair, parts: Parts) -> None:
    why = _not_walkable(found)
    if not why:
        parts.shifts.append(found)
        return
    change = f"{found.old.split} → {found.new.split}"
    parts.reasons.append(f"the split of the route {label(found.new)} changes ({change}) and cannot be walked: {why}")
    parts.touched.append(found.old.id)


def _not_walkable(found: Pair) -> str:
    if found.old.ambiguous or found.new.ambiguous:
        return "neither its name nor its matches nor its destinations are its own; give it a name"
    if not found.old.split.shares:
        return "it had no destinations"
    if not found.new.split.shares:
        return "it has no destinations any more"
    same = found.old.split.destinations == found.new.split.destinations
    if (found.old.by_destinations or found.new.by_destinations) and not same:
        return "it is known only by its destinations, which change; give it a name"
    return ""


def respelt(found: Pair, namespace: str, *, weights: bool = True) -> bool:
    """Whether the destinations are written in another way than a change of split asks for.

    With `weights`, a split that stayed but is written with other numbers is another way too.
    """
    if weights and found.old.split == found.new.split:
        return text(list(found.old.entries)) != text(list(found.new.entries))
    before, after = spellings(found.old, namespace), spellings(found.new, namespace)
    return any(before[to] != after[to] for to in before.keys() & after.keys())


def _redirects(route: Route) -> str:
    return text([one for one in mappings(route.rest.get("filters")) if one.get("type") == "RequestRedirect"])


def route_lists(body: Tree) -> Iterator[str]:
    """The fields of `spec` that hold routes of this kind."""
    return (form.list for form in forms(body))
