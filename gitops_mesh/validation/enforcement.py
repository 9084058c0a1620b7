"""What the policies say about the objects that they select."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Manifest, Pointer
from gitops_mesh.validation.policies import Policy
from gitops_mesh.validation.rule import Remark, finding
from gitops_mesh.validation.schemas import pointer_of
from gitops_mesh.validation.subject import Subject

_MOST = 10
"""Findings of one policy about one object."""


def enforce(subject: Subject) -> Iterator[Finding]:
    """A finding for each place of an object that a policy does not allow; its rule is `policy/NAME`."""
    for policy in subject.policies:
        severity = Severity.ERROR if policy.deny else Severity.WARNING
        for manifest in subject.manifests:
            if policy.selects(manifest.key) and not policy.validator.is_valid(manifest.body):
                for pointer in _places(policy, manifest):
                    said = f"{manifest.key}: {policy.message}"
                    yield finding(f"policy/{policy.name}", severity, Remark(manifest, said, pointer))


def _places(policy: Policy, manifest: Manifest) -> list[Pointer]:
    """The places that the policy's schema finds fault with, each once."""
    found: dict[Pointer, None] = {}
    for error, _ in zip(policy.validator.iter_errors(manifest.body), range(_MOST), strict=False):
        found[pointer_of(manifest.body, error.instance_path)] = None
    return list(found)
