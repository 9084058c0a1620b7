"""Whether destinations are ready: a TCP connect to at least one of their endpoints succeeds."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from gitops_mesh.model.routes import Destination

CONNECT_TIMEOUT = 0.5
"""Seconds for one connect."""
DEADLINE = 2.0
"""Seconds for all of them together; a name that does not resolve in time is not ready."""
KEPT = 1.0
"""Seconds for which an answer stands."""

Address = tuple[str, int]


def connects(address: str, port: int) -> bool:
    """Whether a TCP connect succeeds within `CONNECT_TIMEOUT`."""
    try:
        with socket.create_connection((address, port), timeout=CONNECT_TIMEOUT):
            return True
    except (OSError, UnicodeError):  # refused, no route, timeout; a name that no resolver takes
        return False


class Readiness:
    """Probes in parallel, and remembers for a second."""

    def __init__(self, probe: Callable[[str, int], bool], monotonic: Callable[[], float]) -> None:
        self._probe = probe
        self._monotonic = monotonic
        self._known: dict[Address, tuple[float, bool]] = {}

    def unready(self, endpoints: Mapping[Destination, tuple[Address, ...]]) -> dict[Destination, str]:
        """Of these destinations with their endpoints, those that nothing answers for, and why."""
        wanted = {address for addresses in endpoints.values() for address in addresses}
        ready = self._ask(wanted)
        out = {}
        for destination, addresses in endpoints.items():
            if not addresses:
                out[destination] = f"{destination} has no endpoints"
            elif not any(ready[address] for address in addresses):
                said = ", ".join(f"{host}:{port}" for host, port in addresses[:5])
                out[destination] = f"no endpoint of {destination} accepts connections ({said})"
        return out

    def _ask(self, addresses: set[Address]) -> dict[Address, bool]:
        now = self._monotonic()
        self._known = {address: known for address, known in self._known.items() if now - known[0] < KEPT}
        asked = sorted(addresses - self._known.keys())
        if asked:
            pool = ThreadPoolExecutor(min(32, len(asked)), thread_name_prefix="ready")
            try:
                futures = {address: pool.submit(self._probe, *address) for address in asked}
                wait(futures.values(), timeout=DEADLINE)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
            self._known |= {address: (now, _answer(future)) for address, future in futures.items()}
        return {address: self._known[address][1] for address in addresses}


def _answer(future: Future[bool]) -> bool:
    return future.done() and not future.cancelled() and future.result()
