"""Reading JSON-like trees that may be malformed: a wrong type reads as empty, nothing here raises.

Validation says what is wrong with a manifest; live objects and context can be odd all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gitops_mesh.manifests.normal import canonical
from gitops_mesh.model.objects import Tree


def mapping(value: Any) -> Tree:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """`value` if it is a list, else an empty one; a string is none."""
    return value if isinstance(value, list | tuple) else ()


def mappings(value: Any) -> list[Tree]:
    """The mappings of a list; whatever else it holds is left out."""
    return [item for item in sequence(value) if isinstance(item, Mapping)]


def strings(value: Any) -> list[str]:
    """The strings of a list; whatever else it holds is left out."""
    return [item for item in sequence(value) if isinstance(item, str)]


def whole(value: Any) -> int:
    """A port's number; 0 for whatever is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def weight(value: Any, omitted: int) -> Fraction:
    """A weight, never below 0; `omitted` where none is given, 0 for whatever is no number."""
    if value is None:
        return Fraction(omitted)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fraction(0)
    positive = value if 0 < value < float("inf") else 0
    return Fraction(positive)


def metadata(body: Tree) -> Tree:
    return mapping(body.get("metadata"))


def spec(body: Tree) -> Tree:
    return mapping(body.get("spec"))


def namespace_of(body: Tree) -> str:
    """The object's namespace, `default` where it names none."""
    return str(metadata(body).get("namespace") or "default")


def group_of(body: Tree) -> str:
    """The API group, whatever the version; empty for the core group."""
    return str(body.get("apiVersion") or "").rpartition("/")[0]


def kind_of(body: Tree) -> tuple[str, str]:
    """(group, kind)."""
    return group_of(body), str(body.get("kind") or "")


def text(value: Any) -> str:
    """The same text for the same value; total, where canonical JSON is not (odd keys, huge integers)."""
    try:
        return canonical(value).decode()
    except TypeError:
        return repr(value)
