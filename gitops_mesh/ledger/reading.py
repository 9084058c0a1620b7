"""Reading a ledger back from its branch alone: the timeline, and what its tree knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from gitops_mesh.errors import LedgerError
from gitops_mesh.git.names import checked_branch, clean_path, is_unprintable, local_path, nearest
from gitops_mesh.git.remote import git_directory
from gitops_mesh.git.repository import Repository
from gitops_mesh.ledger.messages import known_as, object_line, parse
from gitops_mesh.ledger.paths import part_of
from gitops_mesh.model.ledger import LedgerObject, Recorded
from gitops_mesh.model.objects import ObjectKey

PAGE = 500
"""Commits that are read at a time, so that the newest are there at once."""
_FIELDS = ("%H", "%P", "%ct", "%B")


def read_history(
    repository: Path | str, branch: str = "", key: ObjectKey | None = None, limit: int = 0
) -> Iterator[Recorded]:
    """The entries of a ledger in any clone on this machine, newest first; needs nothing but the clone.

    `repository` is a folder or a file:// URL; `branch` is looked for as a local branch, then as one of
    `origin`; without one, what is checked out. Raises LedgerError.
    """
    path = repository if isinstance(repository, Path) else local_path(repository) or Path(repository)
    folder = git_directory(path)
    if is_unprintable(str(path)) or folder is None:
        raise LedgerError(
            f"there is no Git repository in {str(path)!r}", remedy="name a clone of the ledger on this machine"
        )
    opened = Repository(folder.absolute(), LedgerError)
    tip = opened.ref("HEAD") if not branch else _tip(opened, checked_branch(branch, LedgerError))
    if tip is None:
        raise LedgerError(_nothing(path, branch), remedy=_choices(opened, branch))
    return entries(opened, tip, key, limit)


def entries(repository: Repository, tip: str, key: ObjectKey | None = None, limit: int = 0) -> Iterator[Recorded]:
    """The entries at `tip` and before it, newest first; commits that are not ours are passed over."""
    told = 0
    words = () if key is None else ("--fixed-strings", f"--grep={object_line(key)}")
    for commit, at, message in _commits(repository, tip, *words):
        found = parse(message, commit, at)
        if found is None or (key is not None and key not in found.entry.objects):
            continue
        yield found
        told += 1
        if told == limit:
            return


def identities(repository: Repository, tip: str) -> set[tuple[str, int]]:
    """The (operation, sequence) of every entry at `tip` and before it."""
    found = (known_as(message) for _, _, message in _commits(repository, tip))
    return {pair for pair in found if pair is not None}


def objects_at(repository: Repository, tip: str) -> Mapping[ObjectKey, LedgerObject]:
    """What the tree of a commit knows, sorted by key; files that are not ours are passed over."""
    found: dict[ObjectKey, dict[str, str]] = {}
    words = ("ls-tree", "-r", "-z", "--full-tree", tip, *(f"{name}/" for name in ("objects", "accepted", "state")))
    for line in repository.git(*words, doing="reading the ledger's tree").split(b"\0"):
        meta, _, path = line.partition(b"\t")
        placed = part_of(clean_path(path)) if line else None
        if placed is None:
            continue
        blob = meta.split()[2].decode()
        content = repository.read(blob)
        if content is None:
            raise LedgerError(
                f"the ledger in {repository.path} lacks {clean_path(path)}", remedy="run `git fsck` there"
            )
        found.setdefault(placed[1], {})[placed[0]] = content.decode("utf-8", "replace")
    return MappingProxyType(
        {
            key: LedgerObject(key, parts.get("live"), parts.get("accepted"), parts.get("state"))
            for key, parts in sorted(found.items())
        }
    )


def _commits(repository: Repository, tip: str, *words: str) -> Iterator[tuple[str, float, str]]:
    start = tip
    while start:
        last = ""
        count = 0
        for commit, parents, at, message in repository.log(_FIELDS, f"--max-count={PAGE}", *words, start):
            yield commit, float(at or 0), message
            last = parents.split(" ", 1)[0]
            count += 1
        start = last if count == PAGE else ""


def _tip(repository: Repository, branch: str) -> str | None:
    return repository.ref(f"refs/heads/{branch}") or repository.ref(f"refs/remotes/origin/{branch}")


def _nothing(path: Path, branch: str) -> str:
    return (
        f"the repository in {path} has no branch {branch!r}" if branch else f"the repository in {path} has no commits"
    )


def _choices(repository: Repository, branch: str) -> str:
    out = repository.git(
        "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin", doing="listing branches"
    )
    prefixes = ("refs/heads/", "refs/remotes/origin/")
    names = {name.removeprefix(prefixes[0]).removeprefix(prefixes[1]) for name in out.decode().split()} - {"HEAD"}
    return f"choose one of: {nearest(branch, names)}" if names else "clone the ledger's branch first"
