"""Where an object stands in the ledger's tree, and what object a path means."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitops_mesh.errors import LedgerError
from gitops_mesh.git.names import clean_line
from gitops_mesh.model.ledger import TreeChange
from gitops_mesh.model.objects import ObjectKey

CORE = "core"
"""Stands for the group without a name."""
CLUSTER = "_cluster"
"""Stands for no namespace."""
FOLDERS = {"live": ("objects", ".yaml"), "accepted": ("accepted", ".yaml"), "state": ("state", ".json")}
"""For each part of a TreeChange its folder and the ending of its files."""

_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
_BY_FOLDER = {folder: (part, ending) for part, (folder, ending) in FOLDERS.items()}


def identity(key: ObjectKey) -> str:
    """`group/kind/namespace/name`, each a safe path component. Raises LedgerError for a name that is none."""
    for part in (key.group or CORE, key.kind, key.namespace or CORE, key.name):
        if not _is_safe(part) or key.group == CORE:
            raise LedgerError(
                f"{clean_line(str(key), 200)} has a name that the ledger cannot keep: {clean_line(part, 80)!r}"
            )
    if (key.group, key.kind) == ("", "Secret"):
        raise LedgerError(
            f"{key} is a Secret; the ledger never holds one", remedy="take Secrets out of the managed kinds"
        )
    return "/".join((key.group or CORE, key.kind, key.namespace or CLUSTER, key.name))


def key_of(text: str) -> ObjectKey | None:
    """The key that `identity` wrote as `text`, `None` if it did not."""
    parts = text.split("/")
    if len(parts) != 4:
        return None
    group, kind, namespace, name = parts
    if not (_is_safe(group) and _is_safe(kind) and _is_safe(name) and (namespace == CLUSTER or _is_safe(namespace))):
        return None
    return ObjectKey("" if group == CORE else group, kind, "" if namespace == CLUSTER else namespace, name)


def files_of(key: ObjectKey, change: TreeChange) -> Iterator[tuple[str, bytes | None]]:
    """The files that a change writes, `None` where it removes one."""
    name = identity(key)
    for part, (folder, ending) in FOLDERS.items():
        text: str | None = getattr(change, part)
        yield f"{folder}/{name}{ending}", None if text is None else text.encode("utf-8", "replace")


def part_of(path: str) -> tuple[str, ObjectKey] | None:
    """Which part (`live`, `accepted`, `state`) of which object a file is; `None` for a file of somebody else."""
    folder, _, rest = path.partition("/")
    part, ending = _BY_FOLDER.get(folder, ("", ""))
    key = key_of(rest.removesuffix(ending)) if part and rest.endswith(ending) else None
    return (part, key) if key else None


def rollout_path(rollout: str) -> str:
    """The file of a rollout's increments. Raises LedgerError for an id that is no file's name."""
    if not _is_safe(rollout):
        raise LedgerError(f"{clean_line(rollout, 80)!r} cannot be a rollout's id")
    return f"rollouts/{rollout}.jsonl"


def _is_safe(part: str) -> bool:
    return _PART.fullmatch(part) is not None and ".." not in part
