"""The JSON of the state on an object; `annotations.schema.json` describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from gitops_mesh.errors import ManifestError
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.rollouts import Request, Rollout
from gitops_mesh.model.state import Accepted, ObjectState, Rejected

OUTBOX_LIMIT = 20
"""Entries that wait for the ledger before no step forward is taken."""
REJECTED_LIMIT = 10
"""Rejected releases that are kept for each object, the newest last."""

_TYPES: Mapping[str, Any] = {
    "accepted": Accepted,
    "origin": str,
    "rollouts": Mapping[str, Rollout],
    "rejected": tuple[Rejected, ...],
    "request": Request,
    "epoch": int,
    "outbox": tuple[Entry, ...],
}


def encode(state: ObjectState) -> dict[str, str]:
    """The annotations of a state, by short name; empty parts are absent."""
    parts = {
        "accepted": state.accepted,
        "origin": state.origin,
        "rollouts": state.rollouts,
        "rejected": state.rejected[-REJECTED_LIMIT:],
        "request": state.request,
        "epoch": state.epoch,
        "outbox": state.outbox,
    }
    return {
        name: orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS).decode()
        for name, value in parts.items()
        if value
    }


def decode(raw: Mapping[str, str]) -> ObjectState:
    """The state that annotations hold. Raises ManifestError naming the one that is malformed."""
    parts: dict[str, Any] = {}
    for name, text in raw.items():
        if name not in _TYPES:
            continue
        try:
            parts[name] = _typed(orjson.loads(text), _TYPES[name])
        except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
            raise ManifestError(f"the annotation gitops-mesh.io/{name} is malformed: {error}") from error
    return ObjectState(**parts)


def _plain(value: Any) -> Any:
    """JSON of dataclasses: fields by name, without those at their default; fractions as `1/20`."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if value == float("inf"):
        return "inf"
    return value


def _typed(value: Any, wanted: Any) -> Any:
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        inner = next(arg for arg in get_args(wanted) if arg is not type(None))
        return None if value is None else _typed(value, inner)
    if origin is tuple:
        args = get_args(wanted)
        if args[-1] is Ellipsis:
            return tuple(_typed(v, args[0]) for v in value)
        return tuple(_typed(v, arg) for v, arg in zip(value, args, strict=True))
    if origin is not None:
        return {k: _typed(v, get_args(wanted)[1]) for k, v in value.items()}
    if isinstance(wanted, type) and is_dataclass(wanted):
        hints = get_type_hints(wanted)
        known = {f.name for f in fields(wanted)}
        return wanted(**{k: _typed(v, hints[k]) for k, v in value.items() if k in known})
    return _SCALARS.get(wanted, wanted)(value)


_SCALARS: Mapping[Any, Callable[[Any], Any]] = {bool: bool}
