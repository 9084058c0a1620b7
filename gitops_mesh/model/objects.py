"""What an object is: its key, the manifest that asks for it, the live object that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Tree = Mapping[str, Any]
"""A JSON-like mapping. Shared between stages, so it is never changed in place."""

Pointer = tuple[str | int, ...]
"""The way to a field inside a document, as `("spec", "http", 0, "route")`."""

PREFIX = "gitops-mesh.io/"
"""The prefix of every annotation, trailer and API group of ours."""

STATE_KEYS = ("accepted", "origin", "rollouts", "rejected", "request", "epoch", "outbox", "admitted")
"""The annotations (below `PREFIX`) that hold our state; any other one with the prefix is a user's setting."""

IGNORE_FIELDS = "ignore-fields"
"""The setting that names fields which are left to others: JSON pointers with white space between them."""

MOST_POINTERS = 100
"""Pointers that one annotation may hold; each is a walk through the object at every look."""

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "drift": ("correct", "report", "ignore"),
    IGNORE_FIELDS: (),
    "prune": ("disabled",),
}
"""The annotations (below `PREFIX`) by which a manifest sets how its object is treated, and their values (none: a
rule of its own says what may stand there)."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Names one object of one cluster; the API version is not part of it."""

    group: str
    kind: str
    namespace: str
    """Empty for cluster-scoped kinds."""
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document of one file at one revision: what Git asks for.

    `body` is in Kubernetes' meaning of YAML and in normal form (see `manifests.normal`):
    `apiVersion`, `kind`, `metadata` (name, namespace, labels, annotations), then the rest.
    """

    key: ObjectKey
    body: Tree
    path: str
    """The file, relative to the repository's root, with `/`."""
    document: int = 0
    """The document's index in the file, from 0. An entry of a `List` shares its document's index."""
    inside: Pointer = ()
    """Where in the document the object stands: `()`, or `("items", 3)` in a `List`."""
    blob: str = ""
    """The id of the Git blob (or any content hash) the document was read from."""

    @property
    def api_version(self) -> str:
        return str(self.body.get("apiVersion", ""))


@dataclass(frozen=True, slots=True)
class LiveObject:
    """An object as the cluster has it.

    `body` is in normal form, without our state; `state` holds our own annotations (`STATE_KEYS`,
    without the prefix) as raw JSON text; `version` is the cluster's `resourceVersion`.
    """

    key: ObjectKey
    body: Tree
    version: str
    state: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Write:
    """One atomic write of an object: the fields that we own and our state together.

    `version` is that of the read it was decided on; `None` creates (and conflicts if it exists).
    """

    key: ObjectKey
    body: Tree
    state: Mapping[str, str]
    version: str | None
    chain: str = ""
    """Writes of one chain happen in their order; others may happen side by side."""
