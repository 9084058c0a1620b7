"""Everything that judges a desired set: rules, policies, and what the cluster cannot honour."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import Manifest
from gitops_mesh.ports import Cluster
from gitops_mesh.reconciler.desired import Check
from gitops_mesh.validation.policies import Policy, load_policies
from gitops_mesh.validation.validate import is_managed, validate


def shipped_policies(texts: Sequence[tuple[str, bytes]]) -> tuple[Policy, ...]:
    """The policies of the library that ships, from (name, text)."""
    return load_policies([m for name, text in texts for m in parse(text, f"policies/{name}.yaml").manifests])


def checker(policies: Sequence[Policy], cluster: Cluster | None) -> Check:
    """One function of a whole desired set: validation, the policies given and the set's own, the cluster's word."""

    def check(manifests: Sequence[Manifest]) -> Sequence[Finding]:
        findings = list(validate(manifests, policies=(*policies, *load_policies(manifests))))
        if cluster is not None and not any(f.is_error for f in findings):
            findings += cluster.check([m for m in manifests if is_managed(m.key)])
        return findings

    return check
