"""What validation says: findings, each with its place in a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitops_mesh.model.objects import ObjectKey, Pointer


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or worth knowing) about one place of one file.

    `line` and `column` count from 1; 0 means not known (yet): rules give `pointer`, and the place is
    looked up on demand, for the documents that have findings only.
    """

    rule: str
    """The kebab-case id of the rule: `unknown-field`, `subset-not-found`."""
    severity: Severity
    message: str
    """What is wrong and what was expected, as one sentence."""
    path: str = ""
    document: int = 0
    pointer: Pointer = ()
    """From the document's root (a `Manifest.inside` is already joined in front)."""
    on_key: bool = False
    """The finding is about the field's name, not its value (an unknown field)."""
    object: ObjectKey | None = None
    remedy: str = ""
    line: int = 0
    column: int = 0

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR
