"""What an object's body refers to: destinations (mirrors and weight 0 included), gateways, delegates."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.mesh.routes import GATEWAY_API, ISTIO, destination, forms
from gitops_mesh.mesh.trees import kind_of, mapping, mappings, namespace_of, spec, strings
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.routes import Destination


def destinations(body: Tree) -> Iterator[Destination]:
    """Every destination that the body names, whatever its weight, mirrors included; with repetitions."""
    namespace = namespace_of(body)
    for form in forms(body):
        for route in mappings(spec(body).get(form.list)):
            for entry in mappings(route.get(form.destinations)):
                yield destination(entry, namespace)
                yield from _mirrored_backends(entry, namespace)
            yield from _mirrors(route, namespace)
            yield from _mirrored_backends(route, namespace)


def _mirrors(route: Tree, namespace: str) -> Iterator[Destination]:
    """Of a VirtualService: `mirror` is a destination itself, an entry of `mirrors` holds one."""
    if mapping(route.get("mirror")):
        yield destination({"destination": route["mirror"]}, namespace)
    for entry in mappings(route.get("mirrors")):
        yield destination({"destination": entry.get("destination")}, namespace)


def _mirrored_backends(holder: Tree, namespace: str) -> Iterator[Destination]:
    """Of Gateway API: the filter RequestMirror, of a rule or of one backendRef."""
    for one in mappings(holder.get("filters")):
        backend = mapping(mapping(one.get("requestMirror")).get("backendRef"))
        if backend:
            yield destination(backend, namespace)


def gateways(body: Tree) -> Iterator[ObjectKey]:
    """The Gateways (Istio's, or Gateway API's) that a VirtualService or a route is bound to."""
    namespace = namespace_of(body)
    if kind_of(body) == (ISTIO, "VirtualService"):
        for written in strings(spec(body).get("gateways")):
            if written == "mesh":
                continue
            place, slash, name = written.rpartition("/")
            yield ObjectKey(ISTIO, "Gateway", place if slash and place != "." else namespace, name)
        return
    for parent in mappings(spec(body).get("parentRefs")):
        group = str(parent.get("group", GATEWAY_API))
        kind, place = str(parent.get("kind") or "Gateway"), str(parent.get("namespace") or namespace)
        yield ObjectKey(group, kind, place, str(parent.get("name") or ""))


def delegates(body: Tree) -> Iterator[ObjectKey]:
    """The VirtualServices that the routes of a root VirtualService are delegated to."""
    if kind_of(body) != (ISTIO, "VirtualService"):
        return
    for route in mappings(spec(body).get("http")):
        to = mapping(route.get("delegate"))
        if to:
            place = str(to.get("namespace") or namespace_of(body))
            yield ObjectKey(ISTIO, "VirtualService", place, str(to.get("name") or ""))


def is_delegate(body: Tree) -> bool:
    """Whether a VirtualService serves no host by itself (https://istio.io: VirtualService, `Delegate`)."""
    return kind_of(body) == (ISTIO, "VirtualService") and not spec(body).get("hosts")
