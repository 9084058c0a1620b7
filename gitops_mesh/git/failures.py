"""Why a git process failed, from what it said; told with a remedy and without credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gitops_mesh.errors import GitOpsMeshError, Unreachable
from gitops_mesh.git.command import Outcome
from gitops_mesh.git.names import clean_line, redacted


class Kind(StrEnum):
    LATE = "late"
    FULL = "full"
    OWNER = "owner"
    LOCKED = "locked"
    HOST_KEY = "host-key"
    ACCESS = "access"
    AWAY = "away"
    NO_REF = "no-ref"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    HASHES = "hashes"
    DAMAGED = "damaged"
    OTHER = "other"


_SIGNS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.FULL, ("No space left on device", "Disk quota exceeded", "Out of diskspace", "disk full")),
    (Kind.OWNER, ("dubious ownership", "unsafe repository")),
    (Kind.LOCKED, (r"Unable to create '[^']*\.lock'", "cannot lock ref", "could not lock")),
    (Kind.HOST_KEY, ("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED")),
    (Kind.ACCESS, (r"Permission denied \(", "Authentication failed", "could not read (Username|Password)")),
    (Kind.ACCESS, ("Invalid username or (password|token)", "(returned error:|HTTP) 40[13]", "Access denied")),
    (Kind.ACCESS, ("access rights to", "terminal prompts disabled")),
    (Kind.AWAY, ("Could not resolve host", "Name or service not known", "Temporary failure in name resolution")),
    (
        Kind.AWAY,
        ("Connection (refused|reset|timed out|closed)", "timed out", "Network is unreachable", "No route to host"),
    ),
    (Kind.AWAY, ("Failed to connect", "unable to connect", "Couldn't connect", "Empty reply")),
    (Kind.AWAY, ("gnutls_", "SSL_", "SSL certificate")),
    (Kind.AWAY, ("early EOF", "hung up unexpectedly", "unexpected disconnect", "kex_exchange_identification")),
    (Kind.AWAY, (r"returned error: (5\d\d|429)",)),
    (Kind.NO_REF, ("couldn't find remote ref", "no such remote ref")),
    (Kind.HASHES, ("mismatched algorithms", "object format")),
    (Kind.UNREADABLE, ("Permission denied",)),
    (Kind.MISSING, ("does not appear to be a git repository", "not a git repository", "not found", "does not exist")),
    (Kind.MISSING, ("No such file or directory", "returned error: 404", "repository not exported")),
    (Kind.DAMAGED, ("fsck error", "is corrupt", "bad (object|tree|sha1)", "missing (blob|tree|commit)", "inflate")),
    (Kind.DAMAGED, ("index-pack failed",)),
)
"""What git (in English, see `environment`), curl and ssh say, and what it means; the first that fits counts."""

_SAID: Mapping[Kind, tuple[str, str]] = {
    Kind.LATE: ("did not answer in time", "it is tried again; raise the timeout if it is only slow"),
    Kind.FULL: ("the disk is full", "free some space; nothing was half-written"),
    Kind.OWNER: (
        "belongs to another user, whose hooks and configuration are not trusted",
        "run as its owner, or give it to this user (chown -R)",
    ),
    Kind.LOCKED: (
        "another git process holds a lock there",
        "let it finish; a lock left behind is removed after a minute",
    ),
    Kind.HOST_KEY: ("its SSH host key is not known here, or has changed", "check it and add it to known_hosts"),
    Kind.ACCESS: ("access was denied", "check the key in the SSH agent, or the token, and its rights"),
    Kind.AWAY: ("cannot be reached", "it is tried again"),
    Kind.NO_REF: ("has no such branch", "check the branch's name"),
    Kind.MISSING: ("there is no Git repository there", "check the address, and that this user may see it"),
    Kind.UNREADABLE: ("may not be read or written by this user", "check the rights of the folder and its files"),
    Kind.HASHES: ("uses another hash function than SHA-1", "use a repository in the SHA-1 format"),
    Kind.DAMAGED: ("holds a damaged or malformed object", "run `git fsck` there and repair it"),
    Kind.OTHER: ("git failed", ""),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and git's own words (one line, without credentials)."""

    kind: Kind
    detail: str

    def error(self, kind: type[GitOpsMeshError], what: str, doing: str) -> GitOpsMeshError:
        """The failure as an error: `Unreachable` where trying again can help, else of this `kind`."""
        said, remedy = _SAID[self.kind]
        quoted = f" (git: {self.detail})" if self.detail and self.kind is not Kind.LATE else ""
        raised = Unreachable if self.kind in (Kind.LATE, Kind.AWAY) else kind
        return raised(f"{what}: {said} while {doing}{quoted}", remedy=remedy)


def failure(outcome: Outcome, url: str = "") -> Failure:
    """Read a failed process's last words, about `url` where it spoke with a remote."""
    if outcome.late:
        return Failure(Kind.LATE, "")
    kind = next((kind for kind, signs in _SIGNS if re.search("|".join(signs), outcome.err)), Kind.OTHER)
    return Failure(kind, _detail(outcome, url))


def _detail(outcome: Outcome, url: str) -> str:
    lines = [clean_line(redacted(line, url), 300) for line in outcome.err.splitlines() if line.strip()]
    for sign in ("fatal:", "error:", "remote:", "ssh:"):
        for line in lines:
            if line.startswith(sign):
                return line
    return lines[-1] if lines else f"exit {outcome.status}"
