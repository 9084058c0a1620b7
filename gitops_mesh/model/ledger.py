"""What the ledger holds: one entry for each transition of the live mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit of the ledger, before or after it was made.

    `operation` and `sequence` together are unique: recording the same pair again changes nothing.
    """

    operation: str
    """A rollout's id, or the id of a wave: a hash of revision, objects and event."""
    sequence: int
    event: Event
    sentence: str
    """The commit's subject: a plain sentence, `reviews: v2 5% → 10% (step 2 of 6)`."""
    at: float
    objects: tuple[ObjectKey, ...]
    source_commit: str = ""
    rollout: str = ""
    verdict: str = ""
    """pass, regress, insufficient, provider-error, unjudged; empty where nothing is judged."""
    weights: str = ""
    """The live splits after the transition: `http/main: reviews:v1 90%, reviews:v2 10%`."""
    evidence: str = ""
    """The commit's body: counts, limits, the reason in words; who asked."""
    by: str = ""
    """The operator who asked, where one did."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it was read back from `git log`, with the commit that holds it."""

    entry: Entry
    commit: str
    cluster: str


@dataclass(frozen=True, slots=True)
class TreeChange:
    """What an entry does to the ledger's tree for one object; `None` removes, absent leaves alone.

    Each is the YAML (or JSON) text of the object as it is live, as it is accepted, and of its state
    (accepted record, rejected releases, open rollouts).
    """

    live: str | None
    accepted: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class LedgerObject:
    """What the ledger's tip knows of one object; texts as in `TreeChange`."""

    key: ObjectKey
    live: str | None
    accepted: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that belong in one go, and what the tree is after them."""

    entries: tuple[Entry, ...]
    changes: Mapping[ObjectKey, TreeChange] = field(default_factory=dict)
    rollouts: Mapping[str, str] = field(default_factory=dict)
    """Lines to append to `rollouts/<id>.jsonl`, by rollout id."""
