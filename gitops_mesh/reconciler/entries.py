"""Entries of the ledger that several objects share: each carries its own part, and the parts are joined when told.

A part stands in its object's outbox by the same write as the change that it tells of. So an object is in
the joined entry exactly when it was written, whatever was refused and wherever a crash came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.rollouts import Event

SHOWN = 20
"""Objects whose weights an entry shows."""


def operation(*parts: object) -> str:
    """The id of an entry: the same facts give the same id, so that recording again changes nothing."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def identity(entry: Entry) -> tuple[str, int]:
    """What an entry is known by."""
    return entry.operation, entry.sequence


def joined(parts: Iterable[Entry]) -> tuple[Entry, ...]:
    """One entry for each identity, in the order of their first parts."""
    found: dict[tuple[str, int], list[Entry]] = {}
    for part in parts:
        found.setdefault(identity(part), []).append(part)
    return tuple(_join(together) for together in found.values())


def in_words(event: Event) -> str:
    """`DriftCorrected` → `drift corrected`"""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in event).strip()


def _join(parts: Sequence[Entry]) -> Entry:
    first = parts[0]
    if len(parts) == 1:
        return first
    objects = tuple(dict.fromkeys(key for part in parts for key in part.objects))
    return replace(
        first,
        objects=objects,
        sentence=f"{', '.join(key.name for key in objects)}: {in_words(first.event)}",
        evidence="\n".join(f"- {part.sentence}" for part in parts),
        weights="; ".join(part.weights for part in parts[:SHOWN] if part.weights),
    )
