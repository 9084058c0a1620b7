"""The mesh as one picture: which hosts, subsets and gateways a set of objects defines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitops_mesh.mesh.hosts import DOMAIN, fqdn
from gitops_mesh.mesh.routes import ISTIO
from gitops_mesh.mesh.trees import kind_of, mapping, mappings, metadata, namespace_of, spec, strings
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.routes import Split, SplitRecord

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MeshIndex:
    """What a set of objects defines, by fully qualified host. Malformed parts define nothing."""

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
            kind = kind_of(body)
            namespace, name = namespace_of(body), str(metadata(body).get("name") or "")
            if kind == ("", "Service"):
                services.add(f"{name}.{namespace}.svc.{DOMAIN}")
            elif kind == (ISTIO, "ServiceEntry"):
                entries.update(entry_hosts(body))
            elif kind == (ISTIO, "Gateway"):
                gateways.add(f"{namespace}/{name}")
            elif kind == (ISTIO, "DestinationRule"):
                known = subsets.setdefault(rule_host(body), {})
                for subset, labels in subset_labels(body).items():
                    known.setdefault(subset, labels)
        return MeshIndex(subsets, frozenset(entries), frozenset(services), frozenset(gateways))

    def knows(self, host: str) -> bool:
        """Whether a fully qualified host is a Service in context or a ServiceEntry's (wildcards cover)."""
        if host in self.services or host in self.entries:
            return True
        # Looking its suffixes up costs the host's length, whatever the number of entries.
        return any("*" + host[start:] in self.entries for start in range(len(host) + 1))

    def record(self, split: Split) -> SplitRecord:
        """The split together with what its subsets mean here."""
        labels = []
        for destination, _ in split.shares:
            if destination.subset:
                of_host = self.subsets.get(destination.host, {})
                labels.append((destination, of_host.get(destination.subset, ())))
        return SplitRecord(split, tuple(labels))


def rule_host(body: Tree) -> str:
    """The fully qualified host of a DestinationRule."""
    return fqdn(str(spec(body).get("host") or ""), namespace_of(body))


def subset_labels(body: Tree) -> dict[str, Labels]:
    """A DestinationRule's subsets in order, each with its sorted labels; of one name the first counts."""
    found: dict[str, Labels] = {}
    for subset in mappings(spec(body).get("subsets")):
        labels = mapping(subset.get("labels"))
        found.setdefault(str(subset.get("name") or ""), tuple(sorted((str(k), str(v)) for k, v in labels.items())))
    return found


def entry_hosts(body: Tree) -> list[str]:
    """The hosts of a ServiceEntry as they are compared."""
    return [host.rstrip(".").lower() for host in strings(spec(body).get("hosts"))]
