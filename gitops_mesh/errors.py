"""One root error and its few children.

Every error a user can cause carries *what* is wrong, *where*, and *what to do*; the command line
prints it without a traceback. I/O rooms translate their libraries' exceptions into these.
"""

from __future__ import annotations


class GitOpsMeshError(Exception):
    """The root: a problem that can be told to a user in one or two sentences.

    `remedy` says what to do about it; it is empty when the message already does.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class ConfigError(GitOpsMeshError):
    """The configuration file or an environment variable is wrong."""


class ManifestError(GitOpsMeshError):
    """A file is no manifest: bad YAML, over a limit, no kind.  `line` and `column` count from 1."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.line = line
        self.column = column


class SourceError(GitOpsMeshError):
    """The Git repository cannot be read as asked (unknown branch, no commit, bad path)."""


class LedgerError(GitOpsMeshError):
    """The ledger branch cannot be written or read as asked (rewritten, locked, damaged)."""


class ClusterError(GitOpsMeshError):
    """The mesh could not do what was asked."""


class Conflict(ClusterError):
    """The object changed since it was read; read it again and decide again."""


class Refused(ClusterError):
    """The mesh read the object and said no (admission, Envoy); the old one stays in force."""


class Contested(ClusterError):
    """Another field manager holds what we would write, and is not one to be overruled; the object is left as it is."""


class Unreachable(GitOpsMeshError):
    """The other side did not answer in time: a remote, an API server, Envoy, a metrics provider.

    Retried with backoff by whoever composes the calls; never a reason to stop anything else.
    """


class Busy(GitOpsMeshError):
    """Somebody else holds it: a second daemon on the same state, a port in use."""
