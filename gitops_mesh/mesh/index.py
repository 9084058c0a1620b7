"""The mesh as one picture: which hosts, subsets and gateways a set of objects defines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitops_mesh.mesh.hosts import DOMAIN, covers, fqdn
from gitops_mesh.mesh.routes import ISTIO
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.routes import Split, SplitRecord

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MeshIndex:
    """What a set of objects defines, by fully qualified host."""

    subsets: Mapping[str, Mapping[str, Labels]]
    """Host → subset → its labels, from DestinationRules; of several rules the first definition wins, as in Istio."""
    entries: frozenset[str]
    """Hosts of ServiceEntries, wildcards included."""
    services: frozenset[str]
    """Hosts of Services that are in context."""
    gateways: frozenset[str]
    """`namespace/name` of Istio Gateways."""

    @staticmethod
    def of(bodies: Iterable[Tree]) -> MeshIndex:
        subsets: dict[str, dict[str, Labels]] = {}
        entries: set[str] = set()
        services: set[str] = set()
        gateways: set[str] = set()
        for body in bodies:
            metadata, spec = body.get("metadata", {}), body.get("spec") or {}
            namespace, name = str(metadata.get("namespace") or "default"), str(metadata.get("name"))
            group, kind = str(body.get("apiVersion", "")).rpartition("/")[0], body.get("kind")
            if (group, kind) == ("", "Service"):
                services.add(f"{name}.{namespace}.svc.{DOMAIN}")
            if group != ISTIO:
                continue
            if kind == "ServiceEntry":
                entries.update(str(host).lower() for host in spec.get("hosts") or ())
            elif kind == "Gateway":
                gateways.add(f"{namespace}/{name}")
            elif kind == "DestinationRule":
                known = subsets.setdefault(fqdn(str(spec.get("host", "")), namespace), {})
                for subset in spec.get("subsets") or ():
                    known.setdefault(str(subset.get("name")), _labels(subset))
        return MeshIndex(subsets, frozenset(entries), frozenset(services), frozenset(gateways))

    def knows(self, host: str) -> bool:
        """Whether a fully qualified host is a Service in context or a ServiceEntry's (wildcards cover)."""
        return host in self.services or host in self.entries or any(covers(entry, host) for entry in self.entries)

    def record(self, split: Split) -> SplitRecord:
        """The split together with what its subsets mean here."""
        labels = []
        for destination, _ in split.shares:
            if destination.subset:
                of_host = self.subsets.get(destination.host, {})
                labels.append((destination, of_host.get(destination.subset, ())))
        return SplitRecord(split, tuple(labels))


def _labels(subset: Tree) -> Labels:
    return tuple(sorted((str(k), str(v)) for k, v in (subset.get("labels") or {}).items()))
