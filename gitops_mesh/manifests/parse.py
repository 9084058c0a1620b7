"""A file's bytes become manifests, and findings where they cannot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops_mesh.manifests.envelope import Wrong, manifest
from gitops_mesh.manifests.files import HELM, foreign, template_line
from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.places import Places
from gitops_mesh.manifests.problems import Problem, Stop
from gitops_mesh.manifests.reading import Document, documents
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import Manifest, Pointer

_WARNINGS = frozenset({"merge-order"})
_DEFAULTS = Limits()


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What one file holds. A document with errors of its envelope gives findings and no manifest."""

    manifests: tuple[Manifest, ...]
    findings: tuple[Finding, ...]


def parse(content: bytes, path: str, blob: str = "", *, limits: Limits = _DEFAULTS) -> ParsedFile:
    """The manifests of a file; never raises for what the file holds.

    Bodies are in normal form, with the namespace written into the metadata of namespaced kinds. Findings
    have their line and column. Reading ends at the first place that has no meaning as YAML, and at the
    first limit; documents before it are kept.
    """
    refused = _unreadable(content, limits)
    if refused:
        return ParsedFile((), (_finding(refused, path, 0),))
    places = _Lazy(content)
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    index = -1
    try:
        for document in documents(content, limits):
            index = document.index
            findings += _said(document, places, path, limits.findings)
            for made in _objects(document, path, blob):
                if isinstance(made, Manifest):
                    manifests.append(made)
                else:
                    findings.append(_placed(made, document, places, path))
            if len(findings) >= limits.findings:
                break
    except Stop as stop:
        findings.append(_finding(_template(content, stop.problem), path, index + 1))
    return ParsedFile(tuple(manifests), tuple(findings[: limits.findings]))


class _Lazy:
    """The places in one file, found when the first of a document is asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._known: dict[int, Places] = {}

    def of(self, document: int, pointer: Pointer, *, on_key: bool = False) -> tuple[int, int]:
        if document not in self._known:
            self._known[document] = Places(self._content, {document})
        return self._known[document].of(document, pointer, on_key=on_key)


def _unreadable(content: bytes, limits: Limits) -> Problem | None:
    """Why the bytes are not even looked at as YAML."""
    if len(content) > limits.bytes:
        message = f"the file has {len(content):,} bytes; {limits.bytes:,} are the limit for a manifest file"
        return Problem("yaml-limit", message, 1, 1, "split the file")
    if b"\0" in content:
        return Problem("binary-file", "the file is binary, not YAML", 1, 1, "move it out of the configured path")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem("binary-file", f"byte {error.start + 1} of the file is not UTF-8", line, 1, "save it as UTF-8")
    return None


def _template(content: bytes, problem: Problem) -> Problem:
    """The same problem, said plainly when the text is a Helm template up to there."""
    line = template_line(content)
    if problem.rule not in ("yaml-syntax", "complex-key", "tab") or not 0 < line <= problem.line:
        return problem
    message, remedy = HELM
    return Problem("helm-template", message, line, 1, remedy)


def _said(document: Document, places: _Lazy, path: str, most: int) -> Iterator[Finding]:
    for problem in document.problems[:most]:
        message = problem.message
        if problem.rule == "duplicate-key":
            line, _ = places.of(document.index, problem.pointer, on_key=True)
            message = f"{message}, first on line {line}"
        yield _finding(dataclasses.replace(problem, message=message), path, document.index)


def _objects(document: Document, path: str, blob: str) -> Iterator[Manifest | Wrong]:
    """The objects of a document: one, none (an empty document), or the entries of a `List`."""
    value = document.value
    if value is None:
        return
    if isinstance(value, Mapping):
        other = foreign(path, value)
        if other is not None:
            rule, (message, remedy) = other
            yield Wrong(rule, message, (), remedy)
            return
    yield from _expanded(value, (), path, document.index, blob)


def _expanded(value: Any, inside: Pointer, path: str, index: int, blob: str) -> Iterator[Manifest | Wrong]:
    items = value.get("items") if isinstance(value, Mapping) else None
    kind = str(value.get("kind", "")) if isinstance(value, Mapping) else ""
    if not kind.endswith("List") or not isinstance(items, list):
        yield manifest(value, inside, path=path, document=index, blob=blob)
        return
    of = {} if kind == "List" else {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for place, item in enumerate(items):
        named = isinstance(item, Mapping) and ("kind" in item or "apiVersion" in item)
        entry = item if named or not isinstance(item, Mapping) else {**of, **item}
        yield from _expanded(entry, (*inside, "items", place), path, index, blob)


def _placed(wrong: Wrong, document: Document, places: _Lazy, path: str) -> Finding:
    line, column = places.of(document.index, wrong.pointer)
    return Finding(
        wrong.rule,
        Severity.ERROR,
        wrong.message,
        path=path,
        document=document.index,
        pointer=wrong.pointer,
        remedy=wrong.remedy,
        line=line,
        column=column,
    )


def _finding(problem: Problem, path: str, document: int) -> Finding:
    severity = Severity.WARNING if problem.rule in _WARNINGS else Severity.ERROR
    return Finding(
        problem.rule,
        severity,
        problem.message,
        path=path,
        document=document,
        pointer=problem.pointer,
        remedy=problem.remedy,
        line=problem.line,
        column=problem.column,
    )
