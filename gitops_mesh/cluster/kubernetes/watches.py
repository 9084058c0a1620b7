"""All the watches of one cluster: the managed kinds, and what tells which workloads are ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from gitops_mesh.cluster.kubernetes.api import Api
from gitops_mesh.cluster.kubernetes.cache import Cache, Kind
from gitops_mesh.cluster.kubernetes.decode import seen
from gitops_mesh.cluster.kubernetes.discovery import Discovery
from gitops_mesh.cluster.kubernetes.readiness import Workloads
from gitops_mesh.cluster.kubernetes.reflector import Into, Reflector, Resource
from gitops_mesh.errors import Unreachable

FIRST_SYNC = 30.0
"""Seconds that the first list of everything may take before the cluster counts as away."""
_POD: Kind = ("", "Pod")
_SLICE: Kind = ("discovery.k8s.io", "EndpointSlice")


class Watches:
    """Starts a reflector for each kind, and one for Pods and EndpointSlices once somebody asks for readiness."""

    def __init__(
        self,
        api: Api,
        kinds: Mapping[Kind, Sequence[str]],
        namespaces: Sequence[str],
        cache: Cache,
        changed: Callable[[], None],
        *,
        electing: bool,
    ) -> None:
        self._discovery = Discovery(api)
        self._api = api
        self._namespaces = tuple(namespaces) or ("",)
        self._kinds = kinds
        self._reflectors = {
            (kind, home): Reflector(
                kind[1], api, partial(self._find, kind), home, _IntoCache(cache, kind, home, electing=electing)
            )
            for kind in kinds
            for home in self._namespaces
        }
        self._workloads = Workloads()
        self._asked = threading.Lock()
        self._of_workloads: tuple[Reflector, ...] = ()
        self._changed = changed

    def start(self) -> None:
        for reflector in self._reflectors.values():
            reflector.start()

    def stop(self) -> None:
        for reflector in (*self._reflectors.values(), *self._of_workloads):
            reflector.stop()

    def ready(self, stale: float) -> None:
        """Raises Unreachable until all was listed once, and while a watch is lost for more than `stale` seconds."""
        self._await(self._reflectors.values())
        now = time.monotonic()
        for reflector in self._reflectors.values():
            since = reflector.away_since
            if since is not None and now - since > stale:
                raise Unreachable(f"watching {reflector.name}: {reflector.problem}")

    def resource(self, kind: Kind) -> Resource | None:
        """Where a kind is served; `None` where it is not, or is not managed."""
        reflector = self._reflectors.get((kind, self._namespaces[0]))
        return reflector.resource if reflector else None

    def versions(self, kind: Kind) -> tuple[str, ...]:
        """The API versions in which the cluster serves a kind. Raises Unreachable."""
        return self._discovery.versions(*kind)

    def workloads(self) -> Workloads:
        """Pods and EndpointSlices, watched from the first call on. Raises Unreachable."""
        with self._asked:
            if not self._of_workloads:
                found = self._workloads
                self._of_workloads = tuple(
                    self._reflector(kind, home, _IntoWorkloads(home, held, put, self._changed))
                    for kind, held, put in ((_POD, found.pods, found.pod), (_SLICE, found.slices, found.slice))
                    for home in self._namespaces
                )
                for reflector in self._of_workloads:
                    reflector.start()
        self._await(self._of_workloads)
        return self._workloads

    def _reflector(self, kind: Kind, home: str, into: Into) -> Reflector:
        return Reflector(kind[1], self._api, lambda: self._discovery.find(*kind, ("v1",)), home, into)

    def _find(self, kind: Kind) -> Resource | None:
        found = self._discovery.find(*kind, self._kinds[kind])
        return None if found is not None and self._namespaces[0] and not found.namespaced else found

    @staticmethod
    def _await(reflectors: Any) -> None:
        until = time.monotonic() + FIRST_SYNC
        for reflector in reflectors:
            while not reflector.synced.wait(min(max(until - time.monotonic(), 0), 1.0)):
                if reflector.problem or time.monotonic() >= until:
                    raise Unreachable(f"watching {reflector.name}: {reflector.problem or 'not listed yet'}")


class _IntoCache:
    def __init__(self, cache: Cache, kind: Kind, home: str, *, electing: bool) -> None:
        self._cache = cache
        self._kind = kind
        self._home = home
        self._electing = electing

    def listed(self, items: Sequence[Mapping[str, Any]], version: str) -> None:
        found = [seen(item, *self._kind, electing=self._electing) for item in items]
        self._cache.replace(self._kind, self._home, found, version)

    def told(self, event: str, item: Mapping[str, Any]) -> None:
        found = seen(item, *self._kind, electing=self._electing)
        if event == "DELETED":
            self._cache.drop(found.live.key, found.uid)
        else:
            self._cache.put(found)


class _IntoWorkloads:
    """Keeps only what readiness needs of Pods and EndpointSlices."""

    def __init__(
        self,
        home: str,
        held: dict[tuple[str, str], Any],
        put: Callable[[Mapping[str, Any]], None],
        changed: Callable[[], None],
    ) -> None:
        self._home = home
        self._held = held
        self._put = put
        self._changed = changed

    def listed(self, items: Sequence[Mapping[str, Any]], version: str) -> None:  # noqa: ARG002 - of the protocol
        names = {_key(item) for item in items}
        for item in items:
            self._put(item)
        for gone in [key for key in self._held if self._home in ("", key[0]) and key not in names]:
            del self._held[gone]
        self._changed()

    def told(self, event: str, item: Mapping[str, Any]) -> None:
        key = _key(item)
        before = self._held.get(key)
        if event == "DELETED":
            self._held.pop(key, None)
        else:
            self._put(item)
        if self._held.get(key) != before:
            self._changed()


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    metadata = item.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
