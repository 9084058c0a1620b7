"""Routes of an object and their identity.

A route is known by its unique `name`, else by its set of matches, else by its destinations
(`http/main`, `http/~default`, `http/~3f9a…`, `http/=81c0…`). Where even that is not unique the route is
ambiguous: its id is its place (`http/#2`), and its weights cannot be walked.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from gitops_mesh.manifests.normal import canonical
from gitops_mesh.mesh.hosts import DOMAIN, fqdn
from gitops_mesh.model.objects import Pointer, Tree
from gitops_mesh.model.routes import Destination, Split

ISTIO = "networking.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"
ROUTE_KINDS = (
    (ISTIO, "VirtualService"),
    (GATEWAY_API, "HTTPRoute"),
    (GATEWAY_API, "GRPCRoute"),
    (GATEWAY_API, "TCPRoute"),
    (GATEWAY_API, "TLSRoute"),
)
"""(group, kind) of the objects that have routes with weights."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where a kind keeps its routes: the list below `spec`, and the fields of a route."""

    list: str
    match: str
    destinations: str


_ISTIO_FORMS = (Form("http", "match", "route"), Form("tls", "match", "route"), Form("tcp", "match", "route"))
_GATEWAY_FORMS = (Form("rules", "matches", "backendRefs"),)


@dataclass(frozen=True, slots=True)
class Route:
    """One route of an object's body."""

    id: str
    form: Form
    index: int
    """Its place in its list."""
    name: str
    match: str
    """The canonical set of its matches; empty when it matches everything."""
    split: Split
    """Empty when the route has no destinations (redirect, direct response, delegate)."""
    entries: tuple[Tree, ...] = field(compare=False)
    """Its destinations as written."""
    rest: Tree = field(compare=False)
    """Every other field: neither name, matches nor destinations."""
    ambiguous: bool = False

    @property
    def pointer(self) -> Pointer:
        return ("spec", self.form.list, self.index)


def routes(body: Tree) -> tuple[Route, ...]:
    """The routes of a body in order; empty for kinds that have none, and for malformed parts."""
    found = list(_raw(body))
    names = Counter((form.list, name) for form, _, name, _, _, _ in found if name)
    matches = Counter((form.list, match) for form, _, _, match, _, _ in found)
    splits = Counter((form.list, split.destinations) for form, _, _, _, split, _ in found)
    out = []
    for form, index, name, match, split, raw in found:
        ambiguous = False
        if name and names[form.list, name] == 1:
            identity = name
        elif matches[form.list, match] == 1:
            identity = f"~{_short(match)}" if match else "~default"
        elif splits[form.list, split.destinations] == 1:
            identity = f"={_short(str(sorted(map(repr, split.destinations))))}"
        else:
            identity, ambiguous = f"#{index}", True
        entries = tuple(raw.get(form.destinations) or ())
        rest = {k: v for k, v in raw.items() if k not in ("name", form.match, form.destinations)}
        out.append(Route(f"{form.list}/{identity}", form, index, name, match, split, entries, rest, ambiguous))
    return tuple(out)


def forms(body: Tree) -> tuple[Form, ...]:
    """Where this body's kind keeps routes; empty when it has none."""
    group = str(body.get("apiVersion", "")).partition("/")[0]
    if (group, body.get("kind")) not in ROUTE_KINDS:
        return ()
    return _ISTIO_FORMS if group == ISTIO else _GATEWAY_FORMS


def destination(entry: Tree, namespace: str) -> Destination:
    """The destination that an entry of a route names: of VirtualService (`destination`) or a backendRef."""
    if "destination" in entry or "name" not in entry:
        to = entry.get("destination") or {}
        port = (to.get("port") or {}).get("number") or 0
        return Destination(fqdn(str(to.get("host", "")), namespace), str(to.get("subset") or ""), int(port))
    name, port = str(entry["name"]), int(entry.get("port") or 0)
    if entry.get("kind", "Service") != "Service":
        return Destination(name, "", port)
    return Destination(f"{name}.{entry.get('namespace') or namespace}.svc.{DOMAIN}", "", port)


def _raw(body: Tree) -> Iterator[tuple[Form, int, str, str, Split, Tree]]:
    namespace = str(body.get("metadata", {}).get("namespace") or "default")
    for form in forms(body):
        for index, raw in enumerate(body.get("spec", {}).get(form.list) or ()):
            if isinstance(raw, dict):
                split = split_of(raw.get(form.destinations) or (), namespace, form)
                yield form, index, str(raw.get("name") or ""), _match_set(raw.get(form.match)), split, raw


def split_of(entries: Any, namespace: str, form: Form) -> Split:
    """The split that a list of destinations means.

    VirtualService: an omitted weight is 0, yet a single destination gets everything. Gateway API: an
    omitted weight is 1, and a single backend of weight 0 gets nothing.
    """
    whole = [e for e in entries if isinstance(e, dict)]
    gateway = form.list == "rules"
    if len(whole) == 1 and not gateway:
        return Split.of({destination(whole[0], namespace): 1})
    omitted = 1 if gateway else 0
    weights = []
    for entry in whole:
        weight = entry.get("weight")
        weights.append((destination(entry, namespace), Fraction(omitted if weight is None else weight)))
    return Split.of(weights)


def _match_set(matches: Any) -> str:
    """Matches as a set: order and their names do not count; an empty match means everything."""
    if not isinstance(matches, list) or not matches:
        return ""
    bare = [{k: v for k, v in m.items() if k != "name"} if isinstance(m, dict) else m for m in matches]
    if any(not m for m in bare):
        return ""
    return "\n".join(sorted({canonical(m).decode() for m in bare}))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
