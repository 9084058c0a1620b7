"""The Source port on a Git repository: a bare mirror of one branch."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import RLock

from gitops_mesh.errors import SourceError
from gitops_mesh.git.names import checked_branch, checked_revision, clean_line, nearest
from gitops_mesh.git.remote import Remote
from gitops_mesh.git.repository import Repository
from gitops_mesh.model.revisions import Commit, Fetch, SourceFile
from gitops_mesh.source.recent import Recent
from gitops_mesh.source.tree import checked_path, files_of, require_folder

REVISIONS = 64
"""Revisions whose list of files is kept."""
BYTES = 32 * 1024 * 1024
"""Bytes of blobs that are kept."""
HEAD = "refs/gitops-mesh/source"
"""The mirror's only lasting ref: the branch as it was read last."""
INCOMING = "refs/gitops-mesh/incoming"
_FIELDS = ("%H", "%an <%ae>", "%ct", "%s", "%(trailers:only=true,unfold=true)")


class GitSource:
    """Reads `path` of `branch` of the repository at `url`, through a bare mirror in the folder `mirror`.

    `timeout` bounds each fetch, in seconds. Making one touches nothing; a bad URL, branch or path raises
    SourceError at once. Safe to share between threads.
    """

    def __init__(
        self, url: str, branch: str, path: str, mirror: Path, *, timeout: float = 60.0, ssh_command: str = ""
    ) -> None:
        self._repository = Repository(mirror, SourceError)
        self._remote = Remote(self._repository, url, what="the source", timeout=timeout, ssh_command=ssh_command)
        self._branch = checked_branch(branch, SourceError)
        self._path = checked_path(path)
        self._origin = hashlib.sha256(f"{url}\0{branch}".encode("utf-8", "replace")).hexdigest()
        self._lock = RLock()
        self._files: Recent[str, tuple[SourceFile, ...]] = Recent(REVISIONS)
        self._commits: Recent[str, Commit] = Recent(REVISIONS * 16)
        self._blobs: Recent[str, bytes] = Recent(BYTES, len)
        self._good = ""

    def refresh(self) -> Fetch:
        """Fetch the branch. The mirror moves on only to a revision that has the configured folder."""
        with self._lock:
            self._prepare()
            before = self._repository.ref(HEAD)
            if before is not None and before == self._good == self._remote.tip(self._branch):
                return Fetch(before, changed=False)
            if not self._remote.fetch(self._branch, INCOMING, seen=before is not None):
                raise self._no_branch()
            after = self._repository.ref(INCOMING)
            if after is None:
                raise SourceError(f"branch {self._branch} of the source {self._remote.shown} is no commit")
            require_folder(self._repository, after, self._path)
            self._good = after
            if after == before:
                return Fetch(after, changed=False)
            rewritten = before is not None and not self._repository.is_ancestor(before, after)
            if not self._repository.move(HEAD, after, before):  # another process (`plan`, say) fetched as well
                after = self.head()
            self._repository.tidy()
            return Fetch(after, changed=True, rewritten=rewritten)

    def head(self) -> str:
        found = self._repository.ref(HEAD) if self._is_ours() else None
        if found is None:
            raise SourceError(f"the source {self._remote.shown} was never fetched", remedy="fetch it first")
        return found

    def files(self, revision: str) -> Sequence[SourceFile]:
        """The files below the configured path. Raises SourceError where the revision has no such folder."""
        checked_revision(revision, SourceError)

        def list_files() -> tuple[SourceFile, ...]:
            require_folder(self._repository, revision, self._path)
            return files_of(self._repository, revision, self._path)

        return self._files.get(revision, list_files)

    def read(self, blob: str) -> bytes:
        checked_revision(blob, SourceError)

        def fetch_blob() -> bytes:
            content = self._repository.read(blob)
            if content is None:
                raise SourceError(f"the source's mirror has no blob {blob}", remedy=f"remove {self._repository.path}")
            return content

        return self._blobs.get(blob, fetch_blob)

    def commit(self, revision: str) -> Commit:
        checked_revision(revision, SourceError)
        return self._commits.get(revision, lambda: self._log("-1", "--end-of-options", revision)[0])

    def first_parents(self, revision: str, limit: int) -> Sequence[str]:
        checked_revision(revision, SourceError)
        words = ("rev-list", "--first-parent", f"--max-count={max(0, limit)}", revision)
        return self._repository.git(*words, doing="reading its history").decode().split()

    def causes(self, since: str, until: str, path: str) -> Sequence[Commit]:
        checked_revision(until, SourceError)
        if since:
            checked_revision(since, SourceError)
        if not since or not self._repository.is_ancestor(since, until):
            return [self.commit(until)]
        return self._log("--first-parent", f"{since}..{until}", "--", path)

    def watch_path(self) -> Path | None:
        """The folder whose changes mean new commits, where the repository is on this machine."""
        return self._remote.folder

    def close(self) -> None:
        """End what runs in the background."""
        self._repository.close()

    def _log(self, *words: str) -> list[Commit]:
        return [_commit(*values) for values in self._repository.log(_FIELDS, *words)]

    def _prepare(self) -> None:
        """A mirror of this branch of this URL: one of another is emptied, so that its commits never count as ours."""
        if self._repository.exists and not self._is_ours():
            self._repository.close()
            shutil.rmtree(self._repository.path, ignore_errors=True)
        self._repository.create()
        if self._is_ours():
            return
        try:
            fresh = self._mark.with_suffix(".new")
            fresh.write_text(self._origin)
            fresh.replace(self._mark)
        except OSError as problem:
            raise SourceError(f"{self._mark} cannot be written: {problem.strerror}") from problem

    @property
    def _mark(self) -> Path:
        return self._repository.path / "gitops-mesh.origin"

    def _is_ours(self) -> bool:
        try:
            return self._mark.read_text() == self._origin
        except OSError:
            return False

    def _no_branch(self) -> SourceError:
        branches = self._remote.branches()
        where = f"the source {self._remote.shown}"
        if not branches:
            return SourceError(f"{where} is empty: it has no commits", remedy=f"push a first commit to {self._branch}")
        return SourceError(
            f"{where} has no branch {self._branch!r}", remedy=f"choose one of: {nearest(self._branch, branches)}"
        )


def _commit(name: str, author: str, time: str, subject: str, trailers: str) -> Commit:
    pairs = (line.partition(":") for line in trailers.splitlines() if ":" in line)
    told = {clean_line(key): clean_line(value) for key, _, value in pairs}
    return Commit(name, clean_line(author), float(time or 0), clean_line(subject), told)
