"""Real Git repositories for tests: a bare origin and a clone, merge commits, deterministic ids."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

EPOCH = 1_790_000_000
"""Committer time of the first commit; each later one is a minute after the one before."""
AUTHOR = "Ada <ada@example.org>"


class Repository:
    """A team's repository. Every change is pushed to the bare `origin` at once; values are commit ids."""

    def __init__(self, root: Path, branch: str = "main") -> None:
        self.origin = root / "origin.git"
        self.clone = root / "clone"
        self.branch = branch

    @classmethod
    def create(cls, root: Path, branch: str = "main") -> Repository:
        """An empty origin, and a clone of it."""
        repository = cls(root, branch)
        root.mkdir(parents=True, exist_ok=True)
        repository.git("init", "--quiet", "--bare", f"--initial-branch={branch}", str(repository.origin), cwd=root)
        repository.git("init", "--quiet", f"--initial-branch={branch}", str(repository.clone), cwd=root)
        repository.git("remote", "add", "origin", "../origin.git")
        return repository

    @classmethod
    def open(cls, root: Path, branch: str = "main") -> Repository:
        """One that `create` made, perhaps in another process or copied from elsewhere."""
        return cls(root, branch)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def commit(
        self,
        files: Mapping[str, str | bytes | None] | None = None,
        subject: str = "Change",
        trailers: Mapping[str, str] | None = None,
        *,
        author: str = AUTHOR,
        push: bool = True,
    ) -> str:
        """Write files (`None` removes) and commit them to the branch that is checked out."""
        for name, content in (files or {}).items():
            place = self.clone / name
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--author={author}", "--message", _message(subject, trailers))
        return self._done(push=push)

    def merge(
        self,
        files: Mapping[str, str | bytes | None],
        subject: str = "Change",
        trailers: Mapping[str, str] | None = None,
        *,
        branch_trailers: Mapping[str, str] | None = None,
        author: str = AUTHOR,
    ) -> str:
        """Commit to a topic branch and merge it with a merge commit; `trailers` are the merge commit's."""
        if not self.git("rev-parse", "--verify", "--quiet", "HEAD", check=False):
            self.commit({}, "First commit", push=False)
        self.git("switch", "--quiet", "--create", "topic")
        self.commit(files, subject, branch_trailers, author=author, push=False)
        self.git("switch", "--quiet", self.branch)
        message = _message(f"Merge: {subject}", trailers)
        self.git("merge", "--quiet", "--no-ff", "--message", message, "topic")
        self.git("branch", "--quiet", "-D", "topic")
        return self._done(push=True)

    def revert(self, commit: str) -> str:
        """`git revert` of a commit; of a merge commit, what it merged."""
        merged = len(self.git("rev-list", "--parents", "--max-count=1", commit).split()) > 2
        self.git("revert", "--no-edit", *(("--mainline", "1") if merged else ()), commit)
        return self._done(push=True)

    def force_push(self, files: Mapping[str, str | bytes | None], *, drop: int = 1, subject: str = "Rewrite") -> str:
        """Drop the latest first-parent commits, commit something else, and overwrite the origin's branch."""
        self.git("reset", "--quiet", "--hard", f"HEAD~{drop}")
        self.commit(files, subject, push=False)
        self.git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{self.branch}")
        return self.head

    def git(self, *words: str, cwd: Path | None = None, check: bool = True) -> str:
        """Run git in the clone, apart from the machine's and the user's configuration."""
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.clone, env=self._environment(), capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"git {' '.join(words)}: {done.stderr or done.stdout}"
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        name, mail = "Merge Bot", "bot@example.org"
        date = f"{EPOCH + 60 * self._commits()} +0000"
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_EDITOR": "true",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": mail,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "gc.auto",
            "GIT_CONFIG_VALUE_0": "0",
        }

    def _commits(self) -> int:
        """How many commits were made here; kept in a file, so that time goes on after a reopening."""
        count = self.clone / ".git" / "test-commits"
        return int(count.read_text()) if count.exists() else 0

    def _done(self, *, push: bool) -> str:
        (self.clone / ".git" / "test-commits").write_text(str(self._commits() + 1))
        if push:
            self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{self.branch}")
        return self.head


def _message(subject: str, trailers: Mapping[str, str] | None) -> str:
    block = "\n".join(f"{key}: {value}" for key, value in (trailers or {}).items())
    return f"{subject}\n\n{block}\n" if block else f"{subject}\n"
