"""Objects, their state and versions in SQLite, with the optimistic locking of Kubernetes.

Several processes may use one file at the same time: the daemon, an operator's command, a test. Every
write raises one counter for the whole store; the version of an object is the counter's value at its
last write, so a version is never used twice, not even by an object that was deleted and made again.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from gitops_mesh.cluster.standalone.rows import BUSY_TIMEOUT, connect, explained
from gitops_mesh.errors import ClusterError, Conflict
from gitops_mesh.manifests.normal import is_state, normal
from gitops_mesh.model.objects import PREFIX, STATE_KEYS, LiveObject, ObjectKey, Tree, Write

_KEY = '"group" = ? AND kind = ? AND namespace = ? AND name = ?'
_COLUMNS = '"group", kind, namespace, name'


class Transaction:
    """Reads and writes that happen together or not at all; only valid inside `Store.transaction`."""

    def __init__(self, connection: sqlite3.Connection, objects: Callable[[], tuple[LiveObject, ...]]) -> None:
        self._connection = connection
        self.objects = objects
        """All objects, sorted by key, as they are inside this transaction."""

    def get(self, key: ObjectKey) -> LiveObject | None:
        return _get(self._connection, key)

    def write(self, write: Write) -> LiveObject:
        """Write under optimistic locking; a write that changes nothing keeps the version. Raises Conflict."""
        live = self.get(write.key)
        if write.version is None and live is not None:
            raise Conflict(f"{write.key} exists already, at version {live.version}")
        if write.version is not None and live is None:
            raise Conflict(f"{write.key} was deleted since version {write.version} was read")
        if live is not None and live.version != write.version:
            raise Conflict(f"{write.key} is at version {live.version}, not at {write.version} as when it was read")
        return self.put(write.key, write.body, write.state)

    def put(self, key: ObjectKey, body: Tree, state: Mapping[str, str]) -> LiveObject:
        """Write whatever is there now."""
        live = self.get(key)
        tidy = normal(body)
        if live is not None and live.body == tidy and dict(live.state) == dict(state):
            return live
        version = self._next()
        self._connection.execute(
            f"INSERT OR REPLACE INTO objects ({_COLUMNS}, body, state, version) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (*_key(key), orjson.dumps(tidy), orjson.dumps(dict(state)), version),
        )
        return LiveObject(key, tidy, str(version), dict(state))

    def delete(self, live: LiveObject) -> None:
        """Delete at exactly this version; one that is gone is fine. Raises Conflict."""
        now = self.get(live.key)
        if now is not None and now.version != live.version:
            raise Conflict(f"{live.key} is at version {now.version}, not at {live.version} as when it was read")
        self.drop(live.key)

    def drop(self, key: ObjectKey) -> bool:
        """Delete whatever is there; whether there was anything."""
        query = f"DELETE FROM objects WHERE {_KEY}"  # noqa: S608 - no input in it
        gone = self._connection.execute(query, _key(key)).rowcount > 0
        if gone:
            self._next()
        return gone

    def _next(self) -> int:
        (version,) = self._connection.execute("UPDATE revision SET value = value + 1 RETURNING value").fetchone()
        return int(version)


class Store:
    """The file. Raises ClusterError, with a remedy, when it cannot be used."""

    def __init__(self, path: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._seen: dict[ObjectKey, LiveObject] = {}
        self._sorted: tuple[int, tuple[LiveObject, ...]] | None = None
        self._connection = connect(path, busy_timeout)
        weakref.finalize(self, self._connection.close)  # for those that only look, and forget to close

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def revision(self) -> int:
        """Rises with every write of any process; 0 in a store that nobody ever wrote."""
        with self._lock, self._told():
            return self._revision()

    def objects(self) -> tuple[LiveObject, ...]:
        """All objects, sorted by key; only what changed since the last call is read again."""
        with self._lock, self._told():
            revision = self._revision()
            if self._sorted is None or self._sorted[0] != revision:
                self._connection.execute("BEGIN")
                try:
                    self._sorted = (self._revision(), self._read())
                finally:
                    self._connection.execute("COMMIT")
            return self._sorted[1]

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing: committed, durably, when the block ends well, rolled back when it raises."""
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection, self._read)
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                    self._sorted = None
                    self._seen.clear()

    def replace(self, key: ObjectKey, body: Tree, *, keep_state: bool) -> LiveObject:
        """Put a live object by hand, as with `kubectl replace`: our state goes unless it is kept."""
        with self.transaction() as transaction:
            live = transaction.get(key)
            return transaction.put(key, body, live.state if live and keep_state else {})

    def annotate(self, key: ObjectKey, name: str, value: str | None) -> LiveObject:
        """Set one annotation by hand, `None` removes it; `request` means `gitops-mesh.io/request`."""
        with self.transaction() as transaction:
            live = transaction.get(key)
            if live is None:
                raise ClusterError(f"there is no {key} to annotate")
            full = PREFIX + name if name in STATE_KEYS else name
            if is_state(full):
                return transaction.put(key, live.body, _with(live.state, full.removeprefix(PREFIX), value))
            metadata = live.body["metadata"]
            annotations = _with(metadata.get("annotations", {}), full, value)
            return transaction.put(key, {**live.body, "metadata": {**metadata, "annotations": annotations}}, live.state)

    def remove(self, key: ObjectKey) -> bool:
        """Delete by hand; whether there was anything."""
        with self.transaction() as transaction:
            return transaction.drop(key)

    def _revision(self) -> int:
        (value,) = self._connection.execute("SELECT value FROM revision").fetchone()
        return int(value)

    def _read(self) -> tuple[LiveObject, ...]:
        rows = self._connection.execute(f"SELECT {_COLUMNS}, version FROM objects ORDER BY {_COLUMNS}")  # noqa: S608
        found = []
        for *parts, version in rows.fetchall():
            key = ObjectKey(*parts)
            live = self._seen.get(key)
            if live is None or live.version != str(version):
                live = _get(self._connection, key)
            if live is not None:
                found.append(live)
        self._seen = {live.key: live for live in found}
        return tuple(sorted(found, key=lambda live: live.key))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(error, self.path) from error


def _get(connection: sqlite3.Connection, key: ObjectKey) -> LiveObject | None:
    query = f"SELECT body, version, state FROM objects WHERE {_KEY}"  # noqa: S608 - no input in it
    row = connection.execute(query, _key(key)).fetchone()
    return LiveObject(key, orjson.loads(row[0]), str(row[1]), orjson.loads(row[2])) if row else None


def _key(key: ObjectKey) -> tuple[str, str, str, str]:
    return key.group, key.kind, key.namespace, key.name


def _with(values: Mapping[str, Any], name: str, value: str | None) -> dict[str, Any]:
    rest = {k: v for k, v in values.items() if k != name}
    return rest if value is None else {**rest, name: value}
