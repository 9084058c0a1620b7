"""The data plane: one Envoy that follows files.

Make before break: clusters first, then routes and listeners, each when Envoy has accepted the one before.
A cluster that no route uses any more stays a while, for requests that are under way to it, in a delay, or
about to be tried again; so a request never finds its cluster gone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from gitops_mesh.cluster.standalone.admin import Admin
from gitops_mesh.cluster.standalone.bootstrap import (
    clusters_file,
    discovery,
    listener,
    listeners_file,
    routes_file,
    version_of,
)
from gitops_mesh.cluster.standalone.feeds import DEADLINE, Courier, Feed
from gitops_mesh.cluster.standalone.translate.config import MeshConfig, Resource
from gitops_mesh.cluster.standalone.translate.hostnames import route_configuration
from gitops_mesh.errors import GitOpsMeshError
from gitops_mesh.model.settings import StandaloneSettings

GRACE = 60.0
"""Seconds that a cluster stays after the last route to it went."""


class EnvoyPlane:
    """The DataPlane on the Envoy that `supervisor.start` runs in the same folder."""

    def __init__(
        self, folder: Path, settings: StandaloneSettings, *, deadline: float = DEADLINE, grace: float = GRACE
    ) -> None:
        self._folder = folder
        self._courier = Courier(Admin(settings.admin_port), folder / "envoy.log", deadline)
        self._grace = grace
        self._retired: dict[str, float] = {}
        """Clusters that no route uses → since when (monotonic)."""
        self._clusters = Feed("clusters", clusters_file(folder), "cluster_manager.cds")
        self._listeners = Feed("listeners", listeners_file(folder), "listener_manager.lds")

    def blank(self) -> bool:
        return not _resources(self._listeners.content())

    def sync(self, config: MeshConfig) -> None:
        """Put the configuration in force; writes nothing when it is. Raises Refused, Unreachable, ClusterError."""
        change = _Change(self._courier)
        try:
            kept = self._kept(config)
            change.put(self._clusters, discovery(({**kept, **config.clusters}).values())[0])
            fresh = [self._route(change, name, config.routes[name]) for name in config.listeners]
            listeners = [listener(name, wanted, self._folder) for name, wanted in config.listeners.items()]
            change.put(self._listeners, discovery(listeners)[0])
            for feed in fresh:
                if feed is not None:
                    self._courier.await_version(feed, feed.content())
            self._empty(change, config)
        except GitOpsMeshError:
            change.undo()
            raise
        now = time.monotonic()
        self._retired = {name: self._retired.get(name, now) for name in kept}

    def _kept(self, config: MeshConfig) -> dict[str, Resource]:
        """Clusters that are not wanted any more and have to stay for now."""
        now = time.monotonic()
        there = {str(r["name"]): r for r in _resources(self._clusters.content())}
        return {
            name: resource
            for name, resource in there.items()
            if name not in config.clusters and (name not in self._retired or now - self._retired[name] < self._grace)
        }

    def _route(self, change: _Change, name: str, routes: Resource) -> Feed | None:
        """Routes of a listener that Envoy has are in force at once; a new listener's are there before it asks."""
        feed = self._routes(name)
        content, _ = discovery([routes])
        if feed.known(change.stats):
            change.put(feed, content)
            return None
        change.lay(feed, content)
        return feed

    def _empty(self, change: _Change, config: MeshConfig) -> None:
        """A listener that goes still answers on open connections; its routes must not name clusters that go too."""
        for folder in sorted((self._folder / "rds").glob("*")):
            if folder.name not in config.listeners:
                content, _ = discovery([route_configuration(folder.name, {}, short=False)])
                change.lay(self._routes(folder.name), content)

    def _routes(self, name: str) -> Feed:
        return Feed(f"routes of {name}", routes_file(self._folder, name), f"http.{name}.rds.{name}")


class _Change:
    """Steps towards a configuration that can be taken back."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        self._done: list[tuple[Feed, bytes]] = []
        self.stats: Mapping[str, str] = courier.stats()

    def put(self, feed: Feed, content: bytes) -> None:
        """Write and wait, unless Envoy has just that."""
        before = feed.content()
        if before == content and feed.version(self.stats) == version_of(content):
            return
        self._done.append((feed, before))
        self._courier.deliver(feed, content)

    def lay(self, feed: Feed, content: bytes) -> None:
        """Write what Envoy need not have read yet."""
        before = feed.content()
        if before != content:
            self._done.append((feed, before))
            feed.put(content)

    def undo(self) -> None:
        """The files as they were, the latest first; Envoy's own last good state is in force meanwhile."""
        for feed, before in reversed(self._done):
            if not before:
                continue
            with suppress(GitOpsMeshError):  # what began this is the error to tell
                feed.put(before)
                if feed.known(self.stats):
                    self._courier.deliver(feed, before)


def _resources(content: bytes) -> list[Resource]:
    try:
        loaded = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        return []
    return list(loaded.get("resources", ())) if isinstance(loaded, dict) else []
