"""The daemon: one decision loop, and what wakes it (polls, a local repository's changes, signals)."""

from gitops_mesh.daemon.logs import log_to_stderr
from gitops_mesh.daemon.loop import run

__all__ = ["log_to_stderr", "run"]
