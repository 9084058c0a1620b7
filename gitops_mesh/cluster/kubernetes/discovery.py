"""Where the API server serves a kind, and in which versions."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gitops_mesh.cluster.kubernetes.api import Api, ApiError
from gitops_mesh.cluster.kubernetes.reflector import Resource
from gitops_mesh.errors import Unreachable

FRESH = 10.0
"""Seconds for which the served kinds of a group are taken as read."""


class Discovery:
    """Asks for each group once in a while. Safe to share."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Mapping[str, Sequence[Mapping[str, Any]]]]] = {}
        """Group → when it was asked for, and version → resources."""

    def find(self, group: str, kind: str, versions: Sequence[str]) -> Resource | None:
        """The first of `versions` that serves the kind; `None` where its CRD is missing. Raises Unreachable."""
        served = self._group(group)
        for version in versions:
            for resource in served.get(version, ()):
                if resource.get("kind") == kind:
                    return Resource(_path(group, version), str(resource["name"]), bool(resource.get("namespaced")))
        return None

    def versions(self, group: str, kind: str) -> tuple[str, ...]:
        """All versions that serve the kind, the server's preferred one first. Raises Unreachable."""
        served = self._group(group).items()
        return tuple(version for version, found in served if any(r.get("kind") == kind for r in found))

    def _group(self, group: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        with self._lock:
            known = self._known.get(group)
            if known is None or time.monotonic() - known[0] > FRESH:
                known = (time.monotonic(), self._ask(group))
                self._known[group] = known
            return known[1]

    def _ask(self, group: str) -> dict[str, Sequence[Mapping[str, Any]]]:
        try:
            if group:
                versions = [str(v["version"]) for v in self._api.get(f"/apis/{group}").get("versions") or ()]
            else:
                versions = ["v1"]
            answers = {version: self._api.get(_path(group, version)) for version in versions}
        except ApiError as error:
            if error.reason == "NotFound" or error.status == 404:
                return {}
            raise Unreachable(f"the API server does not tell what {group} has: {error.message}") from error
        return {
            version: [r for r in answer.get("resources") or () if "/" not in str(r.get("name"))]
            for version, answer in answers.items()
        }


def _path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"
