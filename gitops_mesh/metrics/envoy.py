"""The Metrics port on Envoy's own statistics, read from its admin interface.

An error is what a client sees as one: answers of class 5xx, whether the destination gave them or Envoy did
because a connection failed, was reset or took too long, and answers that broke off half-way. Faults that a
route injects happen before a destination is chosen, and count for none.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from urllib.parse import quote

import urllib3

from gitops_mesh.mesh.series import series
from gitops_mesh.metrics.exposition import NAMES, samples
from gitops_mesh.metrics.increments import Increments
from gitops_mesh.model.measurements import Measurement, Reading
from gitops_mesh.model.routes import Destination, RouteRef

_LONGEST_FILTER = 16_000
"""Characters; Envoy takes 60,000 in a request's head. With more names everything is asked for."""


class EnvoyMetrics:
    """Scrapes one Envoy. `admin_url` is `http://127.0.0.1:15000`; `timeout` is of one scrape, in seconds."""

    def __init__(self, admin_url: str, timeout: float = 5.0) -> None:
        self._url = admin_url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=urllib3.Timeout(total=timeout))
        self._increments = Increments()

    def read(self, watched: Collection[tuple[RouteRef, Destination]]) -> Reading:
        """The increments since the reading before; a failure is a Reading with a `problem`.

        A failed reading loses nothing: the next one that works brings what came meanwhile.
        """
        at = time.time()  # noqa: TID251 - a reading says when it was taken
        names = {series(ref, destination): (ref, destination) for ref, destination in watched}
        if not names:
            return Reading(at)
        try:
            text = self._scrape(frozenset(names))
        except (urllib3.exceptions.HTTPError, OSError, UnicodeDecodeError) as error:
            return Reading(at, problem=f"Envoy's statistics at {self._url} cannot be read: {error}")
        counts = self._increments.add(samples(text), frozenset(names))
        return Reading(at, tuple(Measurement(*names[name], counts[name]) for name in sorted(counts)))

    def _scrape(self, names: frozenset[str]) -> str:
        chosen = "|".join(sorted(map(re.escape, names)))
        pattern = rf"^cluster\.({chosen if len(chosen) < _LONGEST_FILTER else '[^.]+'})\.{NAMES}$"
        response = self._pool.request("GET", f"{self._url}/stats/prometheus?filter={quote(pattern, safe='')}")
        if response.status != 200:
            raise urllib3.exceptions.HTTPError(f"status {response.status}")
        return response.data.decode()
