"""A body as YAML text: the same text for the same value, for the ledger and for diffs.

Written by hand rather than by a library's emitter, because the text has to mean the same to Kubernetes
(go-yaml v2), to YAML 1.1 and to YAML 1.2 readers: a string is left plain only if all of them read it as
that string. Keys are sorted, the ones that people look for first.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitops_mesh.model.objects import Tree

_FIRST = {key: rank for rank, key in enumerate(("apiVersion", "kind", "metadata", "name", "namespace", "host", "spec"))}
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What some YAML reads as a boolean or null, in any case."""
_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""What JSON leaves alone inside quotes and YAML does not."""
_LONGEST_SIMPLE_KEY = 1000
"""YAML allows 1024 characters for a key without `?`."""


def to_yaml(body: Tree) -> str:
    """The body as one YAML document, with a final newline; stable for a value, whatever its keys' order.

    Values are JSON's (mappings, lists, strings, numbers, booleans, null); a key that is no string
    becomes one.
    """
    return "".join(f"{line}\n" for line in _block(body, ""))


def _block(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=lambda name: (_FIRST.get(str(name), len(_FIRST)), str(name))):
            yield from _field(_scalar(str(key), indent, block=False), value[key], indent)
    elif isinstance(value, list | tuple) and value:
        for item in value:
            yield from _item(item, indent)
    else:
        yield indent + _scalar(value, indent)


def _field(key: str, value: Any, indent: str) -> Iterator[str]:
    if len(key) > _LONGEST_SIMPLE_KEY:
        yield f"{indent}? {key}"
        key = ""
    if _nests(value):
        yield f"{indent}{key}:"
        yield from _block(value, indent if isinstance(value, list | tuple) else indent + "  ")
    else:
        yield f"{indent}{key}: {_scalar(value, indent)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if not _nests(value):
        yield f"{indent}- {_scalar(value, indent)}"
        return
    lines = _block(value, indent + "  ")
    yield f"{indent}- {next(lines)[len(indent) + 2 :]}"
    yield from lines


def _nests(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _scalar(value: Any, indent: str, *, block: bool = True) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case Mapping():
            return "{}"
        case list() | tuple():
            return "[]"
        case _:
            return _string(str(value), indent, block=block)


def _float(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    digits, mark, exponent = repr(value).partition("e")
    return f"{digits if '.' in digits else f'{digits}.0'}{mark}{exponent}"  # YAML 1.1 wants the point


def _string(value: str, indent: str, *, block: bool) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if block and _fits_block(value):
        lines = value.removesuffix("\n").split("\n")
        mark = "|" if value.endswith("\n") else "|-"
        return "\n".join((mark, *(f"{indent}  {line}" if line else "" for line in lines)))
    quoted = json.dumps(value, ensure_ascii=False)
    return _SPECIAL.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _fits_block(value: str) -> bool:
    """Whether a literal block shows it as it is: several printable lines, none that YAML would bend."""
    lines = value.removesuffix("\n").split("\n")
    readable = all(line.isprintable() and not line.endswith(" ") for line in lines)
    return len(lines) > 1 and readable and bool(lines[0] and lines[-1]) and not lines[0].startswith(" ")
