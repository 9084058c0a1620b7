"""Writing splits back into an object's body, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

from gitops_mesh.mesh.hosts import DOMAIN
from gitops_mesh.mesh.routes import Route, destination, routes, spellings
from gitops_mesh.mesh.trees import namespace_of
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.routes import Destination, Split

TOTAL = 100
"""The sum that our own weights have."""


def integers(split: Split, total: int = TOTAL) -> dict[Destination, int]:
    """Whole weights that sum to `total`, by largest remainder (Hamilton's method).

    Ties go to the smaller share, so that a small canary is not rounded away.
    """
    floors = {d: int(share * total) for d, share in split.shares}
    order = sorted(split.shares, key=lambda item: (-(item[1] * total - int(item[1] * total)), item[1], item[0]))
    for d, _ in order[: total - sum(floors.values())]:
        floors[d] += 1
    return floors


def quantised(split: Split, total: int = TOTAL) -> Split:
    """The split that `integers` means."""
    return Split.of({d: Fraction(w) for d, w in integers(split, total).items()})


def with_splits(body: Tree, splits: Mapping[str, Split], donors: Sequence[Tree] = ()) -> dict[str, Any]:
    """A copy of `body` where each route named in `splits` has that split; nothing else differs.

    A list of destinations is taken whole from the first donor whose route has just that split already
    and writes the destinations it shares with `body` the same way (so that a finished shift equals the
    manifest, to the letter); otherwise entries are taken one by one from `body`, then the donors, so
    that per-destination fields are kept, with new weights. An empty split cannot be written and is
    left alone, as is a route that `body` does not have.
    """
    out: dict[str, Any] = copy.deepcopy(dict(body))
    namespace = namespace_of(body)
    sources: list[dict[str, Route]] = []
    for route in routes(body):
        split = splits.get(route.id)
        if split is None or not split.shares or split == route.split:
            continue
        sources = sources or [{r.id: r for r in routes(tree)} for tree in donors]
        candidates = [found[route.id] for found in sources if route.id in found]
        ready = (c for c in candidates if c.split == split and _agree(route, c, namespace))
        entries = next((list(c.entries) for c in ready), None) or _entries(split, [route, *candidates], namespace)
        out["spec"][route.form.list][route.index][route.form.destinations] = copy.deepcopy(entries)
    return out


def _agree(one: Route, other: Route, namespace: str) -> bool:
    """Whether the destinations that both name are written the same, weights aside."""
    ours, theirs = spellings(one, namespace), spellings(other, namespace)
    return all(ours[d] == theirs[d] for d in ours.keys() & theirs.keys())


def _entries(split: Split, candidates: Sequence[Route], namespace: str) -> list[dict[str, Any]]:
    # A split that somebody wrote in finer weights than ours (995 and 5) is kept as exact as it was.
    exact = any(route.split == split for route in candidates)
    weights = integers(split, lcm(*(share.denominator for _, share in split.shares)) if exact else TOTAL)
    known: dict[Destination, Tree] = {}
    for route in candidates:
        for entry in route.entries:
            known.setdefault(destination(entry, namespace), entry)
    order = [d for d in known if d in weights] + [d for d in weights if d not in known]
    gateway = candidates[0].form.list == "rules"
    return [{**known.get(d, _bare(d, gateway=gateway)), "weight": weights[d]} for d in order if weights[d]]


def _bare(to: Destination, *, gateway: bool) -> dict[str, Any]:
    """An entry for a destination that no known list of the route names any more."""
    if gateway:
        name, namespace, *_ = to.host.split(".") if to.host.endswith(f".svc.{DOMAIN}") else (to.host, "")
        entry: dict[str, Any] = {"name": name, **({"namespace": namespace} if namespace else {})}
        return {**entry, **({"port": to.port} if to.port else {})}
    inner: dict[str, Any] = {"host": to.host}
    if to.subset:
        inner["subset"] = to.subset
    if to.port:
        inner["port"] = {"number": to.port}
    return {"destination": inner}
