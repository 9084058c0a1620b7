"""The JSON of the state on an object; `annotations.schema.json` describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gitops_mesh.errors import ManifestError
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.plain import plain, typed
from gitops_mesh.model.rollouts import Request, Rollout
from gitops_mesh.model.state import Accepted, ObjectState, Rejected

OUTBOX_LIMIT = 20
"""Entries that wait for the ledger before no step forward is taken."""
REJECTED_LIMIT = 10
"""Rejected releases that are kept for each object, the newest last."""

TYPES: Mapping[str, Any] = {
    "accepted": Accepted,
    "origin": str,
    "rollouts": Mapping[str, Rollout],
    "rejected": tuple[Rejected, ...],
    "request": Request,
    "epoch": int,
    "outbox": tuple[Entry, ...],
}
"""Annotation (without the prefix) → the type of its value."""


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
        name: orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS).decode() for name, value in parts.items() if value
    }


def decode(raw: Mapping[str, str]) -> ObjectState:
    """The state that annotations hold. Raises ManifestError naming the one that is malformed."""
    parts: dict[str, Any] = {}
    for name, text in raw.items():
        if name not in TYPES:
            continue
        try:
            parts[name] = typed(orjson.loads(text), TYPES[name])
        except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
            if name == "request":
                continue  # an operator's slip; nothing of ours is lost with it
            raise ManifestError(f"the annotation gitops-mesh.io/{name} is malformed: {error}") from error
    return ObjectState(**parts)
