"""YAML events become one document's tree of JSON values, within a budget.

One pass with a stack of our own: nothing recurses, nothing is built twice, and a limit is checked before
the value that would exceed it. Aliased values are shared, not copied, and counted as often as they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from gitops_mesh.manifests.budget import Budget
from gitops_mesh.manifests.merging import MERGE, MERGE_TAG, merged
from gitops_mesh.manifests.problems import Problem, Stop, at
from gitops_mesh.manifests.scalars import Scalar, key, plain, tagged
from gitops_mesh.model.objects import Pointer


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor names, how many nodes it has and how deep it goes."""

    value: Any
    size: int
    height: int


_OPEN = _Anchored(None, 0, 0)
"""Stands for an anchor whose collection has not ended: an alias to it would contain itself."""


class _Frame:
    """A collection that is still open."""

    __slots__ = ("anchor", "height", "key", "mapping", "merge", "names", "size", "value")

    def __init__(self, value: Any, anchor: str | None, *, mapping: bool) -> None:
        self.value = value
        self.anchor = anchor
        self.mapping = mapping
        self.key: Any = None
        """The pending key of a mapping; `None` when one is due."""
        self.merge: Any = None
        """The event of the latest `<<`, for its place."""
        self.names: set[str] | None = None
        """The keys that are written, once a merge has brought others."""
        self.size = 1
        self.height = 1

    @property
    def wants_key(self) -> bool:
        return self.mapping and self.key is None


class Builder:
    """Builds one document's value; `take` its events until it says that the value is complete."""

    def __init__(self, budget: Budget) -> None:
        self.value: Any = None
        self.problems: list[Problem] = []
        self._budget = budget
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}

    def take(self, event: Any) -> bool:
        """Take one event; whether the document's value is complete. Raises Stop."""
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            frame = self._stack.pop()
            made = _Anchored(frame.value, frame.size, frame.height)
            return self._put(made, frame.anchor)
        if kind is AliasEvent:
            return self._alias(event)
        return self._open(event, mapping=kind is MappingStartEvent)

    def _open(self, event: Any, *, mapping: bool) -> bool:
        self._budget.node(event)
        self._budget.depth(event, len(self._stack) + 1)
        if self._stack and self._stack[-1].wants_key:
            raise Stop(at(event, "complex-key", "a mapping or a list stands where a key is expected"))
        if event.anchor is not None:
            self._anchors[event.anchor] = _OPEN
        self._stack.append(_Frame({} if mapping else [], event.anchor, mapping=mapping))
        return False

    def _scalar(self, event: ScalarEvent) -> bool:
        self._budget.node(event)
        if self._stack and self._stack[-1].wants_key:
            if event.anchor is not None:
                self._anchors[event.anchor] = _Anchored(self._value(event), 1, 0)
            return self._name(event, self._stack[-1], self._key(event))
        return self._put(_Anchored(self._value(event), 1, 0), event.anchor)

    def _alias(self, event: AliasEvent) -> bool:
        anchor = str(event.anchor)
        target = self._anchors.get(anchor)
        name = f"`*{anchor[:60]}`"
        if target is None:
            raise Stop(at(event, "yaml-syntax", f"the alias {name} has no anchor before it in the document"))
        if target is _OPEN:
            raise Stop(at(event, "yaml-limit", f"the alias {name} stands inside its own anchor: it would never end"))
        self._budget.alias(event, target.size)
        self._budget.depth(event, len(self._stack) + target.height)
        if self._stack[-1].wants_key:
            if not isinstance(target.value, str):
                raise Stop(at(event, "complex-key", f"the alias {name} is a key, but no string"))
            return self._name(event, self._stack[-1], target.value)
        return self._put(target, None)

    def _name(self, event: Any, frame: _Frame, name: Any) -> bool:
        """`name` is the key of what comes next in the mapping."""
        frame.key = name
        frame.size += 1
        if name is MERGE:
            frame.merge = event
            return False
        written = frame.value if frame.names is None else frame.names
        if name in written:
            pointer = (*(len(f.value) if f.key is None else str(f.key) for f in self._stack[:-1]), name)
            self._wrong(event, "duplicate-key", f"the key `{name[:60]}` is given twice", "keep one of the two", pointer)
        if frame.names is not None:
            frame.names.add(name)
        return False

    def _put(self, made: _Anchored, anchor: str | None) -> bool:
        """A complete value goes into the collection that holds it."""
        if anchor is not None:
            self._anchors[anchor] = made
        if not self._stack:
            self.value = made.value
            return True
        frame = self._stack[-1]
        frame.size += made.size
        frame.height = max(frame.height, made.height + 1)
        if not frame.mapping:
            frame.value.append(made.value)
        elif frame.key is MERGE:
            self._merge(frame, made.value)
        else:
            frame.value[frame.key] = made.value
        frame.key = None
        return False

    def _merge(self, frame: _Frame, value: Any) -> None:
        if frame.names is None:
            frame.names = set(frame.value)
        fields = merged(value)
        if fields is None:
            self._wrong(frame.merge, "yaml-syntax", "`<<` takes a mapping, or a list of mappings")
            return
        lost = [name for name in fields if name in frame.names and frame.value[name] != fields[name]]
        if lost:
            names = ", ".join(f"`{name[:60]}`" for name in lost[:5])
            message = f"`<<` replaces {names}, written above it; Kubernetes lets what comes later win"
            self._wrong(frame.merge, "merge-order", message, "move `<<` to the top of the mapping")
        frame.value.update(fields)

    def _value(self, event: ScalarEvent) -> Scalar:
        try:
            if event.tag is None:
                return plain(event.value) if event.implicit[0] else str(event.value)
            return tagged(event.value, event.tag)
        except ValueError as error:
            self._wrong(event, "bad-scalar", str(error), "quote it if it is a string")
            return str(event.value)

    def _key(self, event: ScalarEvent) -> Any:
        """The key that a scalar means; `MERGE` for `<<`."""
        is_plain = event.tag is None and event.implicit[0]
        if event.value == "<<" and (is_plain or event.tag == MERGE_TAG):
            return MERGE
        try:
            return key(event.value) if is_plain else str(event.value)
        except ValueError as error:
            rule = "bad-scalar" if event.value.strip("~nulNUL") else "null-key"
            self._wrong(event, rule, str(error), "write the field's name; in quotes, if this is it")
            return str(event.value)

    def _wrong(self, event: Any, rule: str, message: str, remedy: str = "", pointer: Pointer = ()) -> None:
        self.problems.append(at(event, rule, message, remedy, pointer))
