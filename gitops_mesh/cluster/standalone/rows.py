"""The SQLite file itself: its tables, how it is opened, and what its errors mean to a person."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gitops_mesh.errors import ClusterError

BUSY_TIMEOUT = 15.0
"""Seconds to wait while another process writes; longer than a data plane may take to accept a wave."""

_APPLICATION = 0x676D6573
"""`application_id` of our files ("gmes"), so that no other SQLite file is taken for one."""
_LAYOUT = 1
"""`user_version`: the layout of the tables."""
_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
  "group" TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  body BLOB NOT NULL, state BLOB NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY ("group", kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revision (one INTEGER PRIMARY KEY CHECK (one = 1), value INTEGER NOT NULL);
INSERT OR IGNORE INTO revision VALUES (1, 0);
"""


def connect(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """Open, and lay out a new file. Raises ClusterError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise explained(error, path) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit survives the loss of power
        _lay_out(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise explained(error, path) from error
    except ClusterError:
        connection.close()
        raise
    return connection


def _lay_out(connection: sqlite3.Connection, path: Path) -> None:
    application, layout = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if (application, layout) == (_APPLICATION, _LAYOUT):
        return
    if application == _APPLICATION:
        raise ClusterError(
            f"{path} has layout {layout}, and this version knows {_LAYOUT}",
            remedy="use the gitops-mesh that wrote it, or move the file away: the ledger brings its content back",
        )
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise ClusterError(f"{path} is a database of another program", remedy="give `state` another folder")
    connection.executescript(
        f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_LAYOUT}; COMMIT;"
    )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


_MEANINGS = (
    ("full", "the disk is full", "make room; nothing was written, and the write is tried again"),
    ("readonly", "the file cannot be written", "give the user that runs gitops-mesh write access to it and its folder"),
    ("locked", "another process holds it for too long", "see which process has it open and end that one"),
    ("unable to open", "the file cannot be opened", "check that its folder exists and can be written"),
    ("malformed", "the file is damaged", "move it away: the ledger brings back what was accepted last"),
    ("not a database", "it is no database", "move it away: the ledger brings back what was accepted last"),
    ("disk I/O", "the disk does not answer as it should", "check the disk and the file system"),
)
"""A part of SQLite's message → what it means, what to do."""


def explained(error: Exception, path: Path) -> ClusterError:
    """The error in words: which file, what is wrong, what to do."""
    text = str(error)
    for part, meaning, remedy in _MEANINGS:
        if part in text:
            return ClusterError(f"the objects in {path}: {meaning} ({text})", remedy=remedy)
    return ClusterError(f"the objects in {path}: {text}", remedy="check the file, its folder and the disk")
