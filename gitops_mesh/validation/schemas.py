"""The schemas of the managed kinds, compiled once each, and their errors with what is needed to explain them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from gitops_mesh.manifests.durations import is_duration, is_timeout
from gitops_mesh.model.objects import Pointer, Tree
from gitops_mesh.validation.formats import is_percentage
from gitops_mesh.validation.kinds import schema_of

_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_MOST = 50
"""Errors of one object; more help nobody."""
FORMATS = {"duration": is_duration, "timeout": is_timeout, "percentage": is_percentage}
"""Formats of our own: a Go duration from 0, one from 1 ms, and `12.5%`."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One keyword of a schema that an object does not meet."""

    keyword: str
    at: Pointer
    instance: Any
    schema: Any
    """The schema that holds the keyword; a boolean where a field may not be there at all."""
    unexpected: tuple[str, ...] = ()
    """Of `additionalProperties`: the unknown fields."""


class UniqueBy:
    """The keyword `uniqueBy: [field, ...]`: no two entries of a list agree in all these fields."""

    def __init__(self, _parent: Mapping[str, Any], value: list[str], _path: list[str | int]) -> None:
        self._fields = value

    def validate(self, instance: Any) -> None:
        """Raises ValueError when two entries agree."""
        entries = [e for e in instance if isinstance(e, Mapping)] if isinstance(instance, list) else []
        keys = [orjson.dumps([e.get(name) for name in self._fields]) for e in entries]
        if len(set(keys)) < len(keys):
            raise ValueError("two entries agree")


@cache
def _schema(group: str, kind: str) -> dict[str, Any]:
    return schema_of(group, kind)


@cache
def _validator(group: str, kind: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        _schema(group, kind),
        formats=FORMATS,
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(),  # linear time, as Kubernetes' own
        keywords={"uniqueBy": UniqueBy},
    )


def errors(group: str, kind: str, body: Tree) -> tuple[SchemaError, ...]:
    """What is wrong with an object of a kind that has a schema (else KeyError), in the object's order."""
    validator = _validator(group, kind)
    if validator.is_valid(body):
        return ()
    found = []
    for error, _ in zip(validator.iter_errors(body), range(_MOST), strict=False):
        *way, _keyword = error.schema_path
        found.append(
            SchemaError(
                error.kind.name,
                pointer_of(body, error.instance_path),
                error.instance,
                _follow(_schema(group, kind), way),
                tuple(getattr(error.kind, "unexpected", ())),
            )
        )
    return _without_consequences(found)


def pointer_of(body: Any, way: Sequence[str | int]) -> Pointer:
    """A path of the library's as a pointer, as far as it leads.

    The library gives keys that look like numbers as numbers, and leaves out empty ones.
    """
    return tuple(name for name, _ in _walk(body, way))


def _follow(schema: Any, way: Sequence[str | int]) -> Any:
    """The part of a schema at the end of a path."""
    return [schema, *(part for _, part in _walk(schema, way))][-1]


def _walk(node: Any, way: Sequence[str | int]) -> Iterator[tuple[str | int, Any]]:
    for part in way:
        name: str | int | None = part
        if isinstance(node, Mapping):
            name = _key(node, part)
        elif not isinstance(node, list):
            return
        if name is None:
            return
        node = node[name]
        yield name, node


def _key(node: Mapping[str, Any], part: str | int) -> str | None:
    if isinstance(part, str):
        return part if part in node else None
    return next((key for key in node if _NUMBER.fullmatch(key) and int(key) == part), None)


def _without_consequences(found: list[SchemaError]) -> tuple[SchemaError, ...]:
    """A value of the wrong type fails everything else that its schema asks for; the type is the error."""
    mistyped = {error.at for error in found if error.keyword == "type"}
    return tuple(e for e in found if e.keyword == "type" or e.at not in mistyped)
