"""What Git says: commits, and the files of a revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the source, as the audit trail cites it."""

    id: str
    author: str
    """`Name <mail>`."""
    time: float
    """Committer time, seconds since the epoch, UTC."""
    subject: str
    trailers: Mapping[str, str]
    """The trailers of the message's last paragraph; the last one of a name counts."""


class FileKind(StrEnum):
    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a revision: its path from the repository's root, its blob, its size in bytes."""

    path: str
    blob: str
    size: int
    kind: FileKind = FileKind.FILE


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a refresh of the source brought."""

    revision: str
    changed: bool
    rewritten: bool = False
    """The branch no longer contains the revision seen before (force-push)."""
