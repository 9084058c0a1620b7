"""Keeps count of what a file costs while it is read, and stops the reading at the first limit."""

from __future__ import annotations

from typing import Any

from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.problems import Stop, at

_REMEDY = "split the file, or write it without aliases"


class Budget:
    """Counts for one file; each method raises Stop when its limit is passed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._written = 0
        self._nodes = 0
        self._aliases = 0

    def node(self, event: Any) -> None:
        """One scalar or collection is written here."""
        self._written += 1
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            self._refuse(event, f"more than {self._limits.nodes:,} values in one file")

    def alias(self, event: Any, size: int) -> None:
        """An alias repeats `size` nodes here."""
        self._aliases += 1
        if self._aliases > self._limits.aliases:
            self._refuse(event, f"more than {self._limits.aliases:,} aliases in one file")
        self._nodes += size - 1
        self.node(event)
        if self._nodes > self._limits.free and self._nodes > self._written * self._limits.expansion:
            self._refuse(event, f"aliases make the file more than {self._limits.expansion} times larger")

    def depth(self, event: Any, depth: int) -> None:
        """So many collections are inside each other here."""
        if depth > self._limits.depth:
            self._refuse(event, f"collections are nested deeper than {self._limits.depth}")

    def document(self, event: Any, index: int) -> None:
        """The document with this index (from 0) starts here."""
        if index >= self._limits.documents:
            self._refuse(event, f"more than {self._limits.documents:,} documents in one file")

    def _refuse(self, event: Any, message: str) -> None:
        raise Stop(at(event, "yaml-limit", message, _REMEDY))
