"""Where in an object its references stand, in the order that `mesh.references` gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_mesh.mesh.routes import ISTIO, Form, destination, forms
from gitops_mesh.mesh.trees import kind_of, mapping, mappings, namespace_of, sequence, spec
from gitops_mesh.model.objects import Pointer, Tree
from gitops_mesh.model.routes import Destination


@dataclass(frozen=True, slots=True)
class Target:
    """A destination that a route names, and where."""

    destination: Destination
    host: Pointer
    subset: Pointer
    foreign: bool = False
    """It is something else than a Service or a host name; only its own controller knows it."""


def targets(body: Tree) -> Iterator[Target]:
    """Every destination that the routes of an object name, mirrors included."""
    namespace = namespace_of(body)
    for form in forms(body):
        for at, route in _entries(spec(body).get(form.list), ("spec", form.list)):
            yield from _backends(route, at, form, namespace) if form.list == "rules" else _routes(route, at, namespace)


def gateway_pointers(body: Tree) -> Iterator[Pointer]:
    """Where the gateways stand that `mesh.references.gateways` gives."""
    if kind_of(body) == (ISTIO, "VirtualService"):
        for index, written in enumerate(sequence(spec(body).get("gateways"))):
            if isinstance(written, str) and written != "mesh":
                yield ("spec", "gateways", index)
        return
    for at, _ in _entries(spec(body).get("parentRefs"), ("spec", "parentRefs")):
        yield (*at, "name")


def delegate_pointers(body: Tree) -> Iterator[Pointer]:
    """Where the delegates stand that `mesh.references.delegates` gives."""
    if kind_of(body) == (ISTIO, "VirtualService"):
        for at, route in _entries(spec(body).get("http"), ("spec", "http")):
            if mapping(route.get("delegate")):
                yield (*at, "delegate")


def _routes(route: Tree, at: Pointer, namespace: str) -> Iterator[Target]:
    for name in ("route", "mirrors"):
        for place, entry in _entries(route.get(name), (*at, name)):
            if mapping(entry.get("destination")):
                yield _of_istio(entry["destination"], (*place, "destination"), namespace)
    if mapping(route.get("mirror")):
        yield _of_istio(route["mirror"], (*at, "mirror"), namespace)


def _of_istio(to: Tree, at: Pointer, namespace: str) -> Target:
    return Target(destination({"destination": to}, namespace), (*at, "host"), (*at, "subset"))


def _backends(rule: Tree, at: Pointer, form: Form, namespace: str) -> Iterator[Target]:
    for place, entry in _entries(rule.get(form.destinations), (*at, form.destinations)):
        if "name" in entry:
            yield _of_gateway_api(entry, place, namespace)
        yield from _mirrored(entry, place, namespace)
    yield from _mirrored(rule, at, namespace)


def _mirrored(holder: Tree, at: Pointer, namespace: str) -> Iterator[Target]:
    for place, one in _entries(holder.get("filters"), (*at, "filters")):
        backend = mapping(mapping(one.get("requestMirror")).get("backendRef"))
        if "name" in backend:
            yield _of_gateway_api(backend, (*place, "requestMirror", "backendRef"), namespace)


def _of_gateway_api(entry: Tree, at: Pointer, namespace: str) -> Target:
    kind = (entry.get("group") or "", entry.get("kind") or "Service")
    foreign = kind not in (("", "Service"), (ISTIO, "Hostname"))
    return Target(destination(entry, namespace), (*at, "name"), (*at, "name"), foreign)


def _entries(value: Any, at: Pointer) -> Iterator[tuple[Pointer, Tree]]:
    """The mappings of a list, with their places."""
    found = sequence(value)
    yield from (((*at, index), entry) for index, entry in enumerate(found) if mappings([entry]))
