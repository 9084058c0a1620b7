"""A Ledger in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from gitops_mesh.errors import LedgerError, Unreachable
from gitops_mesh.model.ledger import Batch, Entry, LedgerObject, Recorded
from gitops_mesh.model.objects import ObjectKey


class FakeLedger:
    """The Ledger port. `away` and `refusing` make `push` and `record` fail; `pushed` is what the remote has."""

    def __init__(self, cluster: str = "test") -> None:
        self.away = False
        self.refusing = False
        self.pushed: list[Recorded] = []
        self.rollouts: dict[str, str] = {}
        self._cluster = cluster
        self._blobs: dict[str, bytes] = {}
        self._entries: dict[tuple[str, int], Recorded] = {}
        self._objects: dict[ObjectKey, LedgerObject] = {}

    def put(self, content: bytes) -> str:
        name = hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()
        self._blobs[name] = content
        return name

    def get(self, blob: str) -> bytes | None:
        return self._blobs.get(blob)

    def record(self, batch: Batch) -> None:
        if self.refusing:
            raise LedgerError("the fake ledger refuses")
        touched = {*batch.changes, *(key for entry in batch.entries for key in entry.objects)}
        if any((key.group, key.kind) == ("", "Secret") for key in touched):
            raise LedgerError("the ledger never holds a Secret")
        new = [entry for entry in batch.entries if _pair(entry) not in self._entries]
        for entry in new:
            commit = f"{len(self._entries) + 1:040x}"
            self._entries.setdefault(_pair(entry), Recorded(entry, commit, self._cluster))
        if new:
            self._change(batch)

    def push(self) -> bool:
        if self.away:
            raise Unreachable("the fake ledger's remote is away")
        self.pushed = list(self._entries.values())
        return True

    def follow(self) -> None:
        if self.away:
            raise Unreachable("the fake ledger's remote is away")

    def objects(self) -> Mapping[ObjectKey, LedgerObject]:
        return dict(sorted(self._objects.items()))

    def history(self, key: ObjectKey | None = None, limit: int = 0) -> Iterator[Recorded]:
        told = [r for r in reversed(self._entries.values()) if key is None or key in r.entry.objects]
        yield from told[:limit] if limit else told

    def _change(self, batch: Batch) -> None:
        for key, change in batch.changes.items():
            if change.live is None and change.accepted is None and change.state is None:
                self._objects.pop(key, None)
            else:
                self._objects[key] = LedgerObject(key, change.live, change.accepted, change.state)
        for rollout, lines in batch.rollouts.items():
            self.rollouts[rollout] = self.rollouts.get(rollout, "") + lines


def _pair(entry: Entry) -> tuple[str, int]:
    return entry.operation, entry.sequence
