"""Which endpoints a host has: of ServiceEntries, and of the configuration for hosts that are only Services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.mesh.hosts import DOMAIN, covers
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import EndpointSettings

CONFIG_KEY = "clusters[].standalone.endpoints"
RULE = "standalone-no-endpoints"

_HTTP = {"HTTP": False, "HTTP2": True, "GRPC": True, "GRPC-WEB": False, "": False}
"""Protocols of a port that are plain HTTP, and whether they are HTTP/2 upstream."""
_SERVICE = f".svc.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one instance listens."""

    address: str
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)
    weight: int = 0
    """0: not given."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a ServiceEntry."""

    number: int
    name: str
    target: int
    http2: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A host of a ServiceEntry; each endpoint with its own names of ports."""

    ports: tuple[Port, ...]
    endpoints: tuple[tuple[Endpoint, Mapping[str, int]], ...]
    logical: bool = False
    """One endpoint by DNS at a time, whatever the name resolves to (DNS_ROUND_ROBIN)."""

    def at(self, port: Port) -> tuple[Endpoint, ...]:
        found = []
        for endpoint, ports in self.endpoints:
            number = ports.get(port.name) or port.target or port.number
            found.append(Endpoint(endpoint.address, number, endpoint.labels, endpoint.weight))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Found:
    """The endpoints of a destination before its subset is looked at; `problem` says why there are none."""

    endpoints: tuple[Endpoint, ...] = ()
    http2: bool = False
    logical: bool = False
    problem: str = ""
    remedy: str = ""


class Hosts:
    """Every host that has endpoints, by its full name (wildcards as they are)."""

    def __init__(self, entries: Mapping[str, Entry], configured: Mapping[str, Iterable[EndpointSettings]]) -> None:
        self.entries = entries
        self.configured: dict[str, tuple[Endpoint, ...]] = {}
        for name, endpoints in configured.items():
            found = tuple(Endpoint(e.address, e.port, e.labels) for e in endpoints)
            self.configured[name if name in entries else full_name(name)] = found

    def names(self) -> list[str]:
        """The hosts that have endpoints."""
        return sorted(
            {n for n, e in self.entries.items() if e.endpoints} | {n for n, e in self.configured.items() if e}
        )

    def ports(self, host: str) -> tuple[int, ...]:
        """The ports by which a host's endpoints are told apart; empty when they are not."""
        entry = self._entry(host)
        return tuple(p.number for p in entry.ports) if entry and entry.endpoints and len(entry.ports) > 1 else ()

    def find(self, destination: Destination) -> Found:
        """The endpoints of the destination's host and port.

        The configuration knows no ports of a Service: all of them lead to its endpoints.
        """
        entry = self._entry(destination.host)
        if entry is not None and entry.endpoints:
            return _of_entry(entry, destination)
        host = destination.host
        endpoints = self.configured.get(host) or self.configured.get(full_name(host), ())
        if endpoints:
            return Found(endpoints)
        remedy = f"give it endpoints in the configuration, {CONFIG_KEY}: {short_name(destination.host)}"
        return Found(problem=f"the host {destination.host} has no endpoints on the standalone mesh", remedy=remedy)

    def _entry(self, host: str) -> Entry | None:
        if host in self.entries:
            return self.entries[host]
        wider = [name for name in self.entries if name.startswith("*") and covers(name, host)]
        return self.entries[max(wider, key=len)] if wider else None


def entries(fields: Fields) -> Iterator[tuple[str, Entry]]:
    """The hosts of one ServiceEntry's `spec`."""
    fields.take("location")  # inside or outside, one Envoy reaches it the same way
    fields.only("exportTo", ["*"])
    resolution = fields.text("resolution") or "NONE"
    if resolution not in ("STATIC", "DNS", "DNS_ROUND_ROBIN"):
        fields.wrong("resolution", f"{resolution} is not supported on the standalone mesh: use STATIC or DNS")
    ports = tuple(_port(port) for port in fields.each("ports"))
    endpoints = tuple(_endpoint(endpoint) for endpoint in fields.each("endpoints"))
    logical = resolution == "DNS_ROUND_ROBIN"
    for host in fields.strings("hosts"):
        name = host.rstrip(".").lower()
        itself = ((Endpoint(name, 0), dict[str, int]()),) if resolution.startswith("DNS") and "*" not in name else ()
        yield name, Entry(ports, endpoints or itself, logical)


def full_name(name: str) -> str:
    """A configured host's full name: `reviews.shop` is a Service, `api.example.com` stands as it is."""
    name = name.rstrip(".").lower()
    if name.endswith(".svc"):
        return f"{name}.{DOMAIN}"
    if "." not in name:
        return f"{name}.default{_SERVICE}"
    return name + _SERVICE if name.count(".") == 1 else name


def short_name(host: str) -> str:
    """A host as one writes it in the configuration."""
    return host.removesuffix(_SERVICE)


def _of_entry(entry: Entry, destination: Destination) -> Found:
    numbers = ", ".join(str(port.number) for port in entry.ports)
    if not entry.ports:
        return Found(problem=f"the ServiceEntry of {destination.host} has no ports", remedy="give it one under `ports`")
    if not destination.port and len(entry.ports) > 1:
        remedy = f"name one of its ports under `port.number`: {numbers}"
        return Found(problem=f"the host {destination.host} has several ports and the route names none", remedy=remedy)
    for port in entry.ports:
        if destination.port in (0, port.number):
            return Found(entry.at(port), port.http2, entry.logical)
    remedy = f"choose one of {numbers}, or add it to the ServiceEntry"
    return Found(problem=f"the host {destination.host} has no port {destination.port}", remedy=remedy)


def _port(fields: Fields) -> Port:
    protocol = fields.text("protocol").upper()
    if protocol not in _HTTP:
        fields.wrong("protocol", f"{protocol} is not supported on the standalone mesh: it serves plain HTTP")
    number = fields.whole("number") or 0
    return Port(number, fields.text("name"), fields.whole("targetPort") or 0, _HTTP.get(protocol, False))


def _endpoint(fields: Fields) -> tuple[Endpoint, Mapping[str, int]]:
    ports = fields.fields("ports")
    numbers = {name: ports.whole(name) or 0 for name in ports.names()}
    address = fields.text("address")
    if not address or address.startswith("unix:"):
        fields.wrong("address", "has to be an IP address or a DNS name on the standalone mesh")
        address = "0.0.0.0"  # noqa: S104 - never bound: an address that answers nobody
    return Endpoint(address, 0, fields.texts("labels"), fields.whole("weight") or 0), numbers
