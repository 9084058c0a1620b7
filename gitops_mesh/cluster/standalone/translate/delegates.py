"""Delegation: a root route gives the matches, the delegate's routes the rest.

As Istio merges them (https://istio.io: VirtualService, `Delegate`): each match of the delegate has to fit a
match of the root, or its route never sees a request; what the delegate does not say, the root says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitops_mesh.mesh.trees import mapping, mappings
from gitops_mesh.model.objects import Tree

_INHERITED = (
    *("rewrite", "directResponse", "timeout", "retries", "fault", "mirror", "mirrorPercentage", "mirrors"),
    *("redirect", "corsPolicy", "headers"),
)
_MAPS = ("headers", "withoutHeaders", "queryParams")


def merged(root: Tree, delegate: Tree) -> dict[str, Any] | None:
    """The delegate's route as it serves under the root's; `None` when no match of it fits."""
    matches = _matches(mappings(root.get("match")), mappings(delegate.get("match")))
    if matches is None:
        return None
    inherited = {name: root[name] for name in _INHERITED if root.get(name) is not None}
    return {**inherited, **delegate, "match": matches}


def _matches(roots: Sequence[Tree], delegates: Sequence[Tree]) -> list[Tree] | None:
    if not roots or not delegates:
        return list(roots or delegates)
    found: list[Tree] = [both for root in roots for one in delegates if (both := _both(root, one)) is not None]
    return found or None


def _both(root: Tree, delegate: Tree) -> dict[str, Any] | None:
    """One match that asks for what both ask for; `None` when the delegate's is not within the root's."""
    out: dict[str, Any] = {**root, **delegate}
    for name in root.keys() & delegate.keys():
        ours, theirs = root[name], delegate[name]
        if name in _MAPS:
            union = _union(mapping(ours), mapping(theirs))
            if union is None:
                return None
            out[name] = union
        elif name not in ("name", "gateways") and not _within(ours, theirs):
            return None
    return out


def _union(ours: Tree, theirs: Tree) -> dict[str, Any] | None:
    if any(not _within(ours[name], theirs[name]) for name in ours.keys() & theirs.keys()):
        return None
    return {**ours, **theirs}


def _within(outer: Any, inner: Any) -> bool:
    """Whether all that `inner` matches is matched by `outer`, as far as exact values and prefixes show."""
    if outer == inner:
        return True
    if not isinstance(outer, Mapping) or not isinstance(inner, Mapping):
        return False
    if "prefix" in outer:
        said = inner.get("exact") or inner.get("prefix") or ""
        return isinstance(said, str) and said.startswith(str(outer["prefix"]))
    return False
