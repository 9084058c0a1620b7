"""The whole translation: objects in, Envoy's configuration and findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gitops_mesh.cluster.standalone.translate.clusters import Clusters
from gitops_mesh.cluster.standalone.translate.config import Translation
from gitops_mesh.cluster.standalone.translate.fields import UNSUPPORTED, Fields, Problems
from gitops_mesh.cluster.standalone.translate.gateways import Server, servers
from gitops_mesh.cluster.standalone.translate.hosts import Entry, Hosts, entries
from gitops_mesh.cluster.standalone.translate.placing import Placing
from gitops_mesh.cluster.standalone.translate.rules import Rule, Rules, rule
from gitops_mesh.cluster.standalone.translate.services import Compiler
from gitops_mesh.mesh.routes import GATEWAY_API, ISTIO
from gitops_mesh.mesh.trees import spec
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import StandaloneSettings

HONOURED = ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry")
"""The kinds of `networking.istio.io` that the standalone mesh follows."""

Objects = Iterable[tuple[ObjectKey, Tree]]


def translate(objects: Objects, settings: StandaloneSettings) -> Translation:
    """Everything that these objects mean to one Envoy, and everything that they ask for in vain.

    Total: a malformed object becomes findings, never an exception.
    """
    bodies = dict(sorted(objects, key=lambda item: item[0]))
    problems = {key: Problems(key) for key in bodies}
    for key in bodies:
        _honoured(key, problems[key])
    clusters = _clusters(bodies, settings, problems)
    compiler = Compiler(_of_kind(bodies, "VirtualService"), clusters)
    services = [compiler.service(key, problems[key]) for key in _of_kind(bodies, "VirtualService")]
    placing = Placing(settings, clusters)
    for key, body in _of_kind(bodies, "Gateway").items():
        placing.gateway(key, _servers(key, body, settings, problems[key]), problems[key])
    for service in services:
        placing.place(service)
    config = placing.config()
    return Translation(config, tuple(finding for found in problems.values() for finding in found))


def endpoints_of(
    objects: Objects, settings: StandaloneSettings, destinations: Collection[Destination]
) -> dict[Destination, tuple[tuple[str, int], ...]]:
    """The addresses of each destination; empty where it has none."""
    bodies = dict(sorted(objects, key=lambda item: item[0]))
    clusters = _clusters(bodies, settings, {key: Problems(key) for key in bodies})
    return {d: tuple((e.address, e.port) for e in clusters.endpoints(d).endpoints) for d in destinations}


def _clusters(
    bodies: Mapping[ObjectKey, Tree], settings: StandaloneSettings, problems: Mapping[ObjectKey, Problems]
) -> Clusters:
    known: dict[str, Entry] = {}
    for key, body in _of_kind(bodies, "ServiceEntry").items():
        fields = Fields(spec(body), ("spec",), problems[key])
        for host, entry in entries(fields):
            known.setdefault(host, entry)
        fields.close()
    rules: list[tuple[str, Rule]] = []
    for key, body in _of_kind(bodies, "DestinationRule").items():
        fields = Fields(spec(body), ("spec",), problems[key])
        rules.append(rule(fields, key.namespace))
        fields.close()
    return Clusters(Hosts(known, settings.endpoints), Rules(rules))


def _servers(key: ObjectKey, body: Tree, settings: StandaloneSettings, problems: Problems) -> Sequence[Server]:
    fields = Fields(spec(body), ("spec",), problems)
    found = servers(fields, key.namespace, settings.ports)
    fields.close()
    return found


def _of_kind(bodies: Mapping[ObjectKey, Any], kind: str) -> dict[ObjectKey, Any]:
    return {key: body for key, body in bodies.items() if (key.group, key.kind) == (ISTIO, kind)}


def _honoured(key: ObjectKey, problems: Problems) -> None:
    """Kinds of a mesh that this one cannot follow are errors; kinds of nobody's mesh are none of its business."""
    mesh = key.group in (GATEWAY_API, "istio.io") or key.group.endswith(".istio.io")
    if mesh and (key.group, key.kind) not in {(ISTIO, kind) for kind in HONOURED}:
        problems.add(
            f"the standalone mesh does not support {key.kind} ({key.group})",
            ("kind",),
            rule=UNSUPPORTED,
            remedy=f"it follows {', '.join(HONOURED)}; use a cluster with Istio for the rest",
        )
