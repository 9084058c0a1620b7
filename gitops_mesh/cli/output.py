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


def say(text: str = "", *, colour: str | None = None, bold: bool = False, err: bool = False) -> None:
    """Print one text; what would not print is shown as escapes, so that no commit subject drives a terminal."""
    stream = sys.stderr if err else sys.stdout
    fancy = stream.isatty() and not os.environ.get("NO_COLOR")
    safe = "\n".join(_printable(line) for line in text.split("\n"))
    click.echo(click.style(safe, fg=colour, bold=bold) if fancy else safe, err=err)


def fail(error: GitOpsMeshError) -> None:
    """Print an error and its remedy to the standard error."""
    say(f"error: {error.message}", colour="red", err=True)
    if error.remedy:
        say(f"  → {error.remedy}", err=True)


def say_json(value: Any) -> None:
    """Print model values as JSON: fields by name, keys of objects as their parts."""
    import orjson

    click.echo(orjson.dumps(plain(value), option=orjson.OPT_INDENT_2).decode())


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
    return value


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line)
