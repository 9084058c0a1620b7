"""A plan in plain sentences, one a change: `reviews: v2 10% → 100% in 4 steps`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from gitops_mesh.mesh.routes import ISTIO, routes
from gitops_mesh.mesh.trees import mappings, spec
from gitops_mesh.model.objects import ObjectKey, Pointer, Tree
from gitops_mesh.model.plan import Change, Create, Cutover, Delete, Drift, ObjectPlan, Plan, Shift, Update
from gitops_mesh.model.routes import Destination, RouteRef, Split
from gitops_mesh.plan.fields import written


def sentences(plan: Plan, steps: Mapping[RouteRef, int] | None = None) -> list[str]:
    """What the plan does, a sentence a change, in its order; empty when it does nothing.

    `steps` says in how many steps each shift is walked (0: at once); a shift that it does not name
    says nothing of steps. Characters that would not print are shown as escapes.
    """
    several = len({found.key.namespace for found in plan.objects}) > 1
    said = [
        printable(f"{_who(found.key, several=several)}{sentence}")
        for found in plan.objects
        for change in found.changes
        for sentence in _change(change, found, steps or {})
    ]
    return [*said, *([printable(plan.refused)] if plan.refused else [])]


def printable(text: str) -> str:
    """`text` on one line that a terminal shows as it is: no control, no invisible, no reordering characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _who(key: ObjectKey, *, several: bool) -> str:
    name = f"{key.namespace}/{key.name}" if several and key.namespace else key.name
    return name if (key.group, key.kind) == (ISTIO, "VirtualService") else f"{key.kind} {name}"


def _change(change: Change, found: ObjectPlan, steps: Mapping[RouteRef, int]) -> Iterator[str]:
    match change:
        case Create():
            yield ": new"
        case Update(fields=fields):
            named = _fields(fields, found.desired)
            one = len(named) == 1 and (named[0].endswith("ss") or not named[0].endswith("s"))
            yield f": {', '.join(named)} {'changes' if one else 'change'} (update)"
        case Cutover(reasons=reasons):
            yield f": cutover: {'; '.join(reasons)}"
        case Shift():
            yield _shift(change, found, steps.get(change.ref))
        case Delete(waits=waits):
            yield f": its deletion waits: {waits}" if waits else ": deleted"
        case Drift(missing=True):
            yield ": drift: it is gone from the cluster"
        case _:
            parts = [*_fields(change.fields, found.admitted), *(f"the split of {route}" for route in change.routes)]
            yield f": drift: {', '.join(parts)} changed by somebody else"


def _shift(change: Shift, found: ObjectPlan, steps: int | None) -> str:
    base, target = change.base.split, change.target.split
    name = _namer(base, target)
    rising = sorted(base.rising(target), key=lambda to: -target.share(to))
    moves = ", ".join(f"{name(to)} {_percent(base, to)} → {_percent(target, to)}" for to in rising)
    # The only route of an object goes by the object's name.
    which = f" ({change.ref.route})" if found.desired is not None and len(routes(found.desired)) > 1 else ""
    return f"{which}: {moves}{_walk(steps)}"


def _walk(steps: int | None) -> str:
    match steps:
        case None:
            return ""
        case 0:
            return " at once"
        case 1:
            return " in 1 step"
        case _:
            return f" in {steps} steps"


def _namer(base: Split, target: Split) -> Callable[[Destination], str]:
    """Names destinations as shortly as they can be told apart: by subset, by short name, in full."""
    involved = base.destinations | target.destinations
    subsets = len({(to.host, to.port) for to in involved}) == 1 and all(to.subset for to in involved)
    uses = Counter(str(to) for to in involved)

    def name(to: Destination) -> str:
        if subsets:
            return to.subset
        if uses[str(to)] == 1:
            return str(to)
        return f"{to.host}:{to.subset}" if to.subset else to.host

    return name


def _percent(split: Split, to: Destination) -> str:
    return f"{float(split.share(to) * 100):.4g}%"


def _fields(fields: tuple[Pointer, ...], body: Tree | None) -> list[str]:
    """Fields as people name them: `timeout`, `timeout of main`, `the subset v3`, `the label team`."""
    return list(dict.fromkeys(_field(pointer, body or {}) for pointer in fields))


def _field(pointer: Pointer, body: Tree) -> str:
    match pointer:
        case ("metadata", "labels" | "annotations" as kind, name):
            return f"the {str(kind).removesuffix('s')} {name}"
        case ("spec", "subsets", int(index), *rest):
            return " of ".join((*([written(tuple(rest))] if rest else []), f"the subset {_subset(body, index)}"))
        case ("spec", "http" | "tls" | "tcp" | "rules" as name, int(index), *rest) if rest:
            found = routes(body)
            label = next((r.name or r.id for r in found if (r.form.list, r.index) == (name, index)), "")
            return f"{written(tuple(rest))} of {label}" if label and len(found) > 1 else written(tuple(rest))
        case ("spec", *rest) if rest:
            return written(tuple(rest))
        case _:
            return written(pointer)


def _subset(body: Tree, index: int) -> str:
    subsets = mappings(spec(body).get("subsets"))
    return str(subsets[index].get("name")) if index < len(subsets) else str(index)
