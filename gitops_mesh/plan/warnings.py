"""What is worth saying about a plan: traffic that moves at once and unjudged, and what stays for now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitops_mesh.mesh.hosts import fqdn
from gitops_mesh.mesh.references import gateways, is_delegate
from gitops_mesh.mesh.routes import ISTIO
from gitops_mesh.mesh.trees import kind_of, namespace_of, spec, strings
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.plan import Create, Cutover, Delete, ObjectPlan, ObjectView
from gitops_mesh.plan.kinds import routes_traffic

RULE = "cutover"

Serving = Mapping[tuple[str, str], ObjectKey]
"""(gateway or `mesh`, host) → the accepted VirtualService that serves it."""


def serving(accepted: Mapping[ObjectKey, Tree]) -> Serving:
    return {place: key for key, body in sorted(accepted.items(), reverse=True) for place in _places(body)}


def of(found: ObjectPlan, view: ObjectView, accepted: Tree | None, served: Serving) -> Iterator[Finding]:
    """The warnings about one object's plan."""
    for change in found.changes:
        match change:
            case Cutover(reasons=reasons):
                yield _warning(view, f"{view.key} is cut over, at once and unjudged: {'; '.join(reasons)}")
            case Delete(waits="") if accepted is not None and routes_traffic(accepted) and view.live is not None:
                yield _warning(view, f"{view.key} is deleted: its traffic goes elsewhere, at once and unjudged")
            case Create() if found.desired is not None:
                yield from _taken_over(found.desired, view, served)


def kept(key: ObjectKey, subset: str, holder: str) -> Finding:
    """A subset that left Git and stays for now."""
    message = f"{key} keeps the subset {subset}, which left Git, as long as {holder} needs it"
    return Finding("subset-kept", Severity.INFO, message, object=key)


def protected(view: ObjectView, annotation: str) -> Finding:
    """An object that left Git and stays because it says so."""
    message = f"{view.key} left Git and is not deleted: it has `{annotation}: disabled`"
    return Finding("prune-disabled", Severity.INFO, message, path=view.state.origin, object=view.key)


def _taken_over(body: Tree, view: ObjectView, served: Serving) -> Iterator[Finding]:
    """A new VirtualService for a host that another one serves now takes (part of) its traffic."""
    taken: dict[ObjectKey, str] = {}
    for gateway, host in _places(body):
        for pattern in (host, *("*" + host[start:] for start in range(len(host) + 1))):
            if (gateway, pattern) in served:
                taken.setdefault(served[gateway, pattern], host)
                break
    for other, host in sorted(taken.items()):
        yield _warning(view, f"{view.key} takes over {host}, which {other} serves now, at once and unjudged")


def _places(body: Tree) -> Iterator[tuple[str, str]]:
    if kind_of(body) != (ISTIO, "VirtualService") or is_delegate(body):
        return
    bound = [str(key) for key in gateways(body)]
    if not bound or "mesh" in strings(spec(body).get("gateways")):
        bound.append("mesh")
    for host in strings(spec(body).get("hosts")):
        yield from ((gateway, fqdn(host, namespace_of(body))) for gateway in bound)


def _warning(view: ObjectView, message: str) -> Finding:
    path, document = (view.desired.path, view.desired.document) if view.desired else (view.state.origin, 0)
    return Finding(RULE, Severity.WARNING, message, path=path, document=document, object=view.key)
