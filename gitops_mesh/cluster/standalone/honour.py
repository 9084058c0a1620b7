"""What a mesh cannot honour, said where it belongs: at a place in a file, or as the answer to a write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitops_mesh.cluster.standalone.translate.config import Translation
from gitops_mesh.errors import Refused
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import Manifest, ObjectKey


class Dishonoured(Exception):
    """Written objects that ask for what this mesh cannot do."""

    def __init__(self, reasons: Mapping[ObjectKey, Refused]) -> None:
        super().__init__()
        self.reasons = reasons


def honour(old: Translation, new: Translation, written: Sequence[ObjectKey]) -> None:
    """A write is refused for what it brings, not for what was wrong before."""
    known = {(f.object, f.message) for f in old.findings}
    reasons: dict[ObjectKey, Refused] = {}
    for finding in new.findings:
        key = finding.object
        if (
            key is not None
            and key in written
            and finding.is_error
            and (key, finding.message) not in known
            and key not in reasons
        ):
            place = ".".join(str(part) for part in finding.pointer)
            reasons[key] = Refused(f"{key}, {place}: {finding.message}", remedy=finding.remedy)
    if reasons:
        raise Dishonoured(reasons)


def placed(finding: Finding, manifests: Mapping[ObjectKey, Manifest]) -> Finding:
    """The finding with its place in a file."""
    manifest = manifests.get(finding.object) if finding.object else None
    if manifest is None:
        return finding
    pointer = (*manifest.inside, *finding.pointer)
    return replace(finding, path=manifest.path, document=manifest.document, pointer=pointer)
