"""The normal form of an object: what is compared, hashed, applied and kept in the ledger."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from gitops_mesh.manifests.kinds import CLUSTER_SCOPED
from gitops_mesh.model.objects import PREFIX, STATE_KEYS, ObjectKey, Tree

_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_SERVER_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration",)


def normal(body: Tree) -> dict[str, Any]:
    """`body` without what the server adds and without our state; empty labels and annotations drop out."""
    out: dict[str, Any] = {k: v for k, v in body.items() if k not in ("metadata", "status")}
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in _SERVER_METADATA}
    annotations = {
        k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _SERVER_ANNOTATIONS and not is_state(k)
    }
    metadata["annotations"] = annotations
    for name in ("annotations", "labels"):
        if not metadata.get(name):
            metadata.pop(name, None)
    out["metadata"] = metadata
    return out


def is_state(annotation: str) -> bool:
    """Whether an annotation's name is one of those that hold our own state."""
    return annotation.startswith(PREFIX) and annotation.removeprefix(PREFIX) in STATE_KEYS


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: the same bytes for the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def fingerprint(body: Tree) -> str:
    """SHA-256 (hexadecimal) of the normal form; equal exactly when the objects are."""
    return hashlib.sha256(canonical(normal(body))).hexdigest()


def key_of(body: Tree) -> ObjectKey:
    """The key of an object's body: the API version's group; `default` where a namespace is not given, and none
    for cluster-scoped kinds.
    """
    group, _, _ = str(body.get("apiVersion", "")).rpartition("/")
    kind, metadata = str(body.get("kind", "")), body.get("metadata") or {}
    namespace = "" if (group, kind) in CLUSTER_SCOPED else str(metadata.get("namespace") or "default")
    return ObjectKey(group, kind, namespace, str(metadata.get("name", "")))
