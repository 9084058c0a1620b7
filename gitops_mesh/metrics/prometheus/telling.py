"""Which watched routes can be told by their metrics, and by what. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.counters import Sums
from gitops_mesh.metrics.prometheus.preset import LOST, Identity, Preset, Unclear
from gitops_mesh.model.routes import Destination, RouteRef

FEWEST = 5
SHARE = 0.01
"""How many failed requests to a host, and what share of all, may name no version before nobody can be judged by the
others."""


@dataclass(slots=True)
class Telling:
    """The routes that can be told, and why the others cannot."""

    by: dict[tuple[RouteRef, Destination], Identity] = field(default_factory=dict)
    unclear: dict[RouteRef, str] = field(default_factory=dict)

    @property
    def asked(self) -> frozenset[Identity]:
        """The identities of all, and the lost requests of every host that is told by versions."""
        told = frozenset(self.by.values())
        return told | {(host, LOST, "") for host, by, _ in told if by in ("version", "revision")}


def tell(
    watched: Collection[tuple[RouteRef, Destination]], preset: Preset, labels: Callable[[Destination], Labels]
) -> Telling:
    """What each destination is told by; a route with two that one request could count for is unclear."""
    of_route: dict[RouteRef, list[Destination]] = defaultdict(list)
    for ref, to in sorted(watched):
        of_route[ref].append(to)
    telling = Telling()
    for ref, destinations in of_route.items():
        try:
            found = _of_route(destinations, preset, labels)
        except Unclear as error:
            telling.unclear[ref] = str(error)
            continue
        telling.by |= {(ref, to): identity for to, identity in found.items()}
    return telling


def _of_route(
    destinations: Sequence[Destination], preset: Preset, labels: Callable[[Destination], Labels]
) -> dict[Destination, Identity]:
    found = {to: preset.identity(to, labels(to)) for to in destinations}
    for (one, first), (other, second) in combinations(found.items(), 2):
        if preset.overlap(first, second):
            raise Unclear(
                f"{one} and {other} cannot be told apart by their metrics: {_why(first, second)}; "
                "give each a subset, by different values of one label (`version`)"
            )
    return found


def _why(first: Identity, second: Identity) -> str:
    if first == second:
        return f"both are {_said(first)}"
    return f"a request may be of {_said(first)} and of {_said(second)}"


def _said(identity: Identity) -> str:
    host, by, value = identity
    return f"{by} {value} of {host}" if by in ("version", "revision") else f"{host} as a whole"


def lose(telling: Telling, sums: Mapping[Identity, Sums]) -> None:
    """Make those routes unclear whose hosts failed requests that name no version."""
    lost = {host: one.errors for (host, by, _), one in sums.items() if by == LOST and one.errors >= FEWEST}
    if not lost:
        return
    totals = dict(lost)
    for (host, by, _), one in sums.items():
        if host in lost and by not in ("", LOST):
            totals[host] += one.requests
    for (ref, _), (host, by, _) in telling.by.items():
        if by and lost.get(host, 0) > SHARE * totals.get(host, 0):
            telling.unclear.setdefault(
                ref,
                f"{lost[host]:,} failed requests to {host}, of {totals[host]:,}, name no version (no endpoint was "
                "healthy, say), so nobody knows whose they were; the preset `envoy` tells",
            )
    telling.by = {told: identity for told, identity in telling.by.items() if told[0] not in telling.unclear}
