"""Which kinds are managed, read as policies, or read as context; and which versions of them are served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson

from gitops_mesh.model.objects import PREFIX, Manifest, ObjectKey

POLICY_GROUP = PREFIX.rstrip("/")
CONTEXT = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Endpoints"),
        ("", "Namespace"),
        ("", "Node"),
        ("", "Pod"),
        ("", "Service"),
        ("", "ServiceAccount"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("discovery.k8s.io", "EndpointSlice"),
    }
)
"""(group, kind) of what is read for what it tells about the mesh; its own schema is not checked."""
SECRET = ("", "Secret")


@dataclass(frozen=True, slots=True)
class Served:
    """A kind with a schema: its file and the API versions that are served, stable ones first."""

    file: str
    versions: tuple[str, ...]


@cache
def served() -> Mapping[str, Mapping[str, Served]]:
    """Group → kind → what is served, of all kinds with a schema."""
    index = orjson.loads(schema_text("index.json"))
    return {
        group: {kind: Served(entry["file"], tuple(entry["versions"])) for kind, entry in kinds.items()}
        for group, kinds in index.items()
    }


def schema_text(file: str) -> bytes:
    """A file of the schemas that ship inside the package."""
    return (resources.files("gitops_mesh.validation") / "schemas" / file).read_bytes()


def schema_of(group: str, kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind. Raises KeyError for kinds that have none."""
    schema: dict[str, Any] = orjson.loads(schema_text(served()[group][kind].file))["schema"]
    return schema


def is_managed(key: ObjectKey) -> bool:
    """Whether objects of this kind are applied to the mesh: Istio's and Gateway API's."""
    return key.group != POLICY_GROUP and key.kind in served().get(key.group, {})


def is_policy(key: ObjectKey) -> bool:
    """Whether it is a policy of ours: read from Git, checked by its schema, never applied."""
    return key.group == POLICY_GROUP and key.kind in served()[POLICY_GROUP]


def is_context(key: ObjectKey) -> bool:
    """Whether objects of this kind are read, not validated, and not applied."""
    return (key.group, key.kind) in CONTEXT


def is_served(manifest: Manifest) -> bool:
    """Whether the manifest's API version is one that its kind is served in."""
    known = served().get(manifest.key.group, {}).get(manifest.key.kind)
    return known is not None and manifest.api_version.rpartition("/")[2] in known.versions
