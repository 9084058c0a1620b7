"""An object as the API server tells it → the live object that the reconciler knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops_mesh.cluster.kubernetes import admitted
from gitops_mesh.manifests.normal import is_state, normal
from gitops_mesh.model.objects import PREFIX, LiveObject, ObjectKey

MANAGER = "gitops-mesh"
"""Our field manager."""
ADMITTED = "admitted"
"""The annotation (below our prefix) of `admitted.py`; the reconciler does not see it."""
EPOCH = "epoch"


@dataclass(frozen=True, slots=True)
class Seen:
    """A live object, with what only this adapter needs to know of it."""

    live: LiveObject
    uid: str
    spec: Mapping[str, Any]
    """Everything but metadata and status, as the server has it."""
    differences: str
    """The annotation of what admission changed."""
    epoch: int
    editor: str
    """The field manager, other than ours, that wrote last."""
    labelling: Mapping[str, Mapping[str, str]]
    """Labels and annotations as the server has them, all of them."""


def seen(raw: Mapping[str, Any], group: str, kind: str, *, electing: bool) -> Seen:
    """Decode one object of a list or a watch, whose items do not name their kind."""
    metadata = raw.get("metadata") or {}
    key = ObjectKey(group, kind, str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
    annotations = metadata.get("annotations") or {}
    state = {name.removeprefix(PREFIX): text for name, text in annotations.items() if is_state(name)}
    differences = state.pop(ADMITTED, "")
    epoch = _whole(state.pop(EPOCH, "")) if electing else _whole(state.get(EPOCH, ""))
    ours, editor = _managers(metadata.get("managedFields") or ())
    spec = {k: v for k, v in raw.items() if k not in ("metadata", "status", "apiVersion", "kind")}
    body = normal(
        {
            "apiVersion": ours.get("apiVersion") or raw.get("apiVersion") or "",
            "kind": kind,
            "metadata": _owned(metadata, ours),
            **admitted.undone(spec, admitted.decode(differences)),
        }
    )
    labelling = {"labels": metadata.get("labels") or {}, "annotations": annotations}
    live = LiveObject(key, body, str(metadata.get("resourceVersion") or ""), state)
    return Seen(live, str(metadata.get("uid") or ""), spec, differences, epoch, editor, labelling)


def _owned(metadata: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with those labels and annotations that we applied; all of them on an object that we never wrote."""
    out = {name: metadata[name] for name in ("name", "namespace") if metadata.get(name)}
    fields = (ours.get("fieldsV1") or {}).get("f:metadata") or {}
    for part in ("labels", "annotations"):
        found = metadata.get(part) or {}
        mine = fields.get(f"f:{part}") or {}
        kept = {name: text for name, text in found.items() if not ours or f"f:{name}" in mine}
        if kept:
            out[part] = kept
    return out


def _managers(entries: Any) -> tuple[Mapping[str, Any], str]:
    """What we applied (empty: nothing), and who else wrote last."""
    ours: Mapping[str, Any] = {}
    editor, latest = "", ""
    for entry in entries:
        if entry.get("subresource"):
            continue
        if entry.get("manager") == MANAGER:
            ours = entry if entry.get("operation") == "Apply" else ours
        elif str(entry.get("time") or "") >= latest:
            editor, latest = str(entry.get("manager") or ""), str(entry.get("time") or "")
    return ours, editor


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0
