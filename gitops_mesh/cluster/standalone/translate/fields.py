"""Reading objects so that nothing is dropped in silence: a field that nobody took is a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops_mesh.mesh.trees import mapping
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import ObjectKey, Pointer

UNSUPPORTED = "standalone-unsupported"


class Problems:
    """The findings about one object, each said once."""

    def __init__(self, key: ObjectKey) -> None:
        self.key = key
        self._found: dict[tuple[Pointer, str], Finding] = {}

    def add(
        self,
        message: str,
        pointer: Pointer,
        *,
        rule: str = UNSUPPORTED,
        remedy: str = "",
        on_key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> None:
        finding = Finding(rule, severity, message, pointer=pointer, on_key=on_key, object=self.key, remedy=remedy)
        self._found.setdefault((pointer, message), finding)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())


class Fields:
    """A mapping whose fields are taken one by one; `close` on the outermost reports what was left."""

    def __init__(self, tree: Any, pointer: Pointer, problems: Problems) -> None:
        self._tree = mapping(tree)
        self._taken: set[str] = set()
        self._children: list[Fields] = []
        self.pointer = pointer
        self.problems = problems

    def __contains__(self, name: str) -> bool:
        return self._tree.get(name) is not None

    def names(self) -> list[str]:
        """The names of all fields that have a value."""
        return [str(name) for name, value in self._tree.items() if value is not None]

    def take(self, name: str) -> Any:
        """The value as it is, `None` where there is none."""
        self._taken.add(name)
        return self._tree.get(name)

    def text(self, name: str) -> str:
        """A string; empty where there is none."""
        value = self.take(name)
        if value is None or isinstance(value, str):
            return value or ""
        self.wrong(name, "is not a string")
        return ""

    def whole(self, name: str) -> int | None:
        """A whole number from 0; `None` where there is none."""
        value = self.take(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self.wrong(name, "is not a whole number from 0")
        return None

    def number(self, name: str) -> float | None:
        value = self.take(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        self.wrong(name, "is not a number")
        return None

    def flag(self, name: str) -> bool | None:
        value = self.take(name)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(name, "is not a boolean")
        return None

    def strings(self, name: str) -> list[str]:
        value = self.take(name)
        if value is None or (isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)):
            return list(value or ())
        self.wrong(name, "is not a list of strings")
        return []

    def texts(self, name: str) -> dict[str, str]:
        """A mapping of strings to strings."""
        value = self.take(name)
        if value is None or (isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())):
            return dict(value or {})
        self.wrong(name, "is not a mapping of strings")
        return {}

    def fields(self, name: str) -> Fields:
        """The mapping below `name`; an empty one where there is none."""
        return self._child(self.take(name), (*self.pointer, name))

    def each(self, name: str) -> list[Fields]:
        """The mappings of a list."""
        value = self.take(name)
        items = value if isinstance(value, list | tuple) else ()
        return [self._child(item, (*self.pointer, name, index)) for index, item in enumerate(items)]

    def under(self, name: str) -> list[tuple[str, Fields]]:
        """The entries of a mapping of mappings."""
        value = mapping(self.take(name))
        return [(str(key), self._child(item, (*self.pointer, name, str(key)))) for key, item in value.items()]

    def only(self, name: str, *allowed: Any) -> None:
        """A field that may only say what holds here anyway."""
        value = self.take(name)
        if value is not None and value not in ([], *allowed):
            said = " or ".join(str(choice) for choice in allowed)
            self.wrong(name, f"can only be {said} on the standalone mesh" if said else "is not supported here")

    def wrong(self, name: str, what: str) -> None:
        """Say that the field's value cannot be honoured."""
        self.problems.add(f"`{name}` {what}", (*self.pointer, name))

    def close(self) -> None:
        """Report every field, here and below, that nobody took."""
        for name, value in self._tree.items():
            if name not in self._taken and value is not None and value != []:
                message = f"the standalone mesh does not support `{name}`"
                remedy = "remove the field, or use a cluster with Istio"
                self.problems.add(message, (*self.pointer, str(name)), on_key=True, remedy=remedy)
        for child in self._children:
            child.close()

    def _child(self, tree: Any, pointer: Pointer) -> Fields:
        child = Fields(tree, pointer, self.problems)
        self._children.append(child)
        return child
