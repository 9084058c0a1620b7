"""Which destinations have a ready endpoint: Services by EndpointSlices and Pods, others by ServiceEntry.

A subset selects endpoints by labels (Istio's DestinationRule); a Pod that an EndpointSlice names as ready counts
with its labels. Endpoints that stand in a ServiceEntry have no health of their own and count as ready.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_mesh.mesh.hosts import DOMAIN
from gitops_mesh.mesh.index import Labels, MeshIndex, entry_hosts
from gitops_mesh.mesh.routes import ISTIO
from gitops_mesh.mesh.trees import kind_of, mapping, mappings, namespace_of, spec
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.routes import Destination

Pod = tuple[str, str]
"""(namespace, name)"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready endpoint of a Service: its Pod, if it has one."""

    pod: Pod | None


@dataclass(slots=True)
class Workloads:
    """What watches of Pods and EndpointSlices have brought; changed in place, one key at a time."""

    pods: dict[Pod, tuple[Mapping[str, str], bool]] = field(default_factory=dict)
    """Pod → its labels, and whether it is ready."""
    slices: dict[Pod, tuple[str, tuple[Endpoint, ...]]] = field(default_factory=dict)
    """EndpointSlice → the Service it belongs to, and its ready endpoints."""

    def pod(self, raw: Mapping[str, Any]) -> None:
        conditions = (raw.get("status") or {}).get("conditions") or ()
        ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
        self.pods[_name(raw)] = ((raw.get("metadata") or {}).get("labels") or {}, ready)

    def slice(self, raw: Mapping[str, Any]) -> None:
        namespace, name = _name(raw)
        service = ((raw.get("metadata") or {}).get("labels") or {}).get("kubernetes.io/service-name") or ""
        ready = []
        for endpoint in raw.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                pod = (namespace, str(target.get("name"))) if target.get("kind") == "Pod" else None
                ready.append(Endpoint(pod))
        self.slices[namespace, name] = (service, tuple(ready))


class Readiness:
    """Answers for one moment's objects."""

    def __init__(self, bodies: Iterable[Tree]) -> None:
        kinds: dict[str, list[Tree]] = {"DestinationRule": [], "ServiceEntry": [], "WorkloadEntry": []}
        for body in bodies:
            group, kind = kind_of(body)
            if group == ISTIO and kind in kinds:
                kinds[kind].append(body)
        self._index = MeshIndex.of(kinds["DestinationRule"])
        self._entries: dict[str, Tree] = {}
        for body in kinds["ServiceEntry"]:
            for host in entry_hosts(body):
                self._entries.setdefault(host, body)
        self._workloads = kinds["WorkloadEntry"]

    def unready(self, destinations: Collection[Destination], workloads: Workloads) -> dict[Destination, str]:
        """Those of the destinations that nobody serves, each with the reason."""
        services: dict[Pod, list[Endpoint]] = {}
        for (namespace, _), (service, endpoints) in list(workloads.slices.items()):
            services.setdefault((namespace, service), []).extend(endpoints)
        found = {d: self._why(d, services, workloads) for d in destinations}
        return {d: why for d, why in found.items() if why}

    def labels(self, to: Destination) -> Labels:
        """What a destination's subset selects by; nothing for one without a subset, or one not defined."""
        return self._index.subsets.get(to.host, {}).get(to.subset, ())

    def _why(self, to: Destination, services: Mapping[Pod, list[Endpoint]], workloads: Workloads) -> str:
        labels: Labels = ()
        if to.subset:
            known = self._index.subsets.get(to.host, {})
            if to.subset not in known:
                return f"no DestinationRule defines the subset {to.subset} of {to.host}"
            labels = known[to.subset]
        entry = self._entry(to.host)
        if entry is not None:
            return self._entry_why(to, entry, labels, workloads)
        name, _, rest = to.host.partition(".")
        if not rest.endswith(f".svc.{DOMAIN}"):
            return f"{to.host} is neither a Service nor a host of a ServiceEntry"
        ready = services.get((rest.removesuffix(f".svc.{DOMAIN}"), name), [])
        if not ready:
            return f"the Service {to.host} has no ready endpoint"
        nothing: tuple[Mapping[str, str], bool] = ({}, False)
        if labels and not any(_has(workloads.pods.get(e.pod, nothing)[0], labels) for e in ready if e.pod):
            return f"no ready Pod of {to.host} has the labels {_words(labels)}"
        return ""

    def _entry(self, host: str) -> Tree | None:
        exact = self._entries.get(host)
        if exact is not None:
            return exact
        parts = host.split(".")
        wild = ("*." + ".".join(parts[at:]) for at in range(1, len(parts)))
        return next((self._entries[name] for name in wild if name in self._entries), None)

    def _entry_why(self, to: Destination, entry: Tree, labels: Labels, workloads: Workloads) -> str:
        wanted = mapping(mapping(spec(entry).get("workloadSelector")).get("labels"))
        endpoints = mappings(spec(entry).get("endpoints"))
        if not wanted and not endpoints:
            return ""  # a name for DNS, or an address that is asked for as it is
        found = [mapping(endpoint.get("labels")) for endpoint in endpoints]
        if wanted:
            selector: Labels = tuple(sorted((str(k), str(v)) for k, v in wanted.items()))
            namespace = namespace_of(entry)
            own = [spec(w) for w in self._workloads if namespace_of(w) == namespace]
            found += [mapping(w.get("labels")) for w in own if _has(mapping(w.get("labels")), selector)]
            pods = list(workloads.pods.items())
            found += [have for (home, _), (have, ready) in pods if home == namespace and ready and _has(have, selector)]
        if not any(_has(have, labels) for have in found):
            return (
                f"no endpoint of the ServiceEntry for {to.host} has the labels {_words(labels)}"
                if labels
                else (f"the ServiceEntry for {to.host} has no endpoint")
            )
        return ""


def _has(labels: Mapping[str, Any], wanted: Labels) -> bool:
    return all(labels.get(name) == value for name, value in wanted)


def _words(labels: Labels) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels)


def _name(raw: Mapping[str, Any]) -> Pod:
    metadata = raw.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
