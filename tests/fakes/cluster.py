"""A cluster in memory with the optimistic locking of Kubernetes, and failures on demand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from gitops_mesh.cluster.standalone.translate.config import MeshConfig
from gitops_mesh.errors import ClusterError, Conflict, Refused, Unreachable
from gitops_mesh.manifests.normal import is_state, normal
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import PREFIX, STATE_KEYS, LiveObject, Manifest, ObjectKey, Tree, Write
from gitops_mesh.model.routes import Destination


class FakeCluster:
    """The Cluster port. `refused` and `unreachable` inject failures; `writes` counts what was written."""

    def __init__(self, name: str = "test", findings: Sequence[Finding] = ()) -> None:
        self._name = name
        self._live: dict[ObjectKey, LiveObject] = {}
        self._version = 0
        self.findings = tuple(findings)
        self.refused: dict[ObjectKey, str] = {}
        """Objects whose writes are answered Refused, with the message."""
        self.unreachable = ""
        """While not empty, every call raises Unreachable with it."""
        self.not_ready: dict[Destination, str] = {}
        self.writes: list[Write] = []
        self.holder = ""
        """Who leads instead; empty: this one."""
        self.wake: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return self._name

    def subscribe(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def leader(self) -> str:
        return self.holder

    def check(self, manifests: Sequence[Manifest]) -> Sequence[Finding]:
        return self.findings

    def objects(self) -> Sequence[LiveObject]:
        self._reach()
        return tuple(self._live[key] for key in sorted(self._live))

    def apply(self, writes: Sequence[Write]) -> Sequence[LiveObject | ClusterError]:
        self._reach()
        return [self._write(write) for write in writes]

    def rehearse(self, writes: Sequence[Write]) -> Sequence[ClusterError | None]:
        self._reach()
        return [Refused(self.refused[write.key]) if write.key in self.refused else None for write in writes]

    def delete(self, objects: Sequence[LiveObject]) -> Sequence[ClusterError | None]:
        self._reach()
        return [self._delete(live) for live in objects]

    def close(self) -> None:
        return None

    def unready(self, destinations: Collection[Destination]) -> Mapping[Destination, str]:
        self._reach()
        return {d: self.not_ready[d] for d in destinations if d in self.not_ready}

    def replace(self, key: ObjectKey, body: Tree, *, keep_state: bool) -> LiveObject:
        """Somebody puts an object by hand."""
        live = self._live.get(key)
        return self._put(key, body, live.state if live and keep_state else {})

    def annotate(self, key: ObjectKey, name: str, value: str | None) -> LiveObject:
        """Somebody sets (`None`: removes) an annotation; `request` means `gitops-mesh.io/request`."""
        live = self._live[key]
        full = PREFIX + name if name in STATE_KEYS else name
        if is_state(full):
            return self._put(key, live.body, _with(live.state, full.removeprefix(PREFIX), value))
        metadata = live.body["metadata"]
        annotations = _with(metadata.get("annotations", {}), full, value)
        return self._put(key, {**live.body, "metadata": {**metadata, "annotations": annotations}}, live.state)

    def remove(self, key: ObjectKey) -> bool:
        """Somebody deletes an object."""
        return self._live.pop(key, None) is not None

    def _reach(self) -> None:
        if self.unreachable:
            raise Unreachable(self.unreachable)

    def _write(self, write: Write) -> LiveObject | ClusterError:
        live = self._live.get(write.key)
        if (live.version if live else None) != write.version:
            return Conflict(f"{write.key} is at version {live.version if live else 'none'}, not {write.version}")
        if write.key in self.refused:
            return Refused(self.refused[write.key])
        self.writes.append(write)
        return self._put(write.key, write.body, write.state)

    def _delete(self, live: LiveObject) -> ClusterError | None:
        now = self._live.get(live.key)
        if now is not None and now.version != live.version:
            return Conflict(f"{live.key} is at version {now.version}, not {live.version}")
        self._live.pop(live.key, None)
        return None

    def _put(self, key: ObjectKey, body: Tree, state: Mapping[str, str]) -> LiveObject:
        live, tidy = self._live.get(key), normal(body)
        if live is None or live.body != tidy or dict(live.state) != dict(state):
            self._version += 1
            self._live[key] = LiveObject(key, tidy, str(self._version), dict(state))
        return self._live[key]


class NullPlane:
    """A data plane that takes everything, except while `refusal` or `away` say otherwise; it remembers what."""

    def __init__(self) -> None:
        self.configs: list[MeshConfig] = []
        self.refusal = ""
        self.refuses: str = ""
        """Refuse configurations that have an Envoy cluster whose name starts so."""
        self.away = ""

    def blank(self) -> bool:
        return not self.configs

    def sync(self, config: MeshConfig) -> None:
        if self.away:
            raise Unreachable(self.away)
        if self.refusal or (self.refuses and any(name.startswith(self.refuses) for name in config.clusters)):
            raise Refused(self.refusal or f"{self.refuses} is not wanted")
        if not self.configs or self.configs[-1] != config:
            self.configs.append(config)


def _with(values: Mapping[str, str], name: str, value: str | None) -> dict[str, str]:
    rest = {k: v for k, v in values.items() if k != name}
    return rest if value is None else {**rest, name: value}
