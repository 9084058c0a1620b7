"""What no schema can say of `drift.ignore`: which kinds there are, and where a pointer may lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops_mesh.config.environment import nearest
from gitops_mesh.config.rules import Mistake, dotted
from gitops_mesh.mesh.pointers import parsed
from gitops_mesh.model.objects import Pointer


def drift_mistakes(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong with the part of a tree that the schema found nothing wrong with."""
    drift = tree.get("drift")
    if not isinstance(drift, Mapping):
        return
    for index, rule in enumerate(drift.get("ignore", ())):
        inside: Pointer = ("drift", "ignore", index)
        known = _kinds()
        for place, kind in enumerate(rule.get("kinds", ())):
            at = (*inside, "kinds", place)
            if kind not in known:
                yield Mistake(at, f"`{dotted(at)}` is {kind!r}, which is no kind of the mesh; {nearest(kind, known)}")
        for place, pointer in enumerate(rule["fields"]):
            at = (*inside, "fields", place)
            said = _wrong(pointer, rule.get("kinds") or ("",))
            if said:
                yield Mistake(at, f"`{dotted(at)}` is {pointer!r}: {said}")


def _wrong(pointer: str, kinds: tuple[str, ...]) -> str:
    for kind in kinds:
        try:
            parsed(pointer, kind)
        except ValueError as error:
            return str(error)
    return ""


def _kinds() -> list[str]:
    from gitops_mesh.validation.kinds import POLICY_GROUP, served  # noqa: PLC0415 - only where a kind is named

    return sorted({kind for group, kinds in served().items() if group != POLICY_GROUP for kind in kinds})
