"""A file's bytes become its documents' values: YAML and JSON as Kubernetes reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from yaml._yaml import CParser
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.events import DocumentStartEvent

from gitops_mesh.manifests.budget import Budget
from gitops_mesh.manifests.building import Builder
from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.problems import Problem, Stop


@dataclass(frozen=True, slots=True)
class Document:
    """One document's value, and what is wrong with it short of making the file unreadable."""

    index: int
    value: Any
    problems: tuple[Problem, ...]
    line: int
    column: int


_SURROGATES = re.compile(rb"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def documents(content: bytes, limits: Limits) -> Iterator[Document]:
    """The documents of a file, in order. Raises Stop where the text cannot be read any further."""
    budget = Budget(limits)
    index = 0
    try:
        parser = CParser(json_escapes(content))
        while (event := parser.get_event()) is not None:
            if isinstance(event, DocumentStartEvent):
                budget.document(event, index)
                yield _document(parser, budget, index)
                index += 1
    except MarkedYAMLError as error:
        raise Stop(_syntax(content, error.problem or "it cannot be read", error.problem_mark)) from error
    except YAMLError as error:  # the parser's reader: characters that YAML does not allow
        reason = getattr(error, "reason", "") or "it holds characters that YAML does not allow"
        line, column = _place(content, getattr(error, "position", 0))
        raise Stop(Problem("yaml-syntax", f"this is not YAML: {reason}", line, column)) from error


def json_escapes(content: bytes) -> bytes:
    """JSON writes characters beyond 16 bits as two escapes; YAML has one for them."""
    if content.lstrip()[:1] not in (b"{", b"["):
        return content

    def one(found: re.Match[bytes]) -> bytes:
        high, low = int(found[2], 16), int(found[3], 16)
        return found[1] + b"\\U%08x" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _SURROGATES.sub(one, content)


def _document(parser: CParser, budget: Budget, index: int) -> Document:
    builder = Builder(budget)
    first: Any = parser.get_event()
    event = first
    while not builder.take(event):
        event = parser.get_event()
    mark = first.start_mark
    return Document(index, builder.value, tuple(builder.problems), mark.line + 1, mark.column + 1)


def _place(content: bytes, position: int) -> tuple[int, int]:
    """Line and column of a place in the text, counted in bytes."""
    before = content[:position]
    return before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1


def _syntax(content: bytes, problem: str, mark: Mark | None) -> Problem:
    """A parser's error; a tab where YAML has none is said as such."""
    line, column = (mark.line, mark.column) if mark else (0, 0)
    text = b"".join(content.split(b"\n", line + 1)[line : line + 1])
    if b"\t" in text[: len(text) - len(text.lstrip())]:
        return Problem("tab", "a tab indents this line; YAML allows spaces only", line + 1, column + 1, "use spaces")
    # Kubernetes' parser takes `[fe80::]` where libyaml ends the value before its last colon.
    remedy = "quote the value that ends in a colon" if problem == "found unexpected ':'" else ""
    return Problem("yaml-syntax", f"this is not YAML: {problem}", line + 1, column + 1, remedy)
