"""What the API server made of what we applied: defaults, and what admission webhooks changed.

The differences are kept on the object (annotation `gitops-mesh.io/admitted`) and taken back at every read,
so that they are never taken for drift; whatever else differs still is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

ABSENT = "\0absent"
"""Stands for a field that one side does not have; no JSON text of a manifest holds a NUL."""

Difference = tuple[tuple[str | int, ...], Any, Any]
"""(where, as applied, as admitted)"""


def differences(applied: Any, admitted: Any, at: tuple[str | int, ...] = ()) -> Iterator[Difference]:
    """Where the admitted tree differs from the applied one: fields one by one, lists of another length whole."""
    if isinstance(applied, Mapping) and isinstance(admitted, Mapping):
        for name in sorted(applied.keys() | admitted.keys()):
            yield from differences(applied.get(name, ABSENT), admitted.get(name, ABSENT), (*at, name))
    elif isinstance(applied, list) and isinstance(admitted, list) and len(applied) == len(admitted):
        for index, (ours, theirs) in enumerate(zip(applied, admitted, strict=True)):
            yield from differences(ours, theirs, (*at, index))
    elif applied != admitted:
        yield at, applied, admitted


def undone(admitted: Mapping[str, Any], known: Sequence[Difference]) -> dict[str, Any]:
    """The tree with every difference taken back that still stands as it was admitted."""
    tree: dict[str, Any] = dict(admitted)
    for at, ours, theirs in known:
        tree = _put(tree, at, ours, theirs)
    return tree


def encode(found: Sequence[Difference]) -> str:
    """As the annotation keeps them; empty when there are none."""
    return orjson.dumps([[list(at), ours, theirs] for at, ours, theirs in found]).decode() if found else ""


def decode(text: str) -> tuple[Difference, ...]:
    """The differences of an annotation; a malformed one tells none, so that they show as drift and are written anew."""
    try:
        return tuple((tuple(at), ours, theirs) for at, ours, theirs in orjson.loads(text or "[]"))
    except (ValueError, TypeError):
        return ()


def _put(tree: Any, at: tuple[str | int, ...], ours: Any, theirs: Any) -> Any:
    """A copy of the tree with `ours` where `theirs` stands; the tree itself where anything else does."""
    if not at:
        return ours if tree == theirs else tree
    name, rest = at[0], at[1:]
    if isinstance(tree, list) and isinstance(name, int) and name < len(tree):
        return [*tree[:name], _put(tree[name], rest, ours, theirs), *tree[name + 1 :]]
    if not isinstance(tree, Mapping) or not isinstance(name, str):
        return tree
    below = _put(tree.get(name, ABSENT), rest, ours, theirs)
    kept = {k: v for k, v in tree.items() if k != name}
    return kept if below == ABSENT else {**tree, name: below}
