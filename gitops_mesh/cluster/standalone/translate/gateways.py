"""Istio Gateways: which ports listen, and for which hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.mesh.hosts import covers

PORTS_KEY = "clusters[].standalone.ports"
_PROTOCOLS = ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a Gateway: plain HTTP on a port, for some hosts of some namespaces."""

    port: int
    """As the Gateway says; matches by port mean this one."""
    listen: int
    """Where it is served, after the configuration's mapping of ports."""
    hosts: tuple[tuple[str, str], ...]
    """(namespace or `*`, host)."""

    def serves(self, namespace: str, host: str) -> Iterator[str]:
        """The hosts, the narrower of each pair, by which a VirtualService of that namespace is served here."""
        for wanted, own in self.hosts:
            if wanted not in ("*", namespace):
                continue
            if covers(own, host):
                yield host
            elif covers(host, own):
                yield own


def servers(fields: Fields, namespace: str, ports: Mapping[int, int]) -> list[Server]:
    """The servers of one Gateway's `spec`."""
    fields.take("selector")  # one Envoy is every gateway
    return [_server(server, namespace, ports) for server in fields.each("servers")]


def _server(fields: Fields, namespace: str, ports: Mapping[int, int]) -> Server:
    fields.take("name")
    port = fields.fields("port")
    port.take("name")
    protocol = port.text("protocol").upper()
    if protocol not in _PROTOCOLS:
        port.wrong("protocol", f"{protocol} is not supported on the standalone mesh: it serves plain HTTP")
    number = port.whole("number") or 0
    hosts = []
    for written in fields.strings("hosts"):
        place, slash, host = written.rpartition("/")
        within = namespace if place == "." else place
        hosts.append((within if slash else "*", host.rstrip(".").lower()))
    return Server(number, ports.get(number, number), tuple(hosts))
