"""The annotation that leaves fields of an object to others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from gitops_mesh.mesh.pointers import ANY, Pattern, parsed
from gitops_mesh.mesh.trees import mapping, metadata
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import IGNORE_FIELDS, MOST_POINTERS, PREFIX, Manifest, Tree
from gitops_mesh.validation.kinds import is_managed, schema_of
from gitops_mesh.validation.nearest import choices, question
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject

NAME = PREFIX + IGNORE_FIELDS
_EXAMPLE = "write JSON pointers with spaces between them, as /spec/http/0/timeout /metadata/labels/team; `*` is any one"
_SHOWN = 100
_PLACE = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def _pointers(subject: Subject) -> Iterator[Remark]:
    """A pointer that leads nowhere would leave nothing to others; one to what is shifted would stop every release."""
    for manifest in subject.manifests:
        value = mapping(metadata(manifest.body).get("annotations")).get(NAME)
        if not isinstance(value, str) or not is_managed(manifest.key):
            continue
        pointers = list(dict.fromkeys(value.split()))
        at = ("metadata", "annotations", NAME)
        if not pointers:
            yield Remark(manifest, f"`{NAME}` names no field", at, _EXAMPLE)
        if len(pointers) > MOST_POINTERS:
            said = f"`{NAME}` has {len(pointers)} pointers; expected {MOST_POINTERS} at most"
            yield Remark(manifest, said, at, f"let `{ANY}` stand for several, or leave a field above them to others")
        for pointer in pointers[:MOST_POINTERS]:
            wrong = _wrong(manifest, pointer)
            if wrong is not None:
                yield Remark(manifest, f"`{NAME}` has {pointer[:_SHOWN]!r}: {wrong[0]}", at, wrong[1])


def _wrong(manifest: Manifest, pointer: str) -> tuple[str, str] | None:
    """What is wrong with a pointer, and what to do."""
    try:
        pattern = parsed(pointer, manifest.key.kind)
    except ValueError as error:
        return str(error), _EXAMPLE
    return _astray(_schema(manifest.key.group, manifest.key.kind), pattern) if pattern[0] == "spec" else None


def _astray(schema: Tree, pattern: Pattern) -> tuple[str, str] | None:
    """Where the way leaves the schema, with what there is instead; `None` when it leads to a field."""
    schemas = [schema]
    for name in pattern:
        below = [part for one in schemas for part in _below(one, name)]
        if not below:
            known = {field for one in schemas for field in one.get("properties", ())}
            if known:
                return f"there is no field `{name[:_SHOWN]}`{question(name, known)}", choices(name, known)
            if any("items" in one for one in schemas):
                return f"`{name[:_SHOWN]}` stands where a list is", f"write an entry's place from 0, or `{ANY}` for all"
            return f"nothing is below the field before `{name[:_SHOWN]}`", "leave out what follows it"
        schemas = list({id(part): part for part in below}.values())
    return None


def _below(schema: Tree, name: str) -> list[Tree]:
    """The schemas of what a segment leads to: of a known field, of a list's entry, or of any name's value."""
    known: Mapping[str, Tree] = schema.get("properties", {})
    if known:
        return [part for field, part in known.items() if name in (ANY, field)]
    if "items" in schema:
        return [schema["items"]] if name == ANY or _PLACE.fullmatch(name) else []
    if schema.get("type", "object") != "object":
        return []
    more = schema.get("additionalProperties", True)
    return [more if isinstance(more, Mapping) else {}] if more else []


@cache
def _schema(group: str, kind: str) -> dict[str, Any]:
    return schema_of(group, kind)


RULES = (Rule("ignored-fields", Severity.ERROR, _pointers),)
