"""What the demo sees from the outside: the backends' counts, the load's answers, the daemon's status."""

from __future__ import annotations

import asyncio
import http.client
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import orjson

from gitops_mesh.demo import wire
from gitops_mesh.demo.load import Answers, Load
from gitops_mesh.demo.status import Glance, glance_of
from gitops_mesh.errors import GitOpsMeshError

WINDOW = 2.0
"""Seconds over which the request mix is observed."""
VERSIONS = ("v1", "v2", "v3")


@dataclass(frozen=True, slots=True)
class Served:
    """What one backend counted so far."""

    requests: int = 0
    errors: int = 0


Counts = Mapping[str, Served]


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at everything."""

    at: float
    """On the monotonic clock, seconds."""
    counts: Counts
    recent: Mapping[str, int]
    """Version → requests that its backend got within the latest window."""
    answers: Answers
    status: Glance | None
    """`None` while the daemon does not answer."""

    def share(self, version: str) -> float:
        """The share of recent requests that this version got; 0 when there were none."""
        total = sum(self.recent.values())
        return self.recent.get(version, 0) / total if total else 0.0


@dataclass(slots=True)
class Watch:
    """Takes moments, one after another, from one thread."""

    control_port: int
    server_port: int
    load: Load
    _seen: deque[tuple[float, Counts]] = field(default_factory=deque)

    def look(self) -> Moment:
        """Now. Raises GitOpsMeshError when the backends do not answer."""
        counts, at = self.counts(), monotonic()
        while len(self._seen) > 1 and self._seen[1][0] <= at - WINDOW:
            self._seen.popleft()
        self._seen.append((at, counts))
        first = self._seen[0][1]
        recent = {v: counts[v].requests - first[v].requests for v in VERSIONS}
        return Moment(at, counts, recent, self.load.answers(), self.status())

    def counts(self) -> dict[str, Served]:
        """What each backend counted so far."""
        try:
            body = asyncio.run(wire.get(self.control_port, "control", "/counts")).body
        except (OSError, EOFError, wire.Malformed) as error:
            raise GitOpsMeshError(f"the demo's backends do not answer: {error}") from error
        return {name: Served(**counted) for name, counted in orjson.loads(body).items()}

    def status(self) -> Glance | None:
        """The daemon's status; `None` while it does not answer."""
        line = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=wire.TIMEOUT)
        try:
            line.request("GET", "/api/status")
            answer = line.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
        return glance_of(orjson.loads(body)) if answer.status == 200 else None


def between(first: Counts, second: Counts) -> dict[str, int]:
    """The requests that each version got between two looks."""
    return {version: second[version].requests - first[version].requests for version in VERSIONS}
