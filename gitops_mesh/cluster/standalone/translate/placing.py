"""Placing compiled routes on listeners: the mesh's by Host header, the Gateways' by port and host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_mesh.cluster.standalone.translate.clusters import Clusters
from gitops_mesh.cluster.standalone.translate.config import Listener, MeshConfig
from gitops_mesh.cluster.standalone.translate.fields import Problems
from gitops_mesh.cluster.standalone.translate.gateways import PORTS_KEY, Server
from gitops_mesh.cluster.standalone.translate.hostnames import ambiguous, route_configuration
from gitops_mesh.cluster.standalone.translate.matches import on_port
from gitops_mesh.cluster.standalone.translate.services import MESH, Compiled, Service
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import StandaloneSettings

GATEWAY_RULE = "standalone-gateway"
HOST_RULE = "standalone-host"


class Placing:
    """Collects listeners and their routes; Gateways first, then VirtualServices in the order of their keys."""

    def __init__(self, settings: StandaloneSettings, clusters: Clusters) -> None:
        self._settings = settings
        self._clusters = clusters
        self._gateways: dict[str, Sequence[Server]] = {}
        self._ports: dict[int, int] = {}
        """Port that listens → port of the Gateways on it."""
        self._edge: dict[int, dict[str, list[Compiled]]] = {}
        self._mesh: dict[str, Service] = {}
        self._placed: set[tuple[int, str, ObjectKey]] = set()

    def gateway(self, key: ObjectKey, servers: Sequence[Server], problems: Problems) -> None:
        """A Gateway. One of its ports that is taken already is told, and not served."""
        served = []
        for index, server in enumerate(servers):
            holder = self._ports.get(server.listen, server.port)
            if server.listen == self._settings.mesh_port or holder != server.port:
                other = f"port {holder} of a Gateway" if holder != server.port else "the mesh (`meshPort`)"
                said = f"port {server.port} would listen on {server.listen}, where {other} listens already"
                remedy = f"map it to another port in the configuration, {PORTS_KEY}"
                pointer = ("spec", "servers", index, "port", "number")
                problems.add(said, pointer, rule=GATEWAY_RULE, remedy=remedy)
                continue
            self._ports[server.listen] = server.port
            self._edge.setdefault(server.listen, {})
            served.append(server)
        self._gateways[f"{key.namespace}/{key.name}"] = served

    def place(self, service: Service) -> None:
        """A VirtualService, wherever it is bound."""
        for place in service.places:
            if place == MESH:
                self._on_mesh(service)
            elif place in self._gateways:
                self._on_gateway(service, place)
            else:
                said = f"there is no Gateway {place}"
                service.problems.add(said, ("spec", "gateways"), rule=GATEWAY_RULE, remedy="add it, or name another")

    def config(self) -> MeshConfig:
        """What was placed, with a way to every host that has endpoints and no VirtualService."""
        address = self._settings.address
        listeners = {MESH: Listener(address, self._settings.mesh_port)}
        routes = {MESH: route_configuration(MESH, self._mesh_routes(), short=True)}
        for port, hosts in sorted(self._edge.items()):
            name = f"gateway_{port}"
            listeners[name] = Listener(address, port, edge=True)
            ordered = {host: _in_order(found) for host, found in hosts.items()}
            routes[name] = route_configuration(name, ordered, short=False)
        return MeshConfig(dict(sorted(self._clusters.made.items())), listeners, routes)

    def _on_mesh(self, service: Service) -> None:
        for index, host in enumerate(service.hosts):
            other = self._mesh.setdefault(host, service)
            if other is not service:
                said = f"the host {host} is routed by {other.key} already, and a mesh follows only one of them"
                pointer = ("spec", "hosts", index)
                service.problems.add(said, pointer, rule=HOST_RULE, remedy="join the two, or use delegates")

    def _on_gateway(self, service: Service, gateway: str) -> None:
        """Several VirtualServices of one host are joined, in the order of their keys, catch-alls last."""
        for server in self._gateways[gateway]:
            hosts = [narrow for host in service.hosts for narrow in server.serves(service.key.namespace, host)]
            for host in dict.fromkeys(hosts):
                found = self._edge[server.listen].setdefault(host, [])
                if (server.listen, host, service.key) not in self._placed:
                    found += [one for one in service.routes if one.on(gateway, server.port)]
                self._placed.add((server.listen, host, service.key))

    def _mesh_routes(self) -> dict[str, list[dict[str, Any]]]:
        routes = {h: [r for one in s.routes if (r := one.on(MESH)) is not None] for h, s in self._mesh.items()}
        routes |= {host: self._default(host) for host in self._clusters.hosts.names() if host not in routes}
        for alias, hosts in ambiguous(routes).items():
            for host in hosts:
                if host in self._mesh:
                    said = f"requests for `{alias}` are not served: {', '.join(hosts)} share that name"
                    problems = self._mesh[host].problems
                    remedy = "use the longer names in Host headers"
                    problems.add(said, ("spec", "hosts"), rule=HOST_RULE, remedy=remedy, severity=Severity.WARNING)
        return routes

    def _default(self, host: str) -> list[dict[str, Any]]:
        """What Istio does with a host that no VirtualService routes: all of its endpoints, by port."""
        ref = RouteRef(ObjectKey("", "Service", "", host), "http/~default")
        ports = self._clusters.hosts.ports(host)
        if not ports:
            return [{"match": {"prefix": "/"}, "route": self._to(ref, Destination(host))}]
        return [
            {"match": on_port({"prefix": "/"}, port), "route": self._to(ref, Destination(host, "", port))}
            for port in ports
        ]

    def _to(self, ref: RouteRef, destination: Destination) -> dict[str, Any]:
        return {"cluster": self._clusters.name(ref, destination, None), "timeout": "0s"}


def _in_order(found: Sequence[Compiled]) -> list[dict[str, Any]]:
    return [{"match": one.match.envoy, **one.action} for one in sorted(found, key=lambda one: one.match.catches_all)]
