"""Writing one object: server-side apply of all that we own, on exactly the version that was read.

Kubernetes' rules: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

from gitops_mesh.cluster.kubernetes import admitted
from gitops_mesh.cluster.kubernetes.api import APPLY_PATCH, MERGE_PATCH, Api, ApiError
from gitops_mesh.cluster.kubernetes.decode import ADMITTED, EPOCH, MANAGER, Seen
from gitops_mesh.cluster.kubernetes.fights import Fights
from gitops_mesh.cluster.kubernetes.reflector import Resource
from gitops_mesh.errors import ClusterError, Conflict, Contested, Refused
from gitops_mesh.manifests.normal import is_state
from gitops_mesh.model.objects import PREFIX, LiveObject, ObjectKey, Tree, Write

Decode = Callable[[Mapping[str, Any]], Seen]


class Writer:
    """Applies and deletes. `forced` are patterns of field managers whose changes are overruled."""

    def __init__(self, api: Api, forced: Sequence[str], fights: Fights) -> None:
        self._api = api
        self._forced = (*forced, MANAGER)
        self._fights = fights

    def apply(self, write: Write, known: Seen | None, resource: Resource, epoch: int, decode: Decode) -> Seen:
        """Write; what the object is now. Raises ClusterError (Conflict, Contested, Refused), Unreachable."""
        differences = known.differences if known else ""
        found = decode(self._send(write, known, resource, self._document(write, differences, epoch)))
        if known is None and found.editor:
            raise Conflict(f"{write.key} was made by {found.editor} at the same moment")
        stray = _stray(write, known, found)
        if stray:
            found = decode(self._remove(resource, found, stray))
        actual = admitted.encode(_differences(write.body, found))
        if actual != found.differences:
            again = self._document(write, actual, epoch, found.live.version)
            found = decode(self._send(write, found, resource, again))
        return found

    def rehearse(self, write: Write, known: Seen | None, resource: Resource, epoch: int) -> None:
        """Ask whether it would be admitted, without writing. Raises as `apply` does."""
        differences = known.differences if known else ""
        self._send(write, known, resource, self._document(write, differences, epoch), dry=True)

    def delete(self, live: LiveObject, known: Seen | None, resource: Resource) -> None:
        """Delete at exactly this version; one that is gone is fine. Raises ClusterError, Unreachable."""
        preconditions = {"resourceVersion": live.version} | ({"uid": known.uid} if known else {})
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        path = f"{resource.collection(live.key.namespace)}/{live.key.name}"
        try:
            self._api.call("DELETE", path, {"propagationPolicy": "Background"}, options)
        except ApiError as error:
            if error.reason == "NotFound":
                return
            raise _told(str(live.key), error) from error

    def _send(
        self, write: Write, known: Seen | None, resource: Resource, document: Mapping[str, Any], *, dry: bool = False
    ) -> dict[str, Any]:
        path = f"{_path(resource, write.body, write.key.namespace)}/{write.key.name}"
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        try:
            return self._api.call("PATCH", path, query, document, APPLY_PATCH)
        except ApiError as error:
            managers = _managers(error)
            if not managers:
                raise _told(str(write.key), error) from error
            try:
                self._weigh(write.key, managers, dry=dry)
            except Contested as contested:
                self._fights.lost(write.key, known.live.version if known else "", contested)
                raise
        try:
            return self._api.call("PATCH", path, query | {"force": "true"}, document, APPLY_PATCH)
        except ApiError as error:
            raise _told(str(write.key), error) from error

    def _weigh(self, key: ObjectKey, managers: Mapping[str, str], *, dry: bool) -> None:
        """Whether to overrule these managers. Raises Contested."""
        for manager, field in managers.items():
            if not any(fnmatch(manager, pattern) for pattern in self._forced):
                raise Contested(
                    f"{key}: {manager} owns {field}",
                    remedy=f"let only one of them write it: take the object from {manager}, or from Git; "
                    "or name the manager in `kubernetes.force` to overrule it",
                )
        if not dry:
            self._fights.correct(key, sorted(set(managers) - {MANAGER}))

    @staticmethod
    def _document(write: Write, differences: str, epoch: int, version: str | None = None) -> dict[str, Any]:
        body = dict(write.body)
        metadata = dict(body.get("metadata") or {})
        state = {PREFIX + name: text for name, text in write.state.items()}
        state |= {PREFIX + ADMITTED: differences} if differences else {}
        state |= {PREFIX + EPOCH: str(epoch)} if epoch else {}
        annotations = {**(metadata.get("annotations") or {}), **state}
        if annotations:
            metadata["annotations"] = annotations
        at = version or write.version
        if at is not None:
            metadata["resourceVersion"] = at
        return {**body, "metadata": metadata}

    def _remove(self, resource: Resource, found: Seen, stray: Sequence[tuple[str, ...]]) -> dict[str, Any]:
        """Take away what others left: applying without a field does not remove it while somebody else owns it."""
        key = found.live.key
        patch: dict[str, Any] = {"metadata": {"resourceVersion": found.live.version}}
        for way in stray:
            below = patch
            for name in way[:-1]:
                below = below.setdefault(name, {})
            below[way[-1]] = None
        path = f"{resource.collection(key.namespace)}/{key.name}"
        try:
            return self._api.call("PATCH", path, {"fieldManager": MANAGER}, patch, MERGE_PATCH)
        except ApiError as error:
            raise _told(str(key), error) from error


def _path(resource: Resource, body: Tree, namespace: str) -> str:
    """The collection in the version that the body is written in."""
    version = str(body.get("apiVersion") or "")
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return Resource(prefix if version else resource.path, resource.plural, resource.namespaced).collection(namespace)


def _spec(body: Tree) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in ("apiVersion", "kind", "metadata", "status")}


def _differences(body: Tree, found: Seen) -> list[admitted.Difference]:
    return list(admitted.differences(_spec(body), found.spec))


def _stray(write: Write, known: Seen | None, found: Seen) -> list[tuple[str, ...]]:
    """Fields that stood there before, that we do not want, and that applying did not remove."""
    if known is None:
        return []
    annotations = found.labelling["annotations"]
    mine = {PREFIX + name for name in (*write.state, ADMITTED, EPOCH)}
    out: list[tuple[str, ...]] = [
        ("metadata", "annotations", name) for name in annotations if is_state(name) and name not in mine
    ]
    explained = {at for at, _, _ in admitted.decode(known.differences)}
    before = {at: theirs for at, ours, theirs in _differences(write.body, known) if ours == admitted.ABSENT}
    for at, ours, theirs in _differences(write.body, found):
        way = tuple(step for step in at if isinstance(step, str))
        if ours == admitted.ABSENT and before.get(at) == theirs and at not in explained and len(way) == len(at):
            out.append(way)
    return out


def _managers(error: ApiError) -> dict[str, str]:
    """Who owns what we would apply, by the conflict's causes: manager → a field."""
    found: dict[str, str] = {}
    for cause in error.causes:
        if cause.get("reason") == "FieldManagerConflict":
            manager = str(cause.get("message") or "").partition('"')[2].partition('"')[0]
            found.setdefault(manager, str(cause.get("field") or ""))
    return found


def _told(key: str, error: ApiError) -> ClusterError:
    if error.reason == "Conflict":
        return Conflict(f"{key} changed since it was read: {error.message}")
    if error.reason == "Forbidden":
        return Refused(
            f"{key}: {error.message}", remedy="give the ServiceAccount this right (deploy/ has what is needed)"
        )
    return Refused(f"{key}: {error.message}")
