"""What lists and watches have brought, and what our own writes were answered: the newest of each object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from gitops_mesh.cluster.kubernetes.decode import Seen
from gitops_mesh.model.objects import LiveObject, ObjectKey

Kind = tuple[str, str]
"""(group, kind)"""
_REMEMBERED = 10_000
"""Deletions."""


class Cache:
    """All objects of the managed kinds. Safe to share; `changed` is called, outside the lock, when something did."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._changed = changed
        self._seen: dict[ObjectKey, Seen] = {}
        self._gone: dict[ObjectKey, str] = {}
        """The uid of what was deleted lately, so that no late event or answer brings it back."""
        self._sorted: tuple[LiveObject, ...] | None = ()

    def get(self, key: ObjectKey) -> Seen | None:
        """The newest that is known of an object."""
        with self._lock:
            return self._seen.get(key)

    def all(self) -> list[Seen]:
        """Everything, in no order."""
        with self._lock:
            return list(self._seen.values())

    def objects(self) -> tuple[LiveObject, ...]:
        """Every object, sorted by key; the same tuple until something changes."""
        with self._lock:
            if self._sorted is None:
                self._sorted = tuple(self._seen[key].live for key in sorted(self._seen))
            return self._sorted

    def put(self, found: Seen) -> None:
        """Remember an object unless something newer of it is known."""
        with self._lock:
            changed = self._put(found)
        if changed:
            self._changed()

    def drop(self, key: ObjectKey, uid: str) -> None:
        """An object was deleted, by us or by others."""
        with self._lock:
            self._gone.pop(key, None)
            self._gone[key] = uid
            if len(self._gone) > _REMEMBERED:
                del self._gone[next(iter(self._gone))]
            known = self._seen.get(key)
            changed = known is not None and known.uid == uid
            if changed:
                del self._seen[key]
                self._sorted = None
        if changed:
            self._changed()

    def replace(self, kind: Kind, home: str, found: Iterable[Seen], version: str) -> None:
        """All of one kind, in one namespace or (empty) in all, as of `version`.

        What it lacks is gone, unless our own write is newer. Of a kind that is not served (no version) nothing is left.
        """
        with self._lock:
            listed = set()
            for one in found:
                self._put(one)
                listed.add(one.live.key)
            lost = [
                key
                for key, known in self._seen.items()
                if (key.group, key.kind) == kind
                and home in ("", key.namespace)
                and key not in listed
                and not (version and _newer(known.live.version, version))
            ]
            for key in lost:
                del self._seen[key]
            self._sorted = None
        self._changed()

    def _put(self, found: Seen) -> bool:
        key = found.live.key
        known = self._seen.get(key)
        if self._gone.get(key) == found.uid:
            return False
        if known is not None and known.uid == found.uid and not _newer(found.live.version, known.live.version):
            return False
        self._seen[key] = found
        self._sorted = None
        return True


def _newer(one: str, other: str) -> bool:
    """Whether one resourceVersion comes after another; they count up in every API server there is (KEP-5504)."""
    return one != other and (not (one.isdigit() and other.isdigit()) or int(one) > int(other))
