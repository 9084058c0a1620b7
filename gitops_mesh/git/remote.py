"""The other side: fetching one ref, pushing one ref, listing branches."""

from __future__ import annotations

from pathlib import Path

from gitops_mesh.errors import GitOpsMeshError, Unreachable
from gitops_mesh.git.command import Outcome, run
from gitops_mesh.git.environment import variables
from gitops_mesh.git.failures import Kind, failure
from gitops_mesh.git.names import checked_url, clean_line, local_path, redacted, shown_url
from gitops_mesh.git.repository import Repository, loose_ref

NAME = "upstream"
"""The remote's name in git's configuration; its URL travels in the environment and is never on disk."""
TRUST = "trusted.gitconfig"


class Rejected(GitOpsMeshError):
    """The remote has commits that we do not have; nothing was pushed."""


class Remote:
    """A remote of a repository. `timeout` bounds every call, in seconds."""

    def __init__(self, repository: Repository, url: str, *, what: str, timeout: float, ssh_command: str = "") -> None:
        self._repository = repository
        self._url = checked_url(url, repository.error, what)
        self._timeout = timeout
        self._ssh = ssh_command
        self.shown = shown_url(url)
        self._what = f"{what} {self.shown}"

    def tip(self, branch: str) -> str | None:
        """A branch's commit where that costs nothing: the remote is a folder and the branch a file in it."""
        folder = self.folder
        return loose_ref(folder, f"refs/heads/{branch}") if folder else None

    @property
    def folder(self) -> Path | None:
        """The git directory of a remote on this machine; `None` for others, and where there is none."""
        path = local_path(self._url)
        return git_directory(path) if path else None

    def fetch(self, branch: str, ref: str, *, seen: bool = False) -> bool:
        """Bring the remote's branch to the local `ref`; False if it has no such branch.

        With `seen`, a repository that is missing was there before, and so is Unreachable. Raises that or `error`.
        """
        refspec = f"+refs/heads/{branch}:{ref}"
        words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-gc")
        outcome = self._run(*words, NAME, refspec, trusting=True)
        if not outcome.status:
            return True
        if failure(outcome).kind is Kind.NO_REF:
            return False
        raise self._failed(outcome, "fetching", seen=seen)

    def push(self, commit: str, branch: str, *, seen: bool = False) -> None:
        """Push fast-forward only. Raises Rejected when that is impossible, Unreachable, or `error`."""
        words = ("push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no")
        outcome = self._run(*words, NAME, f"{commit}:refs/heads/{branch}", trusting=False)
        if not outcome.status:
            return
        for line in outcome.out.decode("utf-8", "replace").splitlines():
            if line.startswith("!") and "[remote rejected]" not in line and "[rejected]" in line:
                raise Rejected(clean_line(line.rsplit("\t", 1)[-1]))
            if line.startswith("!"):
                said = clean_line(redacted(line.rsplit("\t", 1)[-1], self._url), 200)
                message = f"{self._what} refused the push to branch {branch}: {said}"
                if "lock" in said:
                    raise Unreachable(message, remedy="somebody else pushes at this moment; it is tried again")
                raise self._repository.error(
                    message, remedy="check the branch's protection rules and the remote's hooks"
                )
        raise self._failed(outcome, "pushing", seen=seen)

    def branches(self) -> list[str]:
        """The remote's branches. Raises Unreachable, `error`."""
        outcome = self._run("ls-remote", "--heads", "--quiet", NAME, trusting=True)
        if outcome.status:
            raise self._failed(outcome, "listing its branches", seen=False)
        names = (line.partition("\t")[2] for line in outcome.out.decode("utf-8", "replace").splitlines())
        return [name.removeprefix("refs/heads/") for name in names]

    def _failed(self, outcome: Outcome, doing: str, *, seen: bool) -> GitOpsMeshError:
        failed = failure(outcome, self._url)
        problem = failed.error(self._repository.error, self._what, doing)
        if seen and failed.kind is Kind.MISSING:
            return Unreachable(problem.message, remedy=problem.remedy)
        return problem

    def _run(self, *words: str, trusting: bool) -> Outcome:
        settings_file = self._trust() if trusting else ""
        environment = variables({f"remote.{NAME}.url": self._url}, settings_file=settings_file, ssh=self._ssh)
        command = (f"--git-dir={self._repository.path}", *words)
        return run(command, timeout=self._timeout, error=self._repository.error, environment=environment)

    def _trust(self) -> str:
        """Reading from a folder that the operator named is wanted, whoever owns it: reading runs nothing of it.

        (Pushing would run its hooks, so there git's check of the owner stays.)
        """
        folder = self.folder
        if folder is None:
            return ""
        names = {str(folder), str(folder.parent), str(folder.resolve()), str(local_path(self._url))}
        quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in sorted(names))
        text = "[safe]\n" + "".join(f'\tdirectory = "{name}"\n' for name in quoted)
        file = self._repository.path / TRUST
        try:
            if not file.is_file() or file.read_text() != text:
                file.write_text(text)
        except OSError as problem:
            outcome = Outcome(1, b"", f"fatal: {problem.strerror}")
            raise self._failed(outcome, "preparing to read it", seen=False) from problem
        return str(file)


def git_directory(path: Path) -> Path | None:
    """The git directory of a repository in a folder, bare or with a work tree; `None` if there is none."""
    if (path / "HEAD").is_file() and (path / "objects").is_dir():
        return path
    inner = path / ".git"
    if inner.is_file():  # a linked work tree: `gitdir: …`, whose refs are in the common directory
        try:
            target = (path / inner.read_text().removeprefix("gitdir:").strip()).resolve()
            common = (target / "commondir").read_text().strip() if (target / "commondir").is_file() else "."
        except (OSError, ValueError):
            return None
        return (target / common).resolve()
    return inner if (inner / "HEAD").is_file() else None
