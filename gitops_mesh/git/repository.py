"""A bare repository on this machine: objects, refs, log, and commits written without a work tree."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gitops_mesh.errors import GitOpsMeshError
from gitops_mesh.git.blobs import BlobReader
from gitops_mesh.git.command import Outcome, run
from gitops_mesh.git.commits import NewCommit, stream
from gitops_mesh.git.environment import variables
from gitops_mesh.git.failures import Kind, failure
from gitops_mesh.git.loose import store

PACKS = 64
"""Packs that may gather before they are rolled into one."""
STALE = 60.0
"""Seconds after which a lock or a temporary file was left behind by a process that died."""
LEAVINGS = ("fast_import_crash_*", "objects/obj*", "objects/pack/tmp_*", "objects/pack/.tmp-*")


class Repository:
    """One repository, named by its git directory. Failures are raised as `error`, with a remedy."""

    def __init__(self, path: Path, error: type[GitOpsMeshError], *, timeout: float = 30.0) -> None:
        self.path = path
        self.error = error
        self._timeout = timeout
        self._blobs = BlobReader(path, error, variables())

    @property
    def exists(self) -> bool:
        return (self.path / "HEAD").is_file() and (self.path / "objects").is_dir()

    def create(self) -> None:
        """Make it, bare and empty, if it is not there; whole or not at all."""
        if self.exists:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise self.error(
                    f"{self.path} is no Git repository, and not empty", remedy="remove it, or choose another"
                )
            fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self.path.parent))
            try:
                words = ("init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(fresh))
                self._must(run(words, timeout=self._timeout, error=self.error), "creating it")
                fresh.rename(self.path)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        except OSError as problem:
            raise self._os_error(problem) from problem

    def git(self, *words: str, doing: str, stdin: bytes = b"", timeout: float | None = None) -> bytes:
        """The output of a git command. Raises `error`."""
        return self._must(self.outcome(*words, stdin=stdin, timeout=timeout), doing).out

    def outcome(self, *words: str, stdin: bytes = b"", timeout: float | None = None) -> Outcome:
        """How a git command ends, whatever that is."""
        command = (f"--git-dir={self.path}", *words)
        return run(command, timeout=timeout or self._timeout, error=self.error, stdin=stdin)

    def ref(self, name: str) -> str | None:
        """The commit that a full ref names, `None` if there is no such ref."""
        loose = loose_ref(self.path, name)
        if loose is not None:
            return loose
        if not (self.path / "packed-refs").exists() and not (self.path / "reftable").exists():
            return None
        found = self.outcome("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return found.out.decode().strip() or None

    def move(self, name: str, new: str, old: str | None) -> bool:
        """Point a ref at `new` if it is at `old` now (`None`: not there); whether it was."""
        words = ("update-ref", "--no-deref", name, new, old or "0" * len(new))
        moved = self.outcome(*words)
        if moved.status and failure(moved).kind is Kind.LOCKED and self._unlock():
            moved = self.outcome(*words)
        if moved.status and failure(moved).kind is not Kind.LOCKED:
            self._must(moved, f"moving {name}")
        return not moved.status

    def read(self, name: str) -> bytes | None:
        """A blob by id or `commit:path`, `None` if there is none."""
        return self._blobs.read(name)

    def store(self, content: bytes) -> str:
        """Write a blob; its id."""
        try:
            return store(self.path, content)
        except OSError as problem:
            raise self._os_error(problem) from problem

    def append(self, ref: str, tip: str | None, mail: str, commits: Sequence[NewCommit]) -> str | None:
        """Write commits on top of `tip` and move `ref` there in one go; `None` if `ref` is not at `tip`."""
        text = stream(ref, tip, mail, commits)
        words = ("fast-import", "--quiet", "--done", "--date-format=raw")
        written = self.outcome(*words, stdin=text)
        if written.status and failure(written).kind is Kind.LOCKED and self._unlock():
            written = self.outcome(*words, stdin=text)
        if written.status:
            self._sweep()
            if self.ref(ref) != tip:
                return None
        return self._must(written, "writing a commit").out.decode().strip()

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is `new` or in its history; not so if it is unknown here."""
        return old == new or self.outcome("merge-base", "--is-ancestor", old, new).status == 0

    def log(self, fields: Sequence[str], *words: str) -> Iterator[list[str]]:
        """Commits, newest first, each as the values of `fields` (placeholders of git log's format)."""
        form = "--format=tformat:" + "%x00".join(fields)
        out = self.git("log", "-z", "--no-color", "--no-notes", form, *words, doing="reading its history")
        values = out.decode("utf-8", "replace").split("\0")
        for first in range(0, len(values) - 1, len(fields)):
            yield values[first : first + len(fields)]

    def tidy(self) -> None:
        """Roll many small packs into few; cheap when there is nothing to do, and harmless when it fails."""
        packs = self.path / "objects" / "pack"
        if sum(1 for _ in packs.glob("*.pack")) >= PACKS:
            self._sweep()
            self.outcome("repack", "--geometric=2", "-d", "-q")

    def close(self) -> None:
        """End what runs in the background; the repository can still be used."""
        self._blobs.close()

    def _must(self, outcome: Outcome, doing: str) -> Outcome:
        if outcome.status or outcome.late:
            raise failure(outcome).error(self.error, f"the repository in {self.path}", doing)
        return outcome

    def _os_error(self, problem: OSError) -> GitOpsMeshError:
        outcome = Outcome(1, b"", f"fatal: {problem.strerror}")
        return failure(outcome).error(self.error, f"the repository in {self.path}", "writing to it")

    def _unlock(self) -> bool:
        """Remove locks that a dead process left behind; whether there were any."""
        return self._sweep("**/*.lock") > 0

    def _sweep(self, *patterns: str) -> int:
        """Remove what dead processes left behind: by default the beginnings of packs, and reports of crashes."""
        os.utime(self.path)  # the file system's own clock tells the age, whatever this machine's says
        limit = self.path.stat().st_mtime - STALE
        swept = 0
        for pattern in patterns or LEAVINGS:
            for left in list(self.path.glob(pattern)):
                with suppress(FileNotFoundError):
                    if left.is_file() and left.stat().st_mtime < limit:
                        left.unlink()
                        swept += 1
        return swept


def loose_ref(git_dir: Path, name: str) -> str | None:
    """A ref from its own file, without a process; `None` where it has none (it may be packed, or not there)."""
    try:
        text = (git_dir / name).read_bytes().strip()
    except OSError:
        return None
    return text.decode() if len(text) in (40, 64) and text.isalnum() and text.isascii() else None
