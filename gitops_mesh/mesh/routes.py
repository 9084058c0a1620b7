"""Routes of an object and their identity.

A route is known by its unique `name`, else by its set of matches, else by its destinations
(`http/main`, `http/~default`, `http/~3f9a…`, `http/=81c0…`). Where even that is not unique the route is
ambiguous: its id is its place (`http/#2`), and its weights cannot be walked.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_mesh.mesh.hosts import DOMAIN, fqdn
from gitops_mesh.mesh.trees import kind_of, mapping, mappings, namespace_of, sequence, spec, text, weight, whole
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
_MARKS = ("~", "=", "#")
"""What our own identities begin with; a route's name that does too is not used as one."""


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
    raw: Tree = field(default_factory=dict, compare=False, repr=False)
    """The route as written."""

    @property
    def pointer(self) -> Pointer:
        return ("spec", self.form.list, self.index)

    @property
    def by_destinations(self) -> bool:
        """Known only by its destinations, so that another set of them makes it another route."""
        return self.id.startswith(f"{self.form.list}/=")


def routes(body: Tree) -> tuple[Route, ...]:
    """The routes of a body in order, each with an id of its own; empty for kinds that have none, and
    for malformed parts. Remembered for the latest bodies, since every stage asks again.
    """
    known = _latest.get(id(body))
    if known is None or known[0] is not body:
        if len(_latest) >= _REMEMBERED:
            _latest.clear()
        known = (body, _routes(body))
        _latest[id(body)] = known
    return known[1]


_REMEMBERED = 10_000
_latest: dict[int, tuple[Tree, tuple[Route, ...]]] = {}
"""By identity: bodies are never changed in place."""


def _routes(body: Tree) -> tuple[Route, ...]:
    found = list(_raw(body))
    names = Counter((form.list, name) for form, _, name, _, _, _ in found if name)
    matches = Counter((form.list, match) for form, _, _, match, _, _ in found)
    strong = [_strong(form, name, match, names, matches) for form, _, name, match, _, _ in found]
    # Only of routes with nothing better: a walk of another route must not make one ambiguous on its way.
    left = [
        (form.list, split.destinations) for one, (form, _, _, _, split, _) in zip(strong, found, strict=True) if not one
    ]
    splits = Counter(left)
    ids = []
    for known, (form, index, _, _, split, _) in zip(strong, found, strict=True):
        identity = known or f"#{index}"
        if not known and splits[form.list, split.destinations] == 1:
            identity = f"={_short(str(sorted(map(repr, split.destinations))))}"
        ids.append(f"{form.list}/{identity}")
    # The digests are short, so that two could be made to collide; those routes are not told apart.
    uses = Counter(ids)
    out = []
    for identity, (form, index, name, match, split, raw) in zip(ids, found, strict=True):
        ambiguous = uses[identity] > 1 or identity == f"{form.list}/#{index}"
        unique = f"{form.list}/#{index}" if ambiguous else identity
        entries = tuple(mappings(raw.get(form.destinations)))
        rest = {k: v for k, v in raw.items() if k not in ("name", form.match, form.destinations)}
        out.append(Route(unique, form, index, name, match, split, entries, rest, ambiguous, raw))
    return tuple(out)


def _strong(
    form: Form, name: str, match: str, names: Counter[tuple[str, str]], matches: Counter[tuple[str, str]]
) -> str:
    """A route's identity by its name or its matches; empty when neither is its own."""
    if name and not name.startswith(_MARKS) and names[form.list, name] == 1:
        return name
    if matches[form.list, match] == 1:
        return f"~{_short(match)}" if match else "~default"
    return ""


def forms(body: Tree) -> tuple[Form, ...]:
    """Where this body's kind keeps routes; empty when it has none."""
    kind = kind_of(body)
    if kind not in ROUTE_KINDS:
        return ()
    return _ISTIO_FORMS if kind[0] == ISTIO else _GATEWAY_FORMS


def destination(entry: Tree, namespace: str) -> Destination:
    """The destination that an entry of a route names: of VirtualService (`destination`) or a backendRef."""
    if "destination" in entry or "name" not in entry:
        to = mapping(entry.get("destination"))
        port = whole(mapping(to.get("port")).get("number"))
        return Destination(fqdn(str(to.get("host") or ""), namespace), str(to.get("subset") or ""), port)
    name, port = str(entry["name"]), whole(entry.get("port"))
    if (entry.get("kind") or "Service") != "Service":
        return Destination(name, "", port)
    return Destination(f"{name}.{entry.get('namespace') or namespace}.svc.{DOMAIN}", "", port)


def spellings(route: Route, namespace: str) -> dict[Destination, tuple[str, ...]]:
    """How each destination of a route is written, without its weight: spelling, headers, filters."""
    found: dict[Destination, tuple[str, ...]] = {}
    for entry in route.entries:
        to = destination(entry, namespace)
        written = text({k: v for k, v in entry.items() if k != "weight"})
        found[to] = (*found.get(to, ()), written)
    return found


def _raw(body: Tree) -> Iterator[tuple[Form, int, str, str, Split, Tree]]:
    namespace = namespace_of(body)
    for form in forms(body):
        for index, raw in enumerate(sequence(spec(body).get(form.list))):
            if isinstance(raw, Mapping):
                split = split_of(raw.get(form.destinations), namespace, form)
                yield form, index, str(raw.get("name") or ""), _match_set(raw.get(form.match)), split, raw


def split_of(entries: Any, namespace: str, form: Form) -> Split:
    """The split that a list of destinations means.

    VirtualService: an omitted weight is 0, yet a single destination gets everything. Gateway API: an
    omitted weight is 1, and a single backend of weight 0 gets nothing. A malformed weight counts as 0.
    """
    found = mappings(entries)
    gateway = form.list == "rules"
    if len(found) == 1 and not gateway:
        return Split.of({destination(found[0], namespace): 1})
    omitted = 1 if gateway else 0
    return Split.of([(destination(entry, namespace), weight(entry.get("weight"), omitted)) for entry in found])


def _match_set(matches: Any) -> str:
    """Matches as a set: order and their names do not count; an empty match means everything."""
    if not isinstance(matches, list) or not matches:
        return ""
    bare = [{k: v for k, v in m.items() if k != "name"} if isinstance(m, Mapping) else m for m in matches]
    if any(not m for m in bare):
        return ""
    return "\n".join(sorted({text(m) for m in bare}))


def _short(value: str) -> str:
    return hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:8]
