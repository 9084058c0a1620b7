"""The names by which requests find a host: the domains of Envoy's virtual hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitops_mesh.mesh.hosts import DOMAIN

_SERVICE = f".svc.{DOMAIN}"


def aliases(host: str) -> tuple[str, ...]:
    """The other names of a Service: `reviews.shop.svc`, `reviews.shop`, `reviews`; none for other hosts."""
    if not host.endswith(_SERVICE) or host.startswith("*"):
        return ()
    short = host.removesuffix(_SERVICE)
    return (f"{short}.svc", short, short.split(".")[0])


def domains(hosts: Iterable[str]) -> dict[str, list[str]]:
    """The domains of each host; a short name that two Services share leads to neither."""
    names = list(dict.fromkeys(hosts))
    taken = set(names)
    uses = Counter(alias for host in names for alias in aliases(host))
    return {host: [host, *(a for a in aliases(host) if a not in taken and uses[a] == 1)] for host in names}


def ambiguous(hosts: Iterable[str]) -> dict[str, list[str]]:
    """Short names that several Services share."""
    sharing: dict[str, list[str]] = {}
    for host in dict.fromkeys(hosts):
        for alias in aliases(host):
            sharing.setdefault(alias, []).append(host)
    return {alias: found for alias, found in sharing.items() if len(found) > 1}


def route_configuration(name: str, routes: Mapping[str, Sequence[Mapping[str, Any]]], *, short: bool) -> dict[str, Any]:
    """Envoy's RouteConfiguration of a listener: for each host its routes, in order.

    `short` adds a Service's other names. Ports in Host headers do not count.
    """
    named = domains(routes) if short else {host: [host] for host in routes}
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": name,
        "validate_clusters": True,
        "ignore_port_in_host_matching": True,
        "max_direct_response_body_size_bytes": 1_048_576,
        "virtual_hosts": list(_virtual_hosts(routes, named)),
    }


def _virtual_hosts(
    routes: Mapping[str, Sequence[Mapping[str, Any]]], named: Mapping[str, list[str]]
) -> Iterator[dict[str, Any]]:
    for host in sorted(routes):
        yield {"name": host, "domains": named[host], "routes": list(routes[host])}
