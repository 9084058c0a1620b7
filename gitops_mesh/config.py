"""`gitops-mesh.yaml` → Settings: checked by `config.schema.json`, single values overridden by the environment."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import yaml

from gitops_mesh.errors import ConfigError
from gitops_mesh.manifests.places import locate
from gitops_mesh.model.settings import (
    ClusterSettings,
    EndpointSettings,
    ForgeSettings,
    LedgerSettings,
    MetricsSettings,
    PolicySettings,
    Scope,
    Settings,
    SourceSettings,
    StandaloneSettings,
    WebhookSettings,
)

NAME = "gitops-mesh.yaml"
PREFIX = "GITOPS_MESH_"
"""What the environment variables that override single values begin with: `GITOPS_MESH_SOURCE_BRANCH`."""
OTHER = frozenset({"GITOPS_MESH_CONFIG", "GITOPS_MESH_FORGE_TOKEN", "GITOPS_MESH_COMPLETE"})
"""Variables with the prefix that are no settings."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_MOST = 1024 * 1024

Path_ = tuple[str | int, ...]


def load(path: Path | None, env: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file (default: `gitops-mesh.yaml` here or above). Raises ConfigError with every mistake."""
    env = os.environ if env is None else env
    file = (path or found()).absolute()
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = "name one with --config, or lay out a repository with `gitops-mesh init DIR`"
        raise ConfigError(f"{file} cannot be read: {error.strerror}", remedy=remedy) from error
    tree = _parsed(content, file)
    _override(tree, env)
    _check(tree, content, file)
    return _settings(tree, file)


def found() -> Path:
    """The nearest `gitops-mesh.yaml`, here or in a folder above; else where it would be."""
    here = Path.cwd()
    return next((folder / NAME for folder in (here, *here.parents) if (folder / NAME).is_file()), here / NAME)


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    loaded = orjson.loads(resources.files("gitops_mesh").joinpath("config.schema.json").read_bytes())
    return dict(loaded)


def seconds(duration: str) -> float:
    """`1m30s` → 90.0"""
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


class _Loader(yaml.SafeLoader):
    """Refuses duplicate keys."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in keys:
            raise yaml.MarkedYAMLError(problem=f"the key `{key.value}` is given twice", problem_mark=key.start_mark)
        keys.add(str(key.value))
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _parsed(content: bytes, file: Path) -> dict[str, Any]:
    if len(content) > _MOST:
        raise ConfigError(f"{file} has {len(content):,} bytes; {_MOST:,} are the limit")
    try:
        tree = yaml.load(content, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        raise ConfigError(f"{place}: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file} is not YAML: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{file}: expected a mapping of settings", remedy="see docs/configuration.md")
    return tree


def _leaves(part: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The single values of the schema that the environment may override."""
    for name, inner in part.get("properties", {}).items():
        if inner.get("type") == "object":
            yield from _leaves(inner, (*path, name))
        elif inner.get("type") != "array":
            yield (*path, name), inner


def variables() -> dict[str, tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Environment variable → the key it overrides and its schema."""
    return {PREFIX + "_".join(map(_upper, path)): (path, leaf) for path, leaf in _leaves(schema())}


def _upper(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).upper()


def _override(tree: dict[str, Any], env: Mapping[str, str]) -> None:
    ours = [name for name in env if name.startswith(PREFIX) and name not in OTHER]
    known = variables() if ours else {}
    for name in ours:
        if name not in known:
            raise ConfigError(f"the environment variable {name} overrides nothing", remedy=_nearest(name, known))
        path, leaf = known[name]
        place = tree
        for part in path[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                return  # the schema says what is wrong with it
            place = inner
        place[path[-1]] = _typed(env[name], leaf)


def _typed(text: str, leaf: Mapping[str, Any]) -> Any:
    if leaf.get("type") == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _check(tree: Mapping[str, Any], content: bytes, file: Path) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only where a file is read

    errors = sorted(Draft202012Validator(schema()).iter_errors(tree), key=lambda e: [str(p) for p in e.absolute_path])
    if not errors:
        return
    lines = [line for error in errors for line in _said(error, content, file)]
    raise ConfigError("\n".join(lines), remedy="every key is described in docs/configuration.md")


def _said(error: Any, content: bytes, file: Path) -> Iterator[str]:
    path: Path_ = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema.get("properties"), dict):
        known = error.schema["properties"]
        for name in sorted(str(key) for key in error.instance if key not in known):
            said = f"unknown key `{_dotted((*path, name))}`; {_nearest(name, known)}"
            yield f"{_place(content, file, (*path, name), key=True)}: {said}"
        return
    if error.validator == "oneOf" and path == ("source",):
        said = "`source` needs either `url` or `repository`"
    elif error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        said = f"`{_dotted((*path, missing))}` is missing"
    elif error.validator == "enum":
        said = f"`{_dotted(path)}` is {error.instance!r}; {_nearest(str(error.instance), error.validator_value)}"
    else:
        meaning = error.schema.get("description", "")
        said = f"`{_dotted(path)}`: {error.message}" + (f" ({meaning})" if meaning else "")
    yield f"{_place(content, file, path, key=False)}: {said}"


def _place(content: bytes, file: Path, path: Path_, *, key: bool) -> str:
    line, column = locate(content, 0, path, key=key)
    return f"{file}:{line}:{column}"


def _dotted(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the file"


def _nearest(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    choices = f"choose from: {', '.join(known)}"
    return f"did you mean `{close[0]}`? ({choices})" if close else choices


def _settings(tree: Mapping[str, Any], file: Path) -> Settings:
    folder = file.parent
    source = tree["source"]
    url = str(folder / source["repository"]) if "repository" in source else source["url"]
    names = [cluster["name"] for cluster in tree["clusters"]]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{file}: two clusters are named {name!r}", remedy="give each a name of its own")
    ledger = LedgerSettings(**tree.get("ledger", {}))
    if len(names) > 1 and "{cluster}" not in ledger.branch:
        raise ConfigError(f"{file}: `ledger.branch` needs {{cluster}}, since there are several clusters")
    made: dict[str, Callable[[Any], Any]] = {
        "policies": lambda part: PolicySettings(shipped=tuple(part.get("shipped", ()))),
        "metrics": lambda part: MetricsSettings(**_seconds(part, "timeout")),
        "notify": lambda part: tuple(WebhookSettings(hook["url"], tuple(hook.get("events", ()))) for hook in part),
        "forge": lambda part: ForgeSettings(**{_snake(k): v for k, v in part.items()}),
    }
    rest = {name: make(tree[name]) for name, make in made.items() if name in tree}
    plain = {name: tree[name] for name in ("drift", "adopt", "server") if name in tree}
    return Settings(
        file=file,
        state=folder / tree.get("state", ".gitops-mesh"),
        source=_source(source, url),
        clusters=tuple(_cluster(cluster) for cluster in tree["clusters"]),
        ledger=ledger,
        **rest,
        **plain,
    )


def _source(part: Mapping[str, Any], url: str) -> SourceSettings:
    given: dict[str, Any] = {name: part[name] for name in ("branch", "path") if name in part}
    given |= {name: seconds(part[name]) for name in ("interval", "timeout") if name in part}
    if "scopes" in part:
        given["scopes"] = tuple(Scope(scope["name"], tuple(scope["paths"])) for scope in part["scopes"])
    return SourceSettings(url, **given)


def _cluster(part: Mapping[str, Any]) -> ClusterSettings:
    raw = part.get("standalone", {})
    given = {_snake(name): raw[name] for name in ("meshPort", "adminPort", "address") if name in raw}
    ports = {int(port): to for port, to in raw.get("ports", {}).items()}
    endpoints = {
        host: tuple(EndpointSettings(e["address"], e["port"], e.get("labels", {})) for e in found)
        for host, found in raw.get("endpoints", {}).items()
    }
    standalone = StandaloneSettings(ports=ports, endpoints=endpoints, **given)
    return ClusterSettings(part["name"], part.get("kind", "standalone"), standalone)


def _seconds(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: seconds(value) if name in names else value for name, value in part.items()}


def _snake(name: str) -> str:
    return _upper(name).lower()
