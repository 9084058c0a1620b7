"""VirtualServices as lists of Envoy routes, not yet placed on a listener."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops_mesh.cluster.standalone.translate.actions import action
from gitops_mesh.cluster.standalone.translate.clusters import Clusters
from gitops_mesh.cluster.standalone.translate.delegates import merged
from gitops_mesh.cluster.standalone.translate.fields import Fields, Problems
from gitops_mesh.cluster.standalone.translate.matches import EVERYTHING, Match, match, on_port
from gitops_mesh.mesh.hosts import fqdn
from gitops_mesh.mesh.routes import ISTIO, Route, routes
from gitops_mesh.mesh.trees import mapping, sequence, spec
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.routes import RouteRef

MESH = "mesh"


@dataclass(frozen=True, slots=True)
class Compiled:
    """One match of one route, and what is done with a request that fits it."""

    match: Match
    action: Mapping[str, Any]
    namespace: str
    """Of the object that wrote the match: names of gateways in it are meant from there."""

    def on(self, place: str, port: int = 0) -> dict[str, Any] | None:
        """The Envoy route on `mesh`, or on a port of the Gateway `namespace/name`; `None` where it is not served."""
        if self.match.gateways and place not in [gateway_name(g, self.namespace) for g in self.match.gateways]:
            return None
        if place == MESH:
            envoy = on_port(self.match.envoy, self.match.port) if self.match.port else self.match.envoy
            return {"match": envoy, **self.action}
        return {"match": self.match.envoy, **self.action} if self.match.port in (0, port) else None


@dataclass(frozen=True, slots=True)
class Service:
    """One VirtualService that serves hosts by itself."""

    key: ObjectKey
    hosts: tuple[str, ...]
    places: tuple[str, ...]
    """`mesh`, and Gateways as `namespace/name`."""
    routes: tuple[Compiled, ...]
    problems: Problems = field(compare=False)


class Compiler:
    """Compiles VirtualServices, each knowing the others for the sake of delegation."""

    def __init__(self, bodies: Mapping[ObjectKey, Tree], clusters: Clusters) -> None:
        self._bodies = bodies
        self._clusters = clusters

    def service(self, key: ObjectKey, problems: Problems) -> Service:
        """One VirtualService; a delegate serves no hosts, and is compiled for what is wrong with it."""
        fields = Fields(spec(self._bodies[key]), ("spec",), problems)
        fields.only("exportTo", ["*"])
        hosts = tuple(dict.fromkeys(fqdn(host, key.namespace) for host in fields.strings("hosts")))
        gateways = fields.strings("gateways")
        places = tuple(dict.fromkeys(gateway_name(g, key.namespace) for g in gateways)) or ((MESH,) if hosts else ())
        known = {route.index: route for route in routes(self._bodies[key]) if route.form.list == "http"}
        compiled: list[Compiled] = []
        for index, one in enumerate(fields.each("http")):
            if index in known:
                compiled += self._route(key, known[index], one)
        fields.close()
        return Service(key, hosts, places, tuple(compiled), problems)

    def _route(self, key: ObjectKey, route: Route, fields: Fields) -> list[Compiled]:
        if "delegate" in fields:
            return self._delegated(key, route, fields)
        done = action(fields, RouteRef(key, route.id), key.namespace, self._clusters)
        matches = [match(one) for one in fields.each("match")] or [EVERYTHING]
        return [Compiled(one, done, key.namespace) for one in matches]

    def _delegated(self, key: ObjectKey, route: Route, fields: Fields) -> list[Compiled]:
        inner = fields.fields("delegate")
        to = ObjectKey(ISTIO, "VirtualService", inner.text("namespace") or key.namespace, inner.text("name"))
        raw = mapping(sequence(spec(self._bodies[key]).get("http"))[route.index])
        for one in fields.each("match"):
            match(one)
        action(fields, RouteRef(key, route.id), key.namespace, self._clusters.scratch())  # for what is wrong with it
        if to not in self._bodies:
            inner.problems.add(f"there is no {to} to delegate to", inner.pointer, rule="standalone-delegate")
            return []
        return self._under(to, raw, inner)

    def _under(self, to: ObjectKey, root: Tree, pointed: Fields) -> list[Compiled]:
        """The routes of the delegate, within the root's matches. Their problems are told with the delegate."""
        body = self._bodies[to]
        raws: Sequence[Any] = sequence(spec(body).get("http"))
        out: list[Compiled] = []
        for route in routes(body):
            if route.form.list != "http":
                continue
            both = merged(root, mapping(raws[route.index]))
            if both is None:
                said = f"route {route.id} of {to} never sees a request: none of its matches fits the root's"
                pointed.problems.add(said, pointed.pointer, rule="standalone-delegate")
                continue
            fields = Fields(both, ("spec", "http", route.index), Problems(to))
            done = action(fields, RouteRef(to, route.id), to.namespace, self._clusters)
            matches = [match(one) for one in fields.each("match")] or [EVERYTHING]
            out += [Compiled(one, done, to.namespace) for one in matches]
        return out


def gateway_name(written: str, namespace: str) -> str:
    """A gateway as a VirtualService of `namespace` names it: `mesh`, or `namespace/name`."""
    if written == MESH:
        return MESH
    place, _, name = written.rpartition("/")
    return f"{namespace if place in ('', '.') else place}/{name}"
