"""What an object refers to exists: hosts, subsets, gateways, delegates."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.mesh.hosts import covers
from gitops_mesh.mesh.references import delegates, gateways
from gitops_mesh.mesh.routes import GATEWAY_API, ISTIO
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.validation.explain import field
from gitops_mesh.validation.nearest import choices, question
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject
from gitops_mesh.validation.targets import delegate_pointers, gateway_pointers

_GATEWAYS = ((ISTIO, "Gateway"), (GATEWAY_API, "Gateway"))


def _subset(subject: Subject) -> Iterator[Remark]:
    """A subset that no DestinationRule of the host defines: Envoy answers 503 to every request there."""
    for manifest, target in subject.targets:
        to = target.destination
        if to.subset and to.subset not in (known := _subsets(subject, to.host)):
            said = f"no DestinationRule defines the subset `{to.subset}` of {to.host}{question(to.subset, known)}"
            remedy = choices(to.subset, known) or f"add a DestinationRule for {to.host} with this subset"
            yield Remark(manifest, said, target.subset, remedy)


def _host(subject: Subject) -> Iterator[Remark]:
    """A host that is neither a Service nor a ServiceEntry's: Envoy answers 503.

    Where no Service is known at all, Services are kept elsewhere: then it is a warning, and a host that a
    DestinationRule is written for passes.
    """
    services = bool(subject.index.services)
    for manifest, target in subject.targets:
        host = target.destination.host
        if target.foreign or subject.index.knows(host) or (not services and host in subject.index.subsets):
            continue
        said = f"no Service or ServiceEntry defines the host {host or '(empty)'}{_similar(subject, host)}"
        severity = Severity.ERROR if services else Severity.WARNING
        remedy = "check the name, or add its Service or ServiceEntry to the repository"
        yield Remark(manifest, said, target.host, remedy, severity=severity)


def _gateway(subject: Subject) -> Iterator[Remark]:
    """A gateway that does not exist: the routes bound to it are served nowhere."""
    for manifest in subject.routed:
        for pointer, key in zip(gateway_pointers(manifest.body), gateways(manifest.body), strict=True):
            if (key.group, key.kind) not in _GATEWAYS or key in subject.keys or _other_api(subject, key):
                continue
            known = [_place(other) for other in subject.keys if (other.group, other.kind) == (key.group, key.kind)]
            said = f"the Gateway {_place(key)} does not exist{question(_place(key), known)}"
            remedy = choices(_place(key), known) or "add the Gateway, or write its name as namespace/name"
            yield Remark(manifest, said, pointer, remedy)


def _delegate(subject: Subject) -> Iterator[Remark]:
    """A delegate that does not exist: Istio drops the route, and says so only in a log."""
    for manifest in subject.routed:
        for pointer, key in zip(delegate_pointers(manifest.body), delegates(manifest.body), strict=True):
            if key not in subject.keys:
                said = f"the delegate VirtualService {_place(key)} of {field(pointer)} does not exist"
                yield Remark(manifest, said, pointer, "add it, or correct its name and namespace")


def _subsets(subject: Subject, host: str) -> set[str]:
    """The subsets of a host: of the rules for it, and of those for a wildcard that covers it."""
    found = set(subject.index.subsets.get(host, {}))
    for pattern in _wildcards(subject):
        if covers(pattern, host):
            found |= set(subject.index.subsets[pattern])
    return found


def _similar(subject: Subject, host: str) -> str:
    """A question after the host of the same domain that was meant: only its first label can tell."""
    first, dot, domain = host.partition(".")
    known = subject.index.services | subject.index.entries | set(subject.index.subsets)
    return question(first, [h.partition(".")[0] for h in known if h.partition(".")[1:] == (dot, domain)])


def _wildcards(subject: Subject) -> list[str]:
    return [host for host in subject.index.subsets if host.startswith("*")]


def _other_api(subject: Subject, key: ObjectKey) -> bool:
    """A VirtualService may be bound to a Gateway of Gateway API."""
    return key.group == ISTIO and ObjectKey(GATEWAY_API, "Gateway", key.namespace, key.name) in subject.keys


def _place(key: ObjectKey) -> str:
    return f"{key.namespace}/{key.name}"


RULES = (
    Rule("subset-not-found", Severity.ERROR, _subset),
    Rule("host-not-found", Severity.WARNING, _host),
    Rule("gateway-not-found", Severity.ERROR, _gateway),
    Rule("delegate-not-found", Severity.ERROR, _delegate),
)
