"""What a rule is: an id, a severity, and a function from what is judged to remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Manifest, Pointer
from gitops_mesh.validation.subject import Subject


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says about one field of one manifest."""

    manifest: Manifest
    message: str
    pointer: Pointer = ()
    """From the object's body; where the object stands in a `List` is joined in front later."""
    remedy: str = ""
    on_key: bool = False
    severity: Severity | None = None
    """Where it depends on what is known; else the rule's."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. The docstring of its check is its documentation: what is wrong, why, what to do."""

    id: str
    severity: Severity
    check: Callable[[Subject], Iterator[Remark]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        for remark in self.check(subject):
            yield finding(self.id, remark.severity or self.severity, remark)


def finding(rule: str, severity: Severity, remark: Remark) -> Finding:
    """A remark as a finding, without line and column."""
    manifest = remark.manifest
    return Finding(
        rule,
        severity,
        remark.message,
        path=manifest.path,
        document=manifest.document,
        pointer=(*manifest.inside, *remark.pointer),
        on_key=remark.on_key,
        object=manifest.key,
        remedy=remark.remedy,
    )
