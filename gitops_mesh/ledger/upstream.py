"""The ledger's remote: where it is pushed to, and where an empty one comes back from."""

from __future__ import annotations

from threading import Lock

from gitops_mesh.errors import LedgerError, Unreachable
from gitops_mesh.git.remote import Rejected, Remote
from gitops_mesh.git.repository import Repository

THEIRS = "refs/gitops-mesh/theirs"
"""The remote's branch as it was seen last."""
ASIDE = "refs/gitops-mesh/aside/"
"""Where commits stay that another replica overtook."""


class Upstream:
    """Keeps the local branch and the remote's one history. Nothing is ever forced, on either side."""

    def __init__(self, repository: Repository, remote: Remote, branch: str) -> None:
        self._repository = repository
        self._remote = remote
        self._branch = branch
        self._ref = f"refs/heads/{branch}"
        self._pushed: str | None = None
        self._asked = False
        self._lock = Lock()

    def adopt(self) -> str | None:
        """Take over the remote's branch, where there is none here; the local tip. Raises Unreachable, LedgerError."""
        with self._lock:
            if not self._asked:
                if self._remote.fetch(self._branch, THEIRS, seen=True):
                    theirs = self._theirs()
                    self._repository.move(self._ref, theirs, None)
                    self._pushed = theirs
                self._asked = True
        return self._repository.ref(self._ref)

    def follow(self) -> None:
        """Move the local branch to the remote's, unless that is behind; commits left aside get a ref of their own."""
        with self._lock:
            if not self._remote.fetch(self._branch, THEIRS, seen=True):
                return
            theirs, ours = self._theirs(), self._repository.ref(self._ref)
            self._asked = True
            if ours is not None and self._repository.is_ancestor(theirs, ours):
                return
            if ours is not None and not self._repository.is_ancestor(ours, theirs):
                self._repository.move(f"{ASIDE}{ours}", ours, None)
            self._repository.move(self._ref, theirs, ours)
            self._pushed = theirs

    def push(self, tip: str) -> bool:
        """Push `tip`; True when the remote has it. Raises Unreachable, LedgerError."""
        with self._lock:
            if tip == self._pushed:
                return True
            try:
                self._remote.push(tip, self._branch, seen=True)
            except Rejected:
                self._catch_up(tip)
            self._pushed = tip
        return True

    def _catch_up(self, tip: str) -> None:
        """The remote has commits that we lack: follow it if it holds all of ours, else say so and stop."""
        if not self._remote.fetch(self._branch, THEIRS, seen=True):
            raise Unreachable(
                f"branch {self._branch} of {self._remote.shown} changed during the push", remedy="it is tried again"
            )
        theirs = self._theirs()
        if not self._repository.is_ancestor(tip, theirs):
            raise self._rewritten(tip, theirs)
        self._repository.move(self._ref, theirs, tip)

    def _theirs(self) -> str:
        theirs = self._repository.ref(THEIRS)
        if theirs is None:
            raise LedgerError(f"branch {self._branch} of {self._remote.shown} is no commit")
        return theirs

    def _rewritten(self, tip: str, theirs: str) -> LedgerError:
        path = self._repository.path
        return LedgerError(
            f"the ledger's branch {self._branch} of {self._remote.shown} was rewritten: it is at {theirs[:12]}, which "
            f"does not contain {tip[:12]} of the ledger in {path}; nothing was overwritten, recording goes on there",
            remedy=f"to restore it from here: git -C {path} push --force {self._remote.shown} {tip}:{self._ref}; "
            f"to follow the remote instead: stop the daemon and remove {path}",
        )
