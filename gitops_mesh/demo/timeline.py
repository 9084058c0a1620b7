"""The ledger as anybody reads it: with nothing but `git log`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitops_mesh.demo.team import git
from gitops_mesh.errors import GitOpsMeshError

_FIELD, _RECORD = "\x00", "\x01"
_TRAILERS = ("Event", "Source-Commit", "Rollout", "Verdict", "Weights")
_FORMAT = (
    "%H%x00%aI%x00%s"
    + "".join(f"%x00%(trailers:key={name},valueonly,unfold,separator=%x2C)" for name in _TRAILERS)
    + "%x01"
)


@dataclass(frozen=True, slots=True)
class Told:
    """One commit of the ledger."""

    commit: str
    at: str
    """ISO 8601, with its zone."""
    sentence: str
    event: str
    source_commit: str
    rollout: str
    verdict: str
    weights: str


def timeline(repository: Path, branch: str, since: str = "") -> tuple[Told, ...]:
    """The ledger's commits after `since` (all, when empty), oldest first; none while the branch is not there."""
    if not git(repository, "for-each-ref", f"refs/heads/{branch}"):
        return ()
    span = f"{since}..{branch}" if since else branch
    text = git(repository, "log", "--reverse", "--topo-order", f"--format={_FORMAT}", span, "--")
    found = []
    for record in filter(None, (part.strip("\n") for part in text.split(_RECORD))):
        fields = record.split(_FIELD)
        if len(fields) != 3 + len(_TRAILERS):
            raise GitOpsMeshError(f"the ledger's commit {fields[0][:9]} is not one of ours")
        found.append(Told(*(field.strip() for field in fields)))
    return tuple(found)


def cloned(origin: Path, branch: str, into: Path) -> tuple[Told, ...]:
    """The whole timeline from a fresh clone of nothing but the ledger's branch."""
    git(origin, "clone", "--quiet", "--bare", "--single-branch", "--branch", branch, str(origin), str(into))
    return timeline(into, branch)
