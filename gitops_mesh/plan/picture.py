"""All objects of a cluster at once: what is accepted, what is wanted, who needs what, what may go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitops_mesh.mesh.index import MeshIndex, rule_host, subset_labels
from gitops_mesh.mesh.routes import ISTIO
from gitops_mesh.mesh.trees import kind_of, mapping, metadata
from gitops_mesh.model.objects import PREFIX, ObjectKey, Tree
from gitops_mesh.model.plan import InFlight, ObjectView
from gitops_mesh.plan.guard import refusal
from gitops_mesh.plan.holders import holders, waits
from gitops_mesh.plan.subsets import dropped, effective

PRUNE = f"{PREFIX}prune"
"""The annotation that keeps an object (value `disabled`) when it leaves Git."""

Kept = tuple[ObjectKey, str, str]
"""A rule, a subset of it that left Git and stays for now, and who needs it."""


@dataclass(frozen=True, slots=True)
class Picture:
    views: Sequence[ObjectView]
    """Sorted by key."""
    in_flight: Sequence[InFlight]
    flying: Mapping[ObjectKey, frozenset[str]]
    """The ids of each object's routes in flight."""
    accepted: Mapping[ObjectKey, Tree]
    desired: Mapping[ObjectKey, Tree]
    """What Git's objects are to become: DestinationRules with what must stay for now."""
    before: MeshIndex
    after: MeshIndex
    kept: Sequence[Kept]
    going: frozenset[ObjectKey]
    """Those that left Git."""
    same: bool
    """Whether hosts and subsets mean the same before and after."""
    waiting: Mapping[ObjectKey, str]
    """Those of `going` that have to stay for now, and why."""
    refused: str


def picture_of(views: Iterable[ObjectView], in_flight: Iterable[InFlight], *, allow_prune: bool) -> Picture:
    """Look at all views together. `allow_prune`: the guard lets every deletion through."""
    ordered, flights = sorted(views, key=lambda view: view.key), tuple(in_flight)
    accepted = {view.key: body for view in ordered if (body := _accepted(view)) is not None}
    head = {view.key: view.desired.body for view in ordered if view.desired is not None}
    going = [view for view in ordered if _leaves(view)]
    others = {view.key: view.live for view in ordered if view.live is not None and view.key not in accepted}
    refused = ""
    if not allow_prune:
        managed = sum(1 for view in ordered if view.accepted is not None)
        refused = refusal([view.key for view in going if view.live is not None], managed)
    desired, kept = _united(ordered, flights, accepted, head)
    leaving = {view.key for view in going}
    staying = {key: body for key, body in accepted.items() if key not in leaving}
    after = _index({**others, **staying, **desired})
    waiting = dict.fromkeys(leaving, refused) if refused else _waiting(ordered, flights, accepted, leaving, after)
    flying: defaultdict[ObjectKey, frozenset[str]] = defaultdict(frozenset)
    for flight in flights:
        flying[flight.ref.key] |= {flight.ref.route}
    before = _index({**others, **accepted})
    return Picture(
        ordered,
        flights,
        dict(flying),
        accepted,
        desired,
        before,
        after,
        kept,
        frozenset(leaving),
        before == after,
        waiting,
        refused,
    )


def states(views: Iterable[ObjectView], without: Iterable[ObjectKey] = ()) -> Iterator[tuple[ObjectKey, Tree]]:
    """The accepted and live bodies, of objects that are not ours too."""
    left_out = frozenset(without)
    for view in views:
        if view.key not in left_out:
            yield from ((view.key, body) for body in (view.accepted, view.live) if body is not None)


def _united(
    views: Sequence[ObjectView],
    in_flight: Sequence[InFlight],
    accepted: Mapping[ObjectKey, Tree],
    head: Mapping[ObjectKey, Tree],
) -> tuple[Mapping[ObjectKey, Tree], Sequence[Kept]]:
    """HEAD's bodies with DestinationRules as they have to be for now, and what they keep."""
    rules = (key for key, body in head.items() if key in accepted and kind_of(body) == (ISTIO, "DestinationRule"))
    shrinking = [key for key in rules if dropped(accepted[key], head[key])]
    if not shrinking:
        return head, ()
    # States of objects that leave count too: rules shrink before routes are pruned.
    held = holders(states(views), in_flight).subsets
    index = _index(head)
    desired, kept = dict(head), []
    for key in shrinking:
        desired[key] = effective(accepted[key], head[key], held, index)
        host, now = rule_host(head[key]), subset_labels(desired[key])
        kept += [(key, name, held[host, name]) for name in dropped(accepted[key], head[key]) if name in now]
    return desired, kept


def _waiting(
    views: Sequence[ObjectView],
    in_flight: Sequence[InFlight],
    accepted: Mapping[ObjectKey, Tree],
    leaving: Iterable[ObjectKey],
    after: MeshIndex,
) -> dict[ObjectKey, str]:
    """Which deletions have to wait; one that waits may itself need another, so it is asked again."""
    going, waiting = set(leaving), dict[ObjectKey, str]()
    while going:
        flights = [flight for flight in in_flight if flight.ref.key not in going]
        held = holders(states(views, going), flights)
        found = {key: why for key in sorted(going) if (why := waits(key, accepted[key], held, after))}
        if not found:
            break
        waiting |= found
        going -= found.keys()
    return waiting


def _index(bodies: Mapping[ObjectKey, Tree]) -> MeshIndex:
    return MeshIndex.of(bodies[key] for key in sorted(bodies))


def _accepted(view: ObjectView) -> Tree | None:
    """The accepted body; at first sight of an object that Git asks for, the live one."""
    if view.accepted is not None:
        return view.accepted
    return view.live if view.desired is not None else None


def protected(view: ObjectView) -> bool:
    """Whether the object left Git and stays all the same, since the last of it in Git, or it itself, says so."""
    if view.accepted is None or view.desired is not None:
        return False
    bodies = [body for body in (view.accepted, view.live) if body is not None]
    return any(mapping(metadata(body).get("annotations")).get(PRUNE) == "disabled" for body in bodies)


def _leaves(view: ObjectView) -> bool:
    """Whether the object is ours, left Git, and does not say that it stays."""
    return view.accepted is not None and view.desired is None and not protected(view)
