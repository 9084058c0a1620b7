"""Drift: what the live object has that nobody accepted.

The split of a route that a rollout has in flight is the machine's business and is never drift. Labels
and annotations that others add are theirs; only ours count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from gitops_mesh.mesh.pairing import Pair, Pairing, pair
from gitops_mesh.mesh.routes import forms
from gitops_mesh.mesh.trees import namespace_of, spec, text
from gitops_mesh.model.objects import ObjectKey, Pointer, Tree
from gitops_mesh.model.plan import Drift
from gitops_mesh.plan.fields import comparable, labelling, outermost, top_level
from gitops_mesh.plan.routing import respelt


def drift(key: ObjectKey, accepted: Tree, live: Tree | None, in_flight: Collection[str] = ()) -> Drift | None:
    """What differs between the accepted and the live body; `None` when nothing does.

    `in_flight` holds the ids of the routes that a rollout has.
    """
    if live is None:
        return Drift(key, missing=True)
    if comparable(accepted) == comparable(live):
        return None
    lists = {form.list for form in forms(accepted)}
    fields = [*_labels(accepted, live), *top_level(accepted, live)]
    fields += outermost(_without(accepted, lists), _without(live, lists), ("spec",))
    pairing = pair(accepted, live)
    rebuilt = _rebuilt(pairing)
    fields += [("spec", name) for name in sorted(lists) if name in rebuilt or _odd(accepted, name) != _odd(live, name)]
    moved: list[str] = []
    for found in pairing.pairs:
        if found.old.form.list not in rebuilt:
            flying = found.old.id in in_flight
            fields += _in_route(found, namespace_of(accepted), flying=flying)
            moved += [found.old.id] if found.old.split != found.new.split and not flying else []
    if not fields and not moved:
        return None
    return Drift(key, tuple(dict.fromkeys(fields)), tuple(moved))


def _labels(accepted: Tree, live: Tree) -> Iterator[Pointer]:
    for name in ("labels", "annotations"):
        ours: Mapping[str, str] = labelling(accepted).get(name, {})
        theirs: Mapping[str, str] = labelling(live).get(name, {})
        yield from (("metadata", name, key) for key in ours if ours[key] != theirs.get(key))


def _rebuilt(pairing: Pairing) -> set[str]:
    """The lists whose routes are not the accepted ones in the accepted order."""
    strange = (*pairing.added, *pairing.removed)
    moved = (*pairing.reordered, *pairing.renamed, *pairing.rematched)
    return {route.form.list for route in strange} | {found.new.form.list for found in moved}


def _in_route(found: Pair, namespace: str, *, flying: bool) -> Iterator[Pointer]:
    """What differs in a paired route outside its split."""
    form, at = found.new.form, found.new.pointer
    if respelt(found, namespace, weights=not flying):
        yield (*at, form.destinations)
    old, new = found.old.raw, found.new.raw
    skipped = form.destinations
    yield from outermost(
        {k: v for k, v in old.items() if k != skipped}, {k: v for k, v in new.items() if k != skipped}, at
    )


def _without(body: Tree, lists: Collection[str]) -> Tree:
    return {name: value for name, value in spec(body).items() if name not in lists}


def _odd(body: Tree, name: str) -> str:
    """What stands where routes are expected and is none."""
    value = spec(body).get(name)
    return text([item for item in value if not isinstance(item, Mapping)] if isinstance(value, list) else value or [])
