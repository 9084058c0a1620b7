"""Printing: plain and safe text, colour only on a terminal, JSON of model values."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from gitops_mesh.errors import GitOpsMeshError

OUTPUT = click.option(
    "--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
CLUSTER = click.option("--cluster", help="The cluster, when several are configured.")


def line(text: str, *, colour: str | None = None, bold: bool = False) -> None:
    """Print exactly one line, whatever the text holds: nobody's commit subject makes up lines of ours."""
    say(_printable(text), colour=colour, bold=bold)


def say(text: str = "", *, colour: str | None = None, bold: bool = False, err: bool = False) -> None:
    """Print one text; what would not print is shown as escapes, so that no commit subject drives a terminal."""
    stream = sys.stderr if err else sys.stdout
    fancy = stream.isatty() and not os.environ.get("NO_COLOR")
    safe = "\n".join(_printable(part) for part in text.split("\n"))
    click.echo(click.style(safe, fg=colour, bold=bold or None) if fancy else safe, err=err)


def fail(error: GitOpsMeshError | OSError) -> None:
    """Print an error and its remedy to the standard error."""
    if isinstance(error, OSError):  # a full disk, a folder that may not be written
        error = GitOpsMeshError(": ".join(filter(None, (str(error.filename or ""), error.strerror or str(error)))))
    say(f"error: {error.message}", colour="red", err=True)
    if error.remedy:
        say(f"→ {error.remedy}", err=True)


def say_json(value: Any) -> None:
    """Print model values as JSON: fields by name, keys of objects as their parts."""
    import orjson

    text = orjson.dumps(plain(value), option=orjson.OPT_INDENT_2).decode()
    click.echo("\n".join(_escaped(part) for part in text.split("\n")))


def plain(value: Any) -> Any:
    """Only what JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, frozenset, set)):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Fraction, Path)):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair is no JSON
    return value


def _escaped(text: str) -> str:
    """Outside the ASCII controls, which JSON escapes anyway, there are others that move a terminal."""
    return "".join(c if c.isprintable() else "".join(f"\\u{unit:04x}" for unit in _units(c)) for c in text)


def _units(character: str) -> tuple[int, ...]:
    """UTF-16, in which JSON writes escapes."""
    encoded = character.encode("utf-16-be")
    return tuple(int.from_bytes(encoded[i : i + 2], "big") for i in range(0, len(encoded), 2))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)
