"""Model values as plain JSON, and back: by the types that the dataclasses declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import PurePath
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

INFINITY = "inf"
"""How an infinite number is written, since JSON has none."""


def plain(value: Any) -> Any:
    """Only what JSON has: dataclasses as their fields, fractions as `1/20`, enums as their values."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, (Fraction, PurePath)):
        return str(value)
    return INFINITY if value == float("inf") else value


def typed(value: Any, wanted: Any) -> Any:
    """The value of a declared type that `plain` wrote. Fields that the type does not have are passed over.

    Raises TypeError, ValueError or KeyError when it is not one.
    """
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        inner = next(arg for arg in args if arg is not type(None))
        return None if value is None else typed(value, inner)
    if origin is tuple:
        items = _of(value, list)
        if args[-1] is Ellipsis:
            return tuple(typed(item, args[0]) for item in items)
        return tuple(typed(item, arg) for item, arg in zip(items, args, strict=True))
    if origin is not None:
        return {key: typed(inner, args[1]) for key, inner in _of(value, dict).items()}
    if isinstance(wanted, type) and is_dataclass(wanted):
        hints = _hints(wanted)
        return wanted(**{name: typed(inner, hints[name]) for name, inner in _of(value, dict).items() if name in hints})
    return _scalar(value, wanted)


def _scalar(value: Any, wanted: Any) -> Any:
    if wanted is float:
        return float("inf") if value == INFINITY else float(_of(value, int, float))
    if wanted in (str, bool):
        return _of(value, wanted)
    if wanted is int:
        if isinstance(value, bool):
            raise TypeError("expected int, found bool")
        return _of(value, int)
    return wanted(_of(value, str))  # an enum, or a fraction


def _of(value: Any, *types: type) -> Any:
    if not isinstance(value, types):
        raise TypeError(f"expected {' or '.join(t.__name__ for t in types)}, found {type(value).__name__}")
    return value


@cache
def _hints(wanted: type) -> dict[str, Any]:
    return get_type_hints(wanted)
