"""List one kind, then watch it: reconnects with backoff, goes on where it was, lists again when it must."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gitops_mesh.cluster.kubernetes.api import Api, ApiError
from gitops_mesh.errors import Unreachable

log = logging.getLogger(__name__)

PAGE = 500
FIRST, MOST = 0.2, 10.0
"""Seconds until a lost connection is tried again: the first time, doubled up to the most."""
ABSENT = 10.0
"""Seconds until a kind that the cluster does not serve is looked for again."""
_GONE = 410


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the API server serves one kind."""

    path: str
    """`/apis/networking.istio.io/v1`"""
    plural: str
    namespaced: bool

    def collection(self, namespace: str = "") -> str:
        """The path of all objects, of one namespace or of all."""
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.path}{inside}/{self.plural}"


class Into(Protocol):
    """Where a reflector puts what it learns."""

    def listed(self, items: Sequence[Mapping[str, Any]], version: str) -> None:
        """All of it, as of `version`; nothing as of no version, where the kind is absent."""
        ...

    def told(self, event: str, item: Mapping[str, Any]) -> None:
        """One change: `ADDED`, `MODIFIED` or `DELETED`."""
        ...


class Reflector:
    """One kind, of one namespace or (empty) of all, in one thread.

    `problem` says what is wrong; `synced` is set once the kind was listed, or found to be absent.
    """

    def __init__(self, name: str, api: Api, find: Callable[[], Resource | None], namespace: str, into: Into) -> None:
        self.name = name
        self.synced = threading.Event()
        self.problem = ""
        self.away_since: float | None = None
        """When the connection was lost (monotonic); `None` while it is well."""
        self.resource: Resource | None = None
        self._api = api
        self._find = find
        self._namespace = namespace
        self._into = into
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does so when its watch says something, at the latest."""
        self._ending.set()

    def _run(self) -> None:
        tries = 0
        while not self._ending.is_set():
            try:
                self._follow()
                tries = 0
            except (Unreachable, ApiError) as error:
                tries = 0 if self.away_since is None else tries + 1
                self._lost(error)
                self._ending.wait(min(FIRST * 2.0**tries, MOST) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            except Exception as error:  # the thread must outlive a mistake of ours: without it the mesh is not seen
                log.exception("watching %s failed", self.name)
                self._lost(error)
                self._ending.wait(MOST)

    def _lost(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = time.monotonic()
        self.problem = str(error)

    def _well(self) -> None:
        self.away_since, self.problem = None, ""

    def _follow(self) -> None:
        """List, then watch until the kind must be listed again."""
        self.resource = self._find()
        if self.resource is None:
            self._into.listed((), "")
            self._well()
            self.synced.set()
            self._ending.wait(ABSENT)
            return
        version = self._list(self.resource)
        self.synced.set()
        self._well()
        self._watch(self.resource, version)
        self._ending.wait(FIRST)

    def _list(self, resource: Resource) -> str:
        items: list[Mapping[str, Any]] = []
        version = ""
        for page in self._pages(resource.collection(self._namespace)):
            items += page.get("items") or ()
            version = str((page.get("metadata") or {}).get("resourceVersion") or "")
        self._into.listed(items, version)
        return version

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        query = {"limit": str(PAGE)}
        while True:
            page = self._api.get(path, **query)
            yield page
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def _watch(self, resource: Resource, version: str) -> None:
        """Watch on from `version`, through reconnections, until the server has forgotten it or the kind."""
        place = _Place(resource.collection(self._namespace), version)
        tries = 0
        while not self._ending.is_set():
            try:
                self._events(place)
                tries = 0
            except ApiError as error:
                if error.status == _GONE:
                    return
                if error.status in (401, 403, 404):
                    raise
                self._lost(error)
            except Unreachable as error:
                self._lost(error)
            self._ending.wait(min(FIRST * 2.0 ** min(tries, 10), MOST) * random.uniform(0.5, 1.5))  # noqa: S311
            tries += 1

    def _events(self, place: _Place) -> None:
        """Pass on what one connection brings. Raises ApiError, Unreachable."""
        for event in self._api.watch(place.path, place.version):
            if self._ending.is_set():
                return
            item = event.get("object") or {}
            if event.get("type") == "ERROR":
                raise ApiError(int(item.get("code") or 500), item)
            self._well()
            place.version = str((item.get("metadata") or {}).get("resourceVersion") or place.version)
            if event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
                self._into.told(str(event["type"]), item)


@dataclass(slots=True)
class _Place:
    """How far one collection was followed."""

    path: str
    version: str
