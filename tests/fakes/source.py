"""A Source in memory: a line of commits that a test writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitops_mesh.errors import SourceError, Unreachable
from gitops_mesh.model.revisions import Commit, Fetch, SourceFile


@dataclass(frozen=True, slots=True)
class _Revision:
    commit: Commit
    files: Mapping[str, bytes]
    touched: frozenset[str]
    parent: str


class FakeSource:
    """The Source port. `add` and `force_push` are the team's side; `refresh` brings what they did."""

    def __init__(self, path: str = "") -> None:
        self.away = False
        self._path = path.strip("/")
        self._revisions: dict[str, _Revision] = {}
        self._blobs: dict[str, bytes] = {}
        self._origin = ""
        self._head = ""

    def add(
        self,
        files: Mapping[str, str | bytes | None],
        subject: str = "Change",
        trailers: Mapping[str, str] | None = None,
        *,
        author: str = "Ada <ada@example.org>",
    ) -> str:
        """Add a commit on top; `None` removes a file. Its id."""
        before = self._revisions[self._origin].files if self._origin else {}
        new = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
        after = {name: content for name, content in {**before, **new}.items() if content is not None}
        name = _id(repr((self._origin, subject, sorted(after.items()), len(self._revisions))).encode())
        told = Commit(name, author, 1_790_000_000.0 + 60 * len(self._revisions), subject, dict(trailers or {}))
        self._revisions[name] = _Revision(told, after, frozenset(files), self._origin)
        self._blobs.update({_id(content): content for content in after.values()})
        self._origin = name
        return name

    def force_push(self, files: Mapping[str, str | bytes | None], *, drop: int = 1) -> str:
        """Drop the latest commits and add another."""
        for _ in range(drop):
            self._origin = self._revisions[self._origin].parent
        return self.add(files, "Rewrite")

    def refresh(self) -> Fetch:
        if self.away:
            raise Unreachable("the fake source is away")
        if not self._origin:
            raise SourceError("the fake source is empty")
        self._require_folder(self._origin)
        before, self._head = self._head, self._origin
        return Fetch(self._head, before != self._head, bool(before) and before not in self._line(self._head))

    def head(self) -> str:
        if not self._head:
            raise SourceError("the fake source was never fetched")
        return self._head

    def files(self, revision: str) -> Sequence[SourceFile]:
        self._require_folder(revision)
        held = self._revision(revision).files
        return [SourceFile(name, _id(text), len(text)) for name, text in sorted(held.items()) if self._below(name)]

    def read(self, blob: str) -> bytes:
        if blob not in self._blobs:
            raise SourceError(f"no blob {blob}")
        return self._blobs[blob]

    def commit(self, revision: str) -> Commit:
        return self._revision(revision).commit

    def first_parents(self, revision: str, limit: int) -> Sequence[str]:
        self._revision(revision)
        return self._line(revision)[:limit]

    def watch_path(self) -> None:
        return None

    def close(self) -> None:
        return None

    def causes(self, since: str, until: str, path: str) -> Sequence[Commit]:
        line = self._line(until)
        if since not in line:
            return [self._revision(until).commit]
        return [self._revisions[r].commit for r in line[: line.index(since)] if path in self._revisions[r].touched]

    def _below(self, name: str) -> bool:
        return not self._path or name.startswith(f"{self._path}/")

    def _require_folder(self, revision: str) -> None:
        if self._path and not any(self._below(name) for name in self._revision(revision).files):
            raise SourceError(f"there is no folder {self._path} at {revision}")

    def _revision(self, revision: str) -> _Revision:
        if revision not in self._revisions:
            raise SourceError(f"no revision {revision}")
        return self._revisions[revision]

    def _line(self, revision: str) -> list[str]:
        found = []
        while revision:
            found.append(revision)
            revision = self._revision(revision).parent
        return found


def _id(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
