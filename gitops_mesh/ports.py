"""The ports: what the reconciler asks of the outside, as Protocols of few methods.

Each adapter raises only errors of `gitops_mesh.errors`, bounds every call with a deadline of its
own, and passes the contract suite in `tests/contract/`. `Unreachable` means: try again later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gitops_mesh.errors import ClusterError
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.ledger import Batch, Entry, LedgerObject, Recorded
from gitops_mesh.model.measurements import Reading
from gitops_mesh.model.objects import LiveObject, Manifest, ObjectKey, Write
from gitops_mesh.model.revisions import Commit, Fetch, SourceFile
from gitops_mesh.model.routes import Destination, RouteRef


class Clock(Protocol):
    """The only place where time comes from."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for deadlines within one process."""
        ...


class Source(Protocol):
    """A Git repository, read at revisions. Reading works while the remote is away."""

    def refresh(self) -> Fetch:
        """Fetch the branch into the mirror. Raises Unreachable, SourceError (no branch, no commits)."""
        ...

    def head(self) -> str:
        """The branch's revision in the mirror. Raises SourceError before the first refresh."""
        ...

    def files(self, revision: str) -> Sequence[SourceFile]:
        """The files below the configured path, sorted; paths are from the repository's root."""
        ...

    def read(self, blob: str) -> bytes: ...

    def commit(self, revision: str) -> Commit: ...

    def first_parents(self, revision: str, limit: int) -> Sequence[str]:
        """`revision` and its first-parent ancestors, newest first, at most `limit`."""
        ...

    def close(self) -> None:
        """Give back what reading holds; nothing is read afterwards."""
        ...

    def watch_path(self) -> Path | None:
        """The folder whose changes tell of new commits, for a local repository."""
        ...

    def causes(self, since: str, until: str, path: str) -> Sequence[Commit]:
        """First-parent commits in `since..until` that touched `path`, newest first.

        `since` empty or unreachable from `until`: `until`'s commit alone.
        """
        ...


class Cluster(Protocol):
    """A mesh that holds objects with optimistic locking and makes its data plane follow them."""

    @property
    def name(self) -> str: ...

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from any thread, when something changed that a pass should look at."""
        ...

    def leader(self) -> str:
        """Who decides instead of this process, in words; empty when this one does. Never raises."""
        ...

    def check(self, manifests: Sequence[Manifest]) -> Sequence[Finding]:
        """What this cluster cannot honour in the whole desired set, as findings."""
        ...

    def objects(self) -> Sequence[LiveObject]:
        """Every object of the managed kinds, sorted by key. Raises Unreachable; never partial."""
        ...

    def apply(self, writes: Sequence[Write]) -> Sequence[LiveObject | ClusterError]:
        """Write one wave; an answer for each write, in order. A returned object is *in force*:
        the data plane has it, as far as the cluster can tell. Raises Unreachable.
        """
        ...

    def rehearse(self, writes: Sequence[Write]) -> Sequence[ClusterError | None]:
        """What `apply` would refuse, as far as can be told without writing; an answer for each. Raises Unreachable."""
        ...

    def delete(self, objects: Sequence[LiveObject]) -> Sequence[ClusterError | None]:
        """Delete these objects at exactly these versions; an answer for each. Raises Unreachable."""
        ...

    def close(self) -> None:
        """Give back what it holds; nothing is asked of it afterwards."""
        ...

    def unready(self, destinations: Collection[Destination]) -> Mapping[Destination, str]:
        """Those destinations that have no ready endpoint now, each with the reason in words."""
        ...


class Metrics(Protocol):
    """A metrics provider that tells the routes of a rollout apart."""

    def read(self, watched: Collection[tuple[RouteRef, Destination]]) -> Reading:
        """The increments since the reading before; a failure is a Reading with a `problem`."""
        ...


class Ledger(Protocol):
    """The audit branch of one cluster."""

    def put(self, content: bytes) -> str:
        """Store a blob, referenced or not; its id. Idempotent."""
        ...

    def get(self, blob: str) -> bytes | None:
        """A blob's content, `None` if the ledger does not have it."""
        ...

    def record(self, batch: Batch) -> None:
        """Append each entry that is not there yet, as a commit; the tree changes go with the last one.

        Entries are known by (operation, sequence). Raises LedgerError.
        """
        ...

    def push(self) -> bool:
        """Push what the remote lacks, fast-forward only. True when nothing is left to push (or no
        remote is configured). Raises Unreachable, LedgerError (the remote's branch was rewritten).
        """
        ...

    def follow(self) -> None:
        """Go on from the remote's branch, where another replica may have written; what we have and it has not,
        having gone another way, is set aside: it stands in the outboxes. Raises Unreachable, LedgerError.
        """
        ...

    def objects(self) -> Mapping[ObjectKey, LedgerObject]:
        """What the tip's tree knows."""
        ...

    def history(self, key: ObjectKey | None = None, limit: int = 0) -> Iterator[Recorded]:
        """Entries, newest first; of one object when `key` is given; 0: no limit."""
        ...


class Forge(Protocol):
    """Where pull requests live."""

    def report(self, revision: str, ok: bool, summary: str) -> None:
        """Set the commit's status. Raises Unreachable."""
        ...


class Notifier(Protocol):
    def notify(self, cluster: str, entry: Entry) -> None:
        """Tell people of a transition. Raises Unreachable; never retried by the caller for ever."""
        ...
