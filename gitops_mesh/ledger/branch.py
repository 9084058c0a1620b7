"""The Ledger port on a branch of a bare Git repository, pushed to a remote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import RLock
from types import MappingProxyType

from gitops_mesh.errors import LedgerError, Unreachable
from gitops_mesh.git.commits import NewCommit
from gitops_mesh.git.names import checked_branch, checked_revision, clean_line
from gitops_mesh.git.remote import Remote
from gitops_mesh.git.repository import Repository
from gitops_mesh.ledger.messages import compose
from gitops_mesh.ledger.paths import files_of, rollout_path
from gitops_mesh.ledger.reading import entries, identities, objects_at
from gitops_mesh.ledger.upstream import Upstream
from gitops_mesh.model.ledger import Batch, Entry, LedgerObject, Recorded
from gitops_mesh.model.objects import ObjectKey

ATTEMPTS = 5
"""How often a commit is tried when another process moves the branch at the same moment."""
_CLUSTER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_SECRET = re.compile(rb"^kind:[ ]*[\"']?Secret[\"']?[ \r]*$", re.MULTILINE)

View = tuple[str, Mapping[ObjectKey, LedgerObject]]


class GitLedger:
    """The ledger of `cluster` on `branch` of the bare repository in the folder `repo`.

    With `remote` (a URL or absolute path), an empty ledger is first taken over from there, and `push` (if
    wanted) sends it there; `timeout` bounds each of those, in seconds. Making one touches nothing; a bad
    name or URL raises LedgerError at once. Safe to share between threads: a push under way holds up no `record`.
    """

    def __init__(
        self,
        repo: Path,
        branch: str,
        cluster: str,
        *,
        remote: str = "",
        push: bool = True,
        timeout: float = 60.0,
        ssh_command: str = "",
    ) -> None:
        if not _CLUSTER.fullmatch(cluster):
            raise LedgerError(
                f"{clean_line(cluster, 80)!r} cannot be a cluster's name", remedy="use letters, digits, `-`, `.`, `_`"
            )
        self._repository = Repository(repo, LedgerError)
        self._cluster = cluster
        self._ref = f"refs/heads/{checked_branch(branch, LedgerError)}"
        self._upstream: Upstream | None = None
        if remote:
            other = Remote(
                self._repository, remote, what="the ledger's remote", timeout=timeout, ssh_command=ssh_command
            )
            self._upstream = Upstream(self._repository, other, branch)
        self._pushes = push
        self._lock = RLock()
        self._known: tuple[str | None, set[tuple[str, int]]] = (None, set())
        self._view: View | None = None

    def put(self, content: bytes) -> str:
        if _SECRET.search(content):
            raise LedgerError("the ledger never holds a Secret", remedy="take Secrets out of the managed kinds")
        with self._lock:
            self._repository.create()
            return self._repository.store(content)

    def get(self, blob: str) -> bytes | None:
        checked_revision(blob, LedgerError)
        return self._repository.read(blob) if self._repository.exists else None

    def record(self, batch: Batch) -> None:
        """Append the batch's entries that are not there yet. Raises LedgerError; then nothing was written."""
        with self._lock:
            for _ in range(ATTEMPTS):
                tip = self._tip_to_write()
                new = self._unknown(tip, batch.entries)
                if not new or self._commit(tip, new, batch):
                    return
        raise LedgerError(f"{self._ref} of {self._repository.path} keeps being moved by another process")

    def push(self) -> bool:
        """Push without holding up `record`. Raises Unreachable, LedgerError."""
        if self._upstream is None or not self._pushes:
            return True
        tip = self._repository.ref(self._ref)
        return tip is None or self._upstream.push(tip)

    def objects(self) -> Mapping[ObjectKey, LedgerObject]:
        """What the tip's tree knows. Raises Unreachable while an empty ledger cannot ask its remote."""
        with self._lock:
            tip = self._tip()
            if tip is None:
                return {}
            if self._view is None or self._view[0] != tip:
                self._view = (tip, objects_at(self._repository, tip))
            return self._view[1]

    def history(self, key: ObjectKey | None = None, limit: int = 0) -> Iterator[Recorded]:
        """Entries, newest first. Raises Unreachable as `objects` does."""
        with self._lock:
            tip = self._tip()
        if tip is not None:
            yield from entries(self._repository, tip, key, limit)

    def follow(self) -> None:
        """Take the remote's branch as ours, where it is ahead or went another way. Raises Unreachable, LedgerError."""
        with self._lock:
            self._repository.create()
            if self._upstream is not None:
                self._upstream.follow()

    def close(self) -> None:
        """End what runs in the background."""
        self._repository.close()

    def _tip(self) -> str | None:
        self._repository.create()
        tip = self._repository.ref(self._ref)
        return self._upstream.adopt() if tip is None and self._upstream is not None else tip

    def _tip_to_write(self) -> str | None:
        try:
            return self._tip()
        except Unreachable as problem:  # the port's `record` knows LedgerError only
            message = f"nothing is recorded before the remote is asked for an earlier ledger: {problem.message}"
            raise LedgerError(message, remedy=problem.remedy) from problem

    def _unknown(self, tip: str | None, wanted: Sequence[Entry]) -> list[Entry]:
        """The entries that are not there yet, each once."""
        if self._known[0] != tip:
            self._known = (tip, identities(self._repository, tip) if tip else set())
        new: dict[tuple[str, int], Entry] = {}
        for entry in wanted:
            if (entry.operation, entry.sequence) not in self._known[1]:
                new.setdefault((entry.operation, entry.sequence), entry)
        return list(new.values())

    def _commit(self, tip: str | None, new: Sequence[Entry], batch: Batch) -> bool:
        messages = [compose(entry, self._cluster) for entry in new]
        files = self._files(tip, batch)
        commits = [NewCommit(message, entry.at) for message, entry in zip(messages, new, strict=True)]
        commits[-1] = NewCommit(messages[-1], new[-1].at, files)
        made = self._repository.append(self._ref, tip, f"gitops-mesh@{self._cluster}", commits)
        if made is None:
            return False
        self._known[1].update((entry.operation, entry.sequence) for entry in new)
        self._known = (made, self._known[1])
        self._view = self._seen(tip, made, batch)
        self._repository.tidy()
        return True

    def _files(self, tip: str | None, batch: Batch) -> dict[str, bytes | None]:
        files = {path: content for key, change in batch.changes.items() for path, content in files_of(key, change)}
        for path, content in files.items():
            if content is not None and _SECRET.search(content):
                raise LedgerError(f"{path} would hold a Secret", remedy="take Secrets out of the managed kinds")
        for rollout, lines in batch.rollouts.items():
            path = rollout_path(rollout)
            before = (self._repository.read(f"{tip}:{path}") if tip else None) or b""
            after = lines.encode("utf-8", "replace")
            files[path] = before + after + (b"" if after.endswith(b"\n") or not after else b"\n")
        return files

    def _seen(self, tip: str | None, made: str, batch: Batch) -> View | None:
        """The view after a commit, from the one before: reading 10,000 objects back would take a second."""
        if tip is not None and (self._view is None or self._view[0] != tip):
            return None
        known = dict(self._view[1]) if tip is not None and self._view is not None else {}
        grown = False
        for key, change in batch.changes.items():
            if change.live is None and change.accepted is None and change.state is None:
                known.pop(key, None)
            else:
                grown = grown or key not in known
                known[key] = LedgerObject(key, change.live, change.accepted, change.state)
        return made, MappingProxyType(dict(sorted(known.items())) if grown else known)
