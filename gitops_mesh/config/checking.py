"""Everything that is wrong with a configuration, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops_mesh.config.drift import drift_mistakes
from gitops_mesh.config.environment import nearest
from gitops_mesh.config.metrics import metrics_mistakes
from gitops_mesh.config.rules import Mistake, dotted, mistakes, schema
from gitops_mesh.errors import ConfigError
from gitops_mesh.manifests.places import Places
from gitops_mesh.model.objects import Pointer

if TYPE_CHECKING:
    from jsonschema import ValidationError

MOST = 20
"""Mistakes that are told at once."""
_UNSEEN = frozenset({"url", "remote"})
"""Keys whose values may hold a password or a token, so that no message repeats them."""
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
}


def check(tree: Mapping[str, Any], content: bytes, file: Path, overridden: Mapping[Pointer, str]) -> None:
    """Raise ConfigError with all mistakes, in the order of the file.

    `overridden` are the keys whose values came from the environment, with the variable of each.
    """
    found = list(dict.fromkeys(_by_schema(tree))) or [*mistakes(tree), *metrics_mistakes(tree), *drift_mistakes(tree)]
    if not found:
        return
    places = Places(content, {0})

    def place(mistake: Mistake) -> tuple[int, int]:
        told = mistake.pointer in overridden
        return (0, 0) if told else places.of(0, mistake.pointer, on_key=mistake.on_key)

    lines = []
    for mistake in sorted(found, key=lambda m: (place(m), overridden.get(m.pointer, ""))):
        line, column = place(mistake)
        where = f"{file}:{line}:{column}" if line else overridden[mistake.pointer]
        lines.append(f"{where}: {mistake.said}")
    more = [f"… and {len(lines) - MOST} more"] if len(lines) > MOST else []
    raise ConfigError("\n".join([*lines[:MOST], *more]), remedy="every key is described in docs/configuration.md")


def _by_schema(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only where a file is read

    for error in Draft202012Validator(schema()).iter_errors(tree):
        yield from _told(error)


def _told(error: ValidationError) -> Iterator[Mistake]:
    path: Pointer = tuple(error.absolute_path)
    expected: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"]  # type: ignore[index] # our schemas are mappings
            for name in (name for name in given if name not in known):
                yield Mistake((*path, name), f"unknown key `{dotted((*path, name))}`; {nearest(name, known)}", True)
        case "required":
            for name in (name for name in expected if name not in given):
                yield Mistake(path, f"`{dotted((*path, name))}` is missing")
        case "oneOf":
            yield Mistake(path, "`source` needs `url` or `repository`, and not both")
        case "propertyNames" | "pattern" if path[-1:] == ("ports",):
            yield Mistake(path, f"`{dotted(path)}` has the key {_shown(given)}; expected a port's number")
        case "enum":
            yield Mistake(path, f"`{dotted(path)}` is {_value(path, error)}; {nearest(str(given), expected)}")
        case "type":
            plain = "pattern" not in error.schema  # type: ignore[operator] # our schemas are mappings
            quoted = plain and expected == "string" and isinstance(given, (int, float))
            hint = " (write it in quotes)" if quoted else ""
            yield Mistake(path, f"`{dotted(path)}` is {_value(path, error)}; expected {_meaning(error)}{hint}")
        case _:
            yield Mistake(path, f"`{dotted(path)}` is {_value(path, error)}; expected {_meaning(error)}")


def _meaning(error: ValidationError) -> str:
    """What the schema says of the value that it wants, as the end of a sentence."""
    described: str = error.schema.get("description", "")  # type: ignore[union-attr] # our schemas are mappings
    kind = _TYPES.get(str(error.validator_value), "") if error.validator == "type" else ""
    first = described.partition(" ")[0]
    said = described if len(first) > 1 and first.isupper() else described[:1].lower() + described[1:]
    return ": ".join(filter(None, (kind, said.removesuffix(".")))) or f"{error.validator} {error.validator_value}"


def _value(path: Sequence[str | int], error: ValidationError) -> str:
    return "not usable" if path and path[-1] in _UNSEEN else _shown(error.instance)


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "empty", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
