"""Who needs what: the references that keep subsets, hosts, gateways and delegates in place."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gitops_mesh.mesh.hosts import covers
from gitops_mesh.mesh.index import MeshIndex, entry_hosts, rule_host, subset_labels
from gitops_mesh.mesh.references import delegates, destinations, gateways
from gitops_mesh.mesh.routes import ISTIO, routes
from gitops_mesh.mesh.trees import kind_of
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.plan import InFlight
from gitops_mesh.model.routes import Destination, RouteRef

States = Iterable[tuple[ObjectKey, Tree]]
"""Bodies, accepted and live, each with the key of its object."""


@dataclass(frozen=True, slots=True)
class Holders:
    """For each thing that is referred to, one of those that do, in words."""

    subsets: dict[tuple[str, str], str] = field(default_factory=dict)
    """By (host, subset)."""
    hosts: dict[str, str] = field(default_factory=dict)
    objects: dict[ObjectKey, str] = field(default_factory=dict)
    """Gateways and delegate VirtualServices."""

    def take(self, destination: Destination, holder: str) -> None:
        self.hosts.setdefault(destination.host, holder)
        if destination.subset:
            self.subsets.setdefault((destination.host, destination.subset), holder)


def holders(states: States, in_flight: Iterable[InFlight] = ()) -> Holders:
    """What these states refer to: every destination whatever its weight, mirrors, both ends of rollouts."""
    found = Holders()
    for flight in in_flight:
        for split in (flight.base.split, flight.target.split, flight.now):
            for to in split.destinations:
                found.take(to, f"the rollout of {flight.ref}")
    for key, body in states:
        for to in destinations(body):
            found.take(to, str(key))
        for other in (*gateways(body), *delegates(body)):
            found.objects.setdefault(other, str(key))
    return found


def waits(key: ObjectKey, body: Tree, held: Holders, remaining: MeshIndex) -> str:
    """Why an object that left Git has to stay for now; empty when nothing needs it.

    `remaining` is what the objects that stay define: what another object defines too is not missed.
    """
    if key in held.objects:
        return f"{held.objects[key]} still refers to it"
    if kind_of(body) == (ISTIO, "DestinationRule"):
        host = rule_host(body)
        kept = remaining.subsets.get(host, {})
        for subset in subset_labels(body):
            holder = held.subsets.get((host, subset))
            if holder and subset not in kept:
                return f"{holder} still needs the subset {subset} of {host}"
    if kind_of(body) == (ISTIO, "ServiceEntry"):
        for pattern in entry_hosts(body):
            for host in _covered(pattern, held.hosts):
                if not remaining.knows(host):
                    return f"{held.hosts[host]} still sends traffic to {host}"
    return ""


def senders(
    states: States, in_flight: Iterable[InFlight], subsets: Collection[tuple[str, str]]
) -> tuple[RouteRef, ...]:
    """The routes that send traffic to one of these (host, subset) now, or have a rollout that involves one."""
    found = set()
    for key, body in states:
        for route in routes(body):
            if any((to.host, to.subset) in subsets for to in route.split.destinations):
                found.add(RouteRef(key, route.id))
    for flight in in_flight:
        involved = flight.base.split.destinations | flight.target.split.destinations
        if any((to.host, to.subset) in subsets for to in involved):
            found.add(flight.ref)
    return tuple(sorted(found))


def _covered(pattern: str, hosts: Collection[str]) -> list[str]:
    if not pattern.startswith("*"):
        return [pattern] if pattern in hosts else []
    return [host for host in hosts if covers(pattern, host)]
