"""Schema errors in words: what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitops_mesh.model.objects import Pointer
from gitops_mesh.validation.nearest import choices, question
from gitops_mesh.validation.schemas import SchemaError

_TYPES = {
    "array": "a list",
    "boolean": "a boolean (true or false)",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "a mapping",
    "string": "a string",
}
_FORMATS = {
    "duration": "a duration such as `30s`, `1m30s` or `200ms`",
    "timeout": "a duration of at least 1 ms, such as `30s`, `1m30s` or `200ms`",
    "percentage": "a percentage from `0%` to `100%`",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
}
_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "needs at least {} characters",
    "maxLength": "may have at most {} characters",
    "minItems": "needs at least {} entries",
    "maxItems": "may have at most {} entries",
    "minProperties": "needs at least {} fields",
    "maxProperties": "may have at most {} fields",
    "const": "must be {}",
    "pattern": "must match the pattern {}",
}


def field(pointer: Pointer) -> str:
    """A field as people write its place: `spec.http[0].route`; the object itself without one."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part[:100]}" for part in pointer]
    return f"`{''.join(parts).removeprefix('.')}`" if parts else "the object"


def wrong_type(at: Pointer, expected: str | Sequence[str], found: Any) -> str:
    """`x` must be a whole number, not a string."""
    names = [expected] if isinstance(expected, str) else list(expected)
    wanted = " or ".join(_TYPES[name] for name in names if name != "null" or len(names) == 1)
    return f"{field(at)} must be {wanted}, not {_TYPES[type_of(found)]}"


def type_remedy(schema: Mapping[str, Any], found: Any) -> str:
    """What to do about a value of the wrong type, where that is known."""
    expected = schema["type"]
    names = [expected] if isinstance(expected, str) else list(expected)
    if found is None:
        return "give it a value, or remove the field"
    if schema.get("format") in _FORMATS:
        return f"write {_FORMATS[schema['format']]}"
    if "string" in names and isinstance(found, bool | int | float):
        return "put it in quotes"
    numeric = isinstance(found, str) and found.strip("+-").replace(".", "", 1).isdecimal()
    if numeric and ("integer" in names or "number" in names):
        return "remove the quotes"
    if "array" in names and not isinstance(found, list):
        return "write it as an entry of a list, after `- `"
    return ""


def type_of(value: Any) -> str:
    """JSON Schema's name of a value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case _:
            return "array"


def bad_value(error: SchemaError) -> tuple[str, str]:
    """(what is wrong, what to do) about a value that its schema does not take."""
    at, keyword = field(error.at), error.keyword
    asked = error.schema.get(keyword) if isinstance(error.schema, Mapping) else None
    if keyword == "enum":
        known = [str(choice) for choice in error.schema["enum"] if choice is not None]
        found = str(error.instance)[:60]
        return f"{at} cannot be `{found}`{question(found, known)}", choices(found, known)
    if keyword == "format":
        return f"{at} must be {_FORMATS.get(str(asked), str(asked))}, not `{str(error.instance)[:60]}`", ""
    if keyword == "uniqueItems":
        return f"{at} has the same entry twice", "keep one of the two"
    if keyword == "uniqueBy":
        names = " and ".join(f"`{name}`" for name in error.schema["uniqueBy"])
        return f"{at} has two entries with the same {names}", "keep one of the two, or tell them apart"
    if keyword in _BOUNDS:
        return f"{at} {_BOUNDS[keyword].format(f'`{asked}`')}", ""
    return f"{at} does not meet `{keyword}` of its schema", ""


def alternatives(error: SchemaError) -> tuple[str, str]:
    """(what is wrong, what to do) about `oneOf`, `anyOf`, `not`: in CRDs, fields that exclude each other."""
    at = field(error.at)
    names = list(dict.fromkeys(_required(error.schema.get(error.keyword))))
    given = [name for name in names if isinstance(error.instance, Mapping) and name in error.instance]
    listed = ", ".join(f"`{name}`" for name in names)
    if len(given) > 1:
        found = " and ".join(f"`{name}`" for name in given)
        return f"{at} may have only one of {listed}; it has {found}", "keep one of them"
    if names and not given:
        return f"{at} needs one of {listed}", "add one of them"
    return f"{at} does not meet `{error.keyword}` of its schema", ""


def _required(schema: Any) -> Iterator[str]:
    """The field names that alternatives are about."""
    if isinstance(schema, Mapping):
        yield from schema.get("required", ())
        for key in ("oneOf", "anyOf", "allOf", "not"):
            yield from _required(schema.get(key))
    elif isinstance(schema, list):
        for item in schema:
            yield from _required(item)
