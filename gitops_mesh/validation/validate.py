"""The entry point: a set of manifests gives findings."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import Manifest, Tree
from gitops_mesh.validation.enforcement import enforce
from gitops_mesh.validation.kinds import is_context, is_managed, is_policy
from gitops_mesh.validation.policies import Policy
from gitops_mesh.validation.rules import ALL
from gitops_mesh.validation.subject import Subject

__all__ = ["is_context", "is_managed", "is_policy", "validate"]


def validate(
    manifests: Sequence[Manifest], *, context: Sequence[Tree] = (), policies: Sequence[Policy] = ()
) -> tuple[Finding, ...]:
    """What is wrong with a whole set of manifests, sorted by file and place; lines are looked up later.

    `context` are bodies that are known but not part of the set (Services and Gateways of the cluster);
    `policies` are enforced on the managed kinds, in addition to the rules.
    """
    subject = Subject(tuple(manifests), context, policies)
    found = [finding for rule in ALL for finding in rule.findings(subject)]
    found += enforce(subject)
    return tuple(sorted(found, key=_place))


def _place(finding: Finding) -> tuple[str, int, list[str]]:
    pointer = [f"{part:08d}" if isinstance(part, int) else part for part in finding.pointer]
    return finding.path, finding.document, pointer
