"""What a file may cost before it is refused: bounds on hostile or broken input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one file. Checked while it is read, before anything is built from what exceeds them."""

    bytes: int = 1 << 20
    """Size of the file; callers check it before they read one."""
    documents: int = 2_000
    depth: int = 100
    """Collections inside each other."""
    nodes: int = 200_000
    """Scalars and collections, each counted as often as aliases repeat it."""
    aliases: int = 1_000
    """Uses of anchors (`*name`)."""
    expansion: int = 10
    """How many times larger aliases may make a document, once it has more than `free` nodes."""
    free: int = 1_000
    findings: int = 50
    """What is said about one file at most."""
