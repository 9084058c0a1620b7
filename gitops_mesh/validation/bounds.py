"""Whether a schema from a repository can be evaluated in bounded time, without leaving the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORBIDDEN = frozenset({"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary"})
_LARGEST = 20_000
"""Values in a schema, each counted as often as references repeat it."""
_DEEPEST = 150
"""Values inside each other, references followed."""


class Unbounded(Exception):
    """Why a schema is refused."""


def refusal(schema: Mapping[str, Any]) -> str:
    """Why the schema is refused, as a clause; empty when it is not."""
    try:
        _size(schema, schema, (), {})
    except Unbounded as reason:
        return str(reason)
    return ""


def _size(root: Mapping[str, Any], node: Any, way: tuple[str, ...], known: dict[str, int], depth: int = 0) -> int:
    """How many values the schema has; `way` are the references that led here, `known` sizes of their targets."""
    if depth > _DEEPEST:
        raise Unbounded(f"it is nested deeper than {_DEEPEST}")
    total = 1
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in _FORBIDDEN and isinstance(value, str):
                raise Unbounded(f"`{key}` is not supported")
            if key == "$schema" and value != DIALECT:
                raise Unbounded(f"`$schema` must be {DIALECT}")
            if key == "$ref" and isinstance(value, str):
                total += _target_size(root, value, way, known, depth)
            total += _size(root, value, way, known, depth + 1)
    elif isinstance(node, list):
        total += sum(_size(root, item, way, known, depth + 1) for item in node)
    if total > _LARGEST:
        raise Unbounded(f"it has more than {_LARGEST:,} values, references followed")
    return total


def _target_size(root: Mapping[str, Any], ref: str, way: tuple[str, ...], known: dict[str, int], depth: int) -> int:
    if ref in way:
        raise Unbounded(f"the reference `{ref[:80]}` leads back to itself")
    if ref not in known:
        known[ref] = _size(root, _target(root, ref), (*way, ref), known, depth + 1)
    return known[ref]


def _target(root: Mapping[str, Any], ref: str) -> Any:
    """What a reference points at; only the schema's own `#/$defs/NAME` are followed."""
    name = ref.removeprefix("#/$defs/")
    definitions = root.get("$defs")
    if name == ref or not isinstance(definitions, Mapping) or name not in definitions:
        raise Unbounded(f"the reference `{ref[:80]}` is not one of the schema's own `#/$defs/NAME`")
    return definitions[name]
