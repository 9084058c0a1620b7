"""What every object has: apiVersion, kind and metadata. Without them it is no manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops_mesh.manifests.normal import key_of, normal
from gitops_mesh.model.objects import Manifest, Pointer

_API_VERSION = re.compile(r"(?:[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?/)?[a-z0-9]+")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?")
_FREE_NAME = re.compile(r"[A-Za-z0-9](?:[-_.:A-Za-z0-9]*[A-Za-z0-9])?")
_FREELY_NAMED = frozenset({"rbac.authorization.k8s.io"})
"""Groups whose names are not DNS names (`system:masters`)."""
_ELSEWHERE = "move it out of the configured path if it is not meant for the mesh"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value is not a manifest; the pointer is from the document's root."""

    rule: str
    message: str
    pointer: Pointer
    remedy: str = ""


def manifest(value: Any, inside: Pointer, *, path: str, document: int, blob: str) -> Manifest | Wrong:
    """The manifest that a value is, in normal form and with its namespace; else what it lacks."""
    wrong = next(_wrong(value), None)
    if wrong is not None:
        return Wrong(wrong.rule, wrong.message, (*inside, *wrong.pointer), wrong.remedy)
    body = normal(value)
    key = key_of(body)
    if key.namespace:
        body["metadata"]["namespace"] = key.namespace
    return Manifest(key, body, path, document, inside, blob)


def _wrong(value: Any) -> Iterator[Wrong]:
    if isinstance(value, Mapping):
        yield from _fields(value)
    else:
        said = f"a manifest is a mapping with apiVersion, kind and metadata; this is {_article(value)}"
        yield Wrong("not-a-manifest", said, (), _ELSEWHERE)


def _fields(value: Mapping[str, Any]) -> Iterator[Wrong]:
    for field, form, example in (("apiVersion", _API_VERSION, "networking.istio.io/v1"), ("kind", _KIND, "Gateway")):
        found = value.get(field)
        if found is None:
            yield Wrong("not-a-manifest", f"the field `{field}` is missing, as in `{field}: {example}`", (), _ELSEWHERE)
        elif not isinstance(found, str) or not form.fullmatch(found):
            yield Wrong("not-a-manifest", f"`{field}` must be a name like `{example}`, not {_shown(found)}", (field,))
    metadata = value.get("metadata")
    if isinstance(metadata, Mapping):
        yield from _metadata(metadata, str(value.get("apiVersion")).rpartition("/")[0])
    else:
        yield Wrong("not-a-manifest", "the mapping `metadata`, with the object's name, is missing", ("metadata",))


def _metadata(metadata: Mapping[str, Any], group: str) -> Iterator[Wrong]:
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name is None:
        generated = "; `generateName` has no meaning in Git" if "generateName" in metadata else ""
        yield Wrong("not-a-manifest", f"`metadata.name` is missing{generated}", ("metadata",), "name the object")
    elif not _is_name(name, _FREE_NAME if group in _FREELY_NAMED else _NAME, 253):
        said = f"`metadata.name` must be lower-case letters, digits, `-` and `.`, not {_shown(name)}"
        yield Wrong("bad-metadata", said, ("metadata", "name"), _quote(name))
    if namespace not in (None, "") and not _is_name(namespace, _LABEL, 63):
        said = f"`metadata.namespace` must be lower-case letters, digits and `-`, not {_shown(namespace)}"
        yield Wrong("bad-metadata", said, ("metadata", "namespace"), _quote(namespace))
    for field in ("labels", "annotations"):
        yield from _strings(metadata.get(field), field)


def _strings(found: Any, field: str) -> Iterator[Wrong]:
    if not isinstance(found, Mapping | None):
        yield Wrong("bad-metadata", f"`metadata.{field}` must be a mapping, not {_article(found)}", ("metadata", field))
    for name, text in found.items() if isinstance(found, Mapping) else ():
        if not isinstance(text, str):
            said = f"`{name}` in `metadata.{field}` must be a string, not {_shown(text)}"
            yield Wrong("bad-metadata", said, ("metadata", field, name), _quote(text))


def _is_name(value: Any, form: re.Pattern[str], longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and form.fullmatch(value) is not None


def _article(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _shown(value: Any) -> str:
    """A value as a message quotes it, with its type where it is no string."""
    if isinstance(value, str):
        return f"`{value[:60]}`"
    if isinstance(value, bool):
        return f"the boolean `{str(value).lower()}`"
    return f"the number `{value}`" if isinstance(value, int | float) else _article(value)


def _quote(value: Any) -> str:
    return "put it in quotes" if isinstance(value, bool | int | float) else ""
