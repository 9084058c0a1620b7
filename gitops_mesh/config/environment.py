"""Environment variables that override single values: `GITOPS_MESH_SOURCE_BRANCH`, `GITOPS_MESH_LEDGER_PUSH`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops_mesh.config.rules import schema
from gitops_mesh.errors import ConfigError
from gitops_mesh.model.objects import Pointer

PREFIX = "GITOPS_MESH_"
OTHER = frozenset({"GITOPS_MESH_CONFIG", "GITOPS_MESH_FORGE_TOKEN"})
"""Variables with the prefix that are no settings; so is the one that `forge.tokenEnv` names."""
_SERVICE_LINK = re.compile(r"GITOPS_MESH_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_\w+)?)")
"""What Kubernetes puts into every container beside a Service named `gitops-mesh`."""
_INSTEAD: Mapping[Pointer, str] = {("source", "url"): "repository", ("source", "repository"): "url"}
"""A value that takes the place of another one."""
_SHORT: Mapping[Pointer, str] = {("drift",): "action"}
"""A value that may be a mapping with more to it, and the key in it that is meant."""


def variables() -> dict[str, tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Variable → the key it overrides, and the schema of its value."""
    return {PREFIX + "_".join(map(_upper, path)): (path, leaf) for path, leaf in _leaves(schema())}


def override(tree: dict[str, Any], env: Mapping[str, str]) -> dict[Pointer, str]:
    """Put the environment's values into the tree; the variable of each. Raises ConfigError for unknown ones."""
    own = str(_mapping(tree.get("forge")).get("tokenEnv", ""))
    ours = sorted(n for n in env if n.startswith(PREFIX) and n not in OTHER | {own} and not _SERVICE_LINK.fullmatch(n))
    known = variables() if ours else {}
    unknown = [f"the environment variable {n} overrides nothing; {nearest(n, known)}" for n in ours if n not in known]
    if unknown:
        raise ConfigError("\n".join(unknown), remedy="unset what is not meant for gitops-mesh")
    done: dict[Pointer, str] = {}
    for name in ours:
        path, leaf = known[name]
        at = _put(tree, path, _typed(env[name], leaf))
        if at:
            done[at] = name
    return done


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like this one, and all of them."""
    choices = list(known)
    close = difflib.get_close_matches(name, choices, 1, 0.6)
    listed = f"choose from: {', '.join(choices)}"
    return f"did you mean `{close[0]}`? ({listed})" if close else listed


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> Pointer:
    """Where it was put; nowhere if there is no place for it, and the schema says what is wrong there."""
    place: Any = tree
    for part in path[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            return ()
    if path in _SHORT and isinstance(place.get(path[-1]), dict):
        place, path = place[path[-1]], (*path, _SHORT[path])
    place[path[-1]] = value
    place.pop(_INSTEAD.get(path), None)
    return path


def _typed(text: str, leaf: Mapping[str, Any]) -> Any:
    if leaf.get("type") == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _leaves(part: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The single values of the schema; what stands in a list has no name to override it by."""
    for name, inner in part.get("properties", {}).items():
        if inner.get("type") == "object":
            yield from _leaves(inner, (*path, name))
        elif inner.get("type") != "array":
            yield (*path, name), inner


def _upper(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).upper()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
