"""One file that Envoy watches: writing it, and learning what Envoy thinks of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops_mesh.cluster.standalone.admin import Admin
from gitops_mesh.cluster.standalone.bootstrap import version_of
from gitops_mesh.errors import ClusterError, Refused, Unreachable

DEADLINE = 10.0
"""Seconds that Envoy may take to accept or refuse a file; it takes 0.06."""
_POLL = 0.01
_LONGEST_QUOTE = 600
_MARKS = ("update rejected: ", "update failure: ")
"""What Envoy's log says before its reason."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A file, and the prefix of the statistics that tell of it."""

    what: str
    path: Path
    stat: str

    def content(self) -> bytes:
        """What stands in the file; empty when there is none."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def put(self, content: bytes) -> None:
        """Replace the file in one step, which is what Envoy waits for. Raises ClusterError."""
        written = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(content)
            written.replace(self.path)
        except OSError as error:
            written.unlink(missing_ok=True)
            raise _unwritable(self.path, error) from error

    def version(self, stats: Mapping[str, str]) -> str:
        """The version that Envoy has accepted."""
        return stats.get(f"{self.stat}.version_text", "")

    def known(self, stats: Mapping[str, str]) -> bool:
        """Whether Envoy reads this file at all."""
        return f"{self.stat}.update_attempt" in stats


class Courier:
    """Brings feeds to Envoy and waits for its word, with a bound on every wait."""

    def __init__(self, admin: Admin, log: Path, deadline: float = DEADLINE) -> None:
        self._admin = admin
        self._log = log
        self._deadline = deadline

    def stats(self) -> dict[str, str]:
        """What Envoy says of all feeds. Raises Unreachable."""
        return self._admin.stats(
            r"^(cluster_manager\.(cds|warming)|listener_manager\.(lds|total_listeners)|http\..*\.rds)"
        )

    def deliver(self, feed: Feed, content: bytes) -> None:
        """Write, and wait until it is in force. Raises Refused with Envoy's reason, Unreachable, ClusterError."""
        before, start = self.stats(), self._size()
        feed.put(content)
        wanted = version_of(content)
        until = time.monotonic() + self._deadline
        while time.monotonic() < until:
            now = self.stats()
            if _rose(feed, before, now, "update_rejected") or _rose(feed, before, now, "update_failure"):
                raise self._refusal(feed, start)
            if feed.version(now) == wanted and _rose(feed, before, now, "update_success") and _warm(now):
                return
            time.sleep(_POLL)
        raise Unreachable(
            f"Envoy did not take the new {feed.what} within {self._deadline:g} s",
            remedy=f"see its log, {self._log}",
        )

    def await_version(self, feed: Feed, content: bytes) -> None:
        """Wait until Envoy has read a file that was there before it was asked to. Raises Refused, Unreachable."""
        start = self._size()
        wanted, until = version_of(content), time.monotonic() + self._deadline
        while feed.version(now := self.stats()) != wanted:
            if any(int(now.get(f"{feed.stat}.{bad}", "0")) for bad in ("update_rejected", "update_failure")):
                raise self._refusal(feed, max(0, start - 8192))
            if time.monotonic() >= until:
                raise Unreachable(f"Envoy did not take the new {feed.what} within {self._deadline:g} s")
            time.sleep(_POLL)

    def _size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _refusal(self, feed: Feed, start: int) -> Refused:
        reason = self._reason(start)
        quoted = f": {reason}" if reason else f"; its log, {self._log}, does not say why"
        remedy = ""
        if "Address already in use" in reason or "Permission denied" in reason:
            remedy = "choose a free port above 1023 in the configuration: clusters[].standalone.meshPort or .ports"
        return Refused(f"Envoy refused the new {feed.what}{quoted}", remedy=remedy)

    def _reason(self, start: int) -> str:
        """The latest reason that Envoy's log gives since `start`; it may be a moment late."""
        until = time.monotonic() + 1.0
        while True:
            try:
                text = self._log.read_bytes()[start:].decode(errors="replace")
            except OSError:
                text = ""
            found = [text[text.rindex(mark) + len(mark) :] for mark in _MARKS if mark in text]
            if found or time.monotonic() >= until:
                lines = (found[0] if found else "").splitlines()
                own = [line for line in lines if not line.startswith("[")]
                return " ".join(own)[:_LONGEST_QUOTE].strip()
            time.sleep(_POLL)


def _rose(feed: Feed, before: Mapping[str, str], now: Mapping[str, str], name: str) -> bool:
    stat = f"{feed.stat}.{name}"
    return int(now.get(stat, "0")) > int(before.get(stat, "0"))


def _warm(stats: Mapping[str, str]) -> bool:
    warming = ("cluster_manager.warming_clusters", "listener_manager.total_listeners_warming")
    return all(stats.get(name, "0") == "0" for name in warming)


def _unwritable(path: Path, error: OSError) -> ClusterError:
    return ClusterError(
        f"cannot write what Envoy reads, {path}: {error.strerror}",
        remedy="make room on the disk, or give the user that runs gitops-mesh write access there",
    )
