"""Make before break, across the time that the control plane takes to tell its proxies.

istiod gathers changes for a moment and pushes them together, clusters before routes. A subset that is removed in the
same push as the route that used it leaves that route without a cluster (503 NC); one that is added with it may not
be ready. So routes wait after what they lead to was written, and the other way round
(https://istio.io/latest/docs/ops/best-practices/traffic-management/#avoid-503-errors-while-reconfiguring-service-routes).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from gitops_mesh.mesh.index import entry_hosts, rule_host
from gitops_mesh.mesh.routes import ISTIO, destination, routes
from gitops_mesh.mesh.trees import kind_of, namespace_of
from gitops_mesh.model.objects import Tree

_ROUTES, _TARGETS = "routes", "targets"


class Propagation:
    """Remembers which hosts were written lately, from which side. Safe to share. `seconds`: how long to wait."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._written: dict[tuple[str, str], float] = {}
        """(side, host) → when (monotonic)."""

    def wait(self, *bodies: Tree) -> None:
        """Wait until what was written of the other side, for the hosts of these bodies, has reached the proxies."""
        side, hosts = _hosts(bodies)
        other = _TARGETS if side == _ROUTES else _ROUTES
        with self._lock:
            last = max((self._written.get((other, host), float("-inf")) for host in hosts), default=float("-inf"))
        left = last + self._seconds - time.monotonic()
        if side and left > 0:
            time.sleep(left)

    def wrote(self, *bodies: Tree) -> None:
        """These were written just now."""
        side, hosts = _hosts(bodies)
        now = time.monotonic()
        with self._lock:
            self._written |= {(side, host): now for host in hosts}
            if len(self._written) > 10_000:
                self._written = {what: at for what, at in self._written.items() if now - at < self._seconds}


def _hosts(bodies: Iterable[Tree]) -> tuple[str, set[str]]:
    """Which side of a route these are on (empty: neither), and the hosts that they are about."""
    side = ""
    hosts: set[str] = set()
    for body in bodies:
        kind = kind_of(body)
        if kind == (ISTIO, "DestinationRule"):
            side, hosts = _TARGETS, hosts | {rule_host(body)}
        elif kind == (ISTIO, "ServiceEntry"):
            side, hosts = _TARGETS, hosts | set(entry_hosts(body))
        else:
            home = namespace_of(body)
            to = {destination(entry, home).host for route in routes(body) for entry in route.entries}
            side, hosts = (_ROUTES, hosts | to) if to else (side, hosts)
    return side, hosts
