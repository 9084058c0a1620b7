"""A checked tree → the frozen dataclasses of `model.settings`, which hold the defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitops_mesh.config.rules import seconds
from gitops_mesh.model.settings import (
    ClusterSettings,
    EndpointSettings,
    ForgeSettings,
    IgnoredFields,
    KubernetesSettings,
    LeaseSettings,
    LedgerSettings,
    MetricsSettings,
    PolicySettings,
    PrometheusSettings,
    Scope,
    Settings,
    SourceSettings,
    StandaloneSettings,
    WebhookSettings,
)

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/:]+:")
"""How a URL or `host:path` begins; anything else is a folder."""


def settings(tree: Mapping[str, Any], file: Path) -> Settings:
    """The settings; relative folders are from the file's."""
    folder = file.parent
    made: dict[str, Callable[[Any], Any]] = {
        "policies": lambda part: PolicySettings(**_tuples(part)),
        "ledger": lambda part: LedgerSettings(**{**part, "remote": _remote(part.get("remote", ""), folder)}),
        "metrics": lambda part: _metrics(part, folder),
        "notify": lambda part: tuple(WebhookSettings(**_tuples(hook)) for hook in part),
        "forge": lambda part: ForgeSettings(**_snakes(part)),
    }
    plain = {name: tree[name] for name in ("adopt", "server") if name in tree}
    return Settings(
        file=file,
        state=folder / tree.get("state", ".gitops-mesh"),
        source=_source(tree["source"], folder),
        clusters=tuple(_cluster(cluster, folder) for cluster in tree["clusters"]),
        **{name: make(tree[name]) for name, make in made.items() if name in tree},
        **plain,
        **_drift(tree.get("drift", {})),
    )


def _drift(part: Any) -> dict[str, Any]:
    """A word, or a mapping with a word in it."""
    given = part if isinstance(part, Mapping) else {"action": part}
    ignored = tuple(IgnoredFields(**_tuples(rule)) for rule in given.get("ignore", ()))
    return {"ignored": ignored, **({"drift": given["action"]} if "action" in given else {})}


def _source(part: Mapping[str, Any], folder: Path) -> SourceSettings:
    given = _durations(part, "interval", "timeout")
    if "repository" in given:
        given["url"] = str((folder / given.pop("repository")).resolve())
    if "path" in given:
        given["path"] = _folder(given["path"])
    if "scopes" in given:
        given["scopes"] = tuple(Scope(s["name"], tuple(map(_folder, s["paths"]))) for s in given["scopes"])
    return SourceSettings(**given)


def _cluster(part: Mapping[str, Any], folder: Path) -> ClusterSettings:
    given = _snakes(part.get("standalone", {}))
    if "ports" in given:
        given["ports"] = {int(port): to for port, to in given["ports"].items()}
    if "endpoints" in given:
        given["endpoints"] = {
            host: tuple(EndpointSettings(**endpoint) for endpoint in found)
            for host, found in given["endpoints"].items()
        }
    own = {**part, "standalone": StandaloneSettings(**given)}
    if "kubernetes" in part:
        own["kubernetes"] = _kubernetes(part["kubernetes"], folder)
    return ClusterSettings(**own)


def _kubernetes(part: Mapping[str, Any], folder: Path) -> KubernetesSettings:
    given = _durations(_tuples(part), "propagation")
    if "kubeconfig" in given:
        given["kubeconfig"] = str(folder / Path(given["kubeconfig"]).expanduser())
    if "lease" in given:
        given["lease"] = LeaseSettings(**_durations(given["lease"], "duration"))
    return KubernetesSettings(**given)


def _remote(remote: str, folder: Path) -> str:
    return remote if not remote or _REMOTE.match(remote) else str((folder / remote).resolve())


def _metrics(part: Mapping[str, Any], folder: Path) -> MetricsSettings:
    given = _durations(part, "timeout")
    if "prometheus" in given:
        own = _snakes(given["prometheus"])
        files = {name: str(folder / Path(file).expanduser()) for name, file in own.items() if name.endswith("_file")}
        given["prometheus"] = PrometheusSettings(**own | files)
    return MetricsSettings(**given)


def _folder(path: str) -> str:
    """`./shop/` → `shop`"""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _durations(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: seconds(value) if name in names else value for name, value in part.items()}


def _tuples(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in part.items()}


def _snakes(part: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower(): value for name, value in part.items()}
