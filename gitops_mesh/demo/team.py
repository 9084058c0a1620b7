"""The team: branches, merge commits and reverts in a working clone, through the plain `git` command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gitops_mesh.errors import GitOpsMeshError

BRANCH = "main"
TIMEOUT = 60.0
"""Seconds that one git command may take."""


def git(folder: Path, *words: str, author: str = "Ada") -> str:
    """Run git in a folder, apart from the machine's and the user's configuration; its output."""
    program = shutil.which("git")
    if program is None:
        raise GitOpsMeshError("there is no `git` on this machine", remedy="install git")
    mail = f"{author.lower()}@shop.example"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **{
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", author), ("EMAIL", mail))
        },
    }
    done = subprocess.run(
        [program, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if done.returncode:
        raise GitOpsMeshError(f"`git {' '.join(words)}` failed in {folder}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


class Team:
    """Works in one clone of the mesh repository."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone

    @staticmethod
    def found(origin: Path, clone: Path) -> Team:
        """Make the folder `clone` a repository with all that is in it, and push it to a new bare `origin`."""
        origin.mkdir(parents=True)
        git(origin, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}")
        git(clone, "init", "--quiet", f"--initial-branch={BRANCH}")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "Begin the shop's mesh: all traffic on v1")
        git(clone, "remote", "add", "origin", str(origin))
        git(clone, "push", "--quiet", "--set-upstream", "origin", BRANCH)
        return Team(clone)

    def merge(self, branch: str, subject: str, edits: Mapping[str, str], *, author: str = "Ada") -> str:
        """Commit new contents of files on a branch, merge it as a forge would, and push; the merge's id."""
        git(self.clone, "switch", "--quiet", "--create", branch, BRANCH)
        for path, content in edits.items():
            target = self.clone / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--message", subject, author=author)
        git(self.clone, "switch", "--quiet", BRANCH)
        git(self.clone, "merge", "--quiet", "--no-ff", "--message", f"Merge {branch}: {subject}", branch)
        return self._push()

    def revert(self, merge: str) -> str:
        """Revert a merge on the branch and push; the new commit's id."""
        git(self.clone, "revert", "--no-edit", "--mainline", "1", merge)
        return self._push()

    def read(self, path: str) -> str:
        return (self.clone / path).read_text()

    def _push(self) -> str:
        git(self.clone, "push", "--quiet", "origin", BRANCH)
        return git(self.clone, "rev-parse", "HEAD")


def weighed(text: str, weights: Mapping[str, int]) -> str:
    """A route file's text with other weights, subset by subset, as a person edits it."""
    for subset, weight in weights.items():
        text, edited = re.subn(rf"(subset: {subset}\n\s+weight: )\d+", rf"\g<1>{weight}", text)
        if edited != 1:
            raise GitOpsMeshError(f"subset {subset} stands {edited} times in the route, not once")
    return text
