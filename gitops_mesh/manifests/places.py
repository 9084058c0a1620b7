"""Line and column of a field, found again on demand, so that files without findings pay nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from yaml._yaml import CParser
from yaml.error import YAMLError
from yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from gitops_mesh.manifests.reading import json_escapes
from gitops_mesh.manifests.scalars import key as key_text
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import Pointer

Place = tuple[int, int]
"""Line and column, from 1."""


class _Spot:
    """A node of a document: where it (and its key) stands, and its children."""

    __slots__ = ("children", "key", "mapping", "pending", "value")

    def __init__(self, event: Any, key: Place | None) -> None:
        self.value = _place(event)
        self.key = key
        self.mapping = isinstance(event, MappingStartEvent)
        self.pending: tuple[str, Place] | None = None
        """Of a mapping: the key whose value comes next."""
        self.children: dict[str | int, _Spot] | None = {} if isinstance(event, CollectionStartEvent) else None

    def add(self, event: Any) -> _Spot | None:
        """The child that starts with this event; `None` when the event is a mapping's key."""
        assert self.children is not None  # noqa: S101 - only collections are on the stack
        if not self.mapping:
            child = self.children[len(self.children)] = _Spot(event, None)
            return child
        if self.pending is None:
            self.pending = (_key(event), _place(event))
            return _Spot(event, None) if isinstance(event, CollectionStartEvent) else None
        name, key = self.pending
        self.pending = None
        child = _Spot(event, key)
        self.children.setdefault(name, child)  # of a key that is given twice, the first
        return child

    def place(self, *, on_key: bool) -> Place:
        """Of a collection below a key the key, since a block's own first line comes after it."""
        return self.key if self.key is not None and (on_key or self.children is not None) else self.value


class Places:
    """The places in some documents of one file; one pass over the file."""

    def __init__(self, content: bytes, documents: Collection[int]) -> None:
        self._roots: dict[int, _Spot] = {}
        with suppress(YAMLError):  # what comes before the error is known; the error has a finding of its own
            self._read(CParser(json_escapes(content)), documents)

    def of(self, document: int, pointer: Pointer, *, on_key: bool = False) -> Place:
        """Where a field stands; of one that is not there its nearest ancestor; (1, 1) without the document."""
        spot = self._roots.get(document)
        if spot is None:
            return (1, 1)
        for part in pointer:
            child = (spot.children or {}).get(part)
            if child is None:
                return spot.place(on_key=False)
            spot = child
        return spot.place(on_key=on_key)

    def _read(self, parser: CParser, documents: Collection[int]) -> None:
        index = -1
        stack: list[_Spot] = []
        while (event := parser.get_event()) is not None:
            if isinstance(event, DocumentStartEvent):
                index += 1
            elif index not in documents:
                continue
            elif isinstance(event, CollectionEndEvent):
                stack.pop()
            elif isinstance(event, NodeEvent):
                spot = stack[-1].add(event) if stack else self._roots.setdefault(index, _Spot(event, None))
                if spot is not None and spot.children is not None:
                    stack.append(spot)


def locate(content: bytes, document: int, pointer: Pointer, *, key: bool) -> Place:
    """Line and column of one field; see `Places.of`. With `key`, of its name."""
    return Places(content, {document}).of(document, pointer, on_key=key)


def with_places(findings: Sequence[Finding], read: Callable[[str], bytes]) -> tuple[Finding, ...]:
    """The findings; each that names a path and has no line gets its place. Each file is read once, by `read`."""
    wanted: dict[str, set[int]] = {}
    for finding in findings:
        if finding.path and not finding.line:
            wanted.setdefault(finding.path, set()).add(finding.document)
    places = {path: Places(read(path), documents) for path, documents in wanted.items()}
    return tuple(_placed(finding, places.get(finding.path)) for finding in findings)


def _placed(finding: Finding, places: Places | None) -> Finding:
    if places is None or finding.line:
        return finding
    line, column = places.of(finding.document, finding.pointer, on_key=finding.on_key)
    return dataclasses.replace(finding, line=line, column=column)


def _place(event: Any) -> Place:
    return (event.start_mark.line + 1, event.start_mark.column + 1)


def _key(event: Any) -> str:
    """A key as the tree has it; what is none matches no field."""
    if not isinstance(event, ScalarEvent):
        return ""
    try:
        return key_text(event.value) if event.tag is None and event.implicit[0] else str(event.value)
    except ValueError:
        return str(event.value)
