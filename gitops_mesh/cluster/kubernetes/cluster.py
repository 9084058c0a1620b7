"""The Cluster port on a Kubernetes API server: what lists and watches bring, what server-side apply writes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gitops_mesh.cluster.kubernetes.api import Api
from gitops_mesh.cluster.kubernetes.cache import Cache, Kind
from gitops_mesh.cluster.kubernetes.calls import Calls
from gitops_mesh.cluster.kubernetes.decode import Seen, seen
from gitops_mesh.cluster.kubernetes.fights import Fights
from gitops_mesh.cluster.kubernetes.lease import Lease
from gitops_mesh.cluster.kubernetes.propagation import Propagation
from gitops_mesh.cluster.kubernetes.readiness import Readiness
from gitops_mesh.cluster.kubernetes.reflector import Resource
from gitops_mesh.cluster.kubernetes.watches import Watches
from gitops_mesh.cluster.kubernetes.writer import Writer
from gitops_mesh.errors import ClusterError, Conflict, Contested, Refused, Unreachable
from gitops_mesh.mesh.index import Labels
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import LiveObject, Manifest, ObjectKey, Write
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import KubernetesSettings
from gitops_mesh.ports import Clock

log = logging.getLogger(__name__)

THREADS = 8
STALE = 5.0
"""Seconds for which a lost watch is no news: what was read last still stands."""

Kinds = Mapping[Kind, Sequence[str]]
"""The managed kinds, each with the API versions that we speak, the preferred one first."""


class KubernetesCluster:
    """One cluster. With `replica` (a name of its own for each) it writes only while it holds the Lease."""

    def __init__(
        self, name: str, kinds: Kinds, settings: KubernetesSettings, api: Api, clock: Clock, *, replica: str = ""
    ) -> None:
        self._name = name
        self._api = api
        self._wake: Callable[[], None] = lambda: None
        self._electing = bool(replica)
        self._cache = Cache(self._changed)
        self._watches = Watches(api, kinds, settings.namespaces, self._cache, self._changed, electing=self._electing)
        self._fights = Fights()
        self._propagation = Propagation(settings.propagation)
        self._writer = Writer(api, settings.force, self._fights)
        self._calls: Calls[Seen | None] = Calls(ThreadPoolExecutor(THREADS, thread_name_prefix=f"write-{name}"))
        self._readiness: tuple[Sequence[LiveObject], Readiness] | None = None
        self._stamped = 0
        self._told = 0
        self._lease: Lease | None = None
        if replica:
            lease = settings.lease
            self._lease = Lease(
                api,
                lease.namespace,
                lease.name,
                replica,
                duration=lease.duration,
                now=clock.now,
                floor=self._highest_epoch,
                changed=self._changed,
            )
        self._started = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def calls(self) -> int:
        """How many requests were sent to the API server."""
        return self._api.calls

    def uid(self, key: ObjectKey) -> str:
        """The uid of an object; empty when it is not there."""
        known = self._cache.get(key)
        return known.uid if known else ""

    def labels(self, destination: Destination) -> Labels:
        """What a destination's subset selects by, in the DestinationRules that are live."""
        return self._ready_now().labels(destination)

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call this when something changed that a pass should look at."""
        self._wake = wake

    def leader(self) -> str:
        """Who decides instead of this process, in words; empty when this one does."""
        self._start()
        if self._lease is None:
            return ""
        if not self._lease.leads:
            return self._lease.problem or self._lease.holder or "nobody yet"
        if self._told != self._lease.epoch:  # said once for each epoch, so that nothing of an earlier one is remembered
            self._told = self._lease.epoch
            return f"nobody: epoch {self._told} begins here"
        return ""

    def check(self, manifests: Sequence[Manifest]) -> Sequence[Finding]:
        """Kinds and versions that this cluster does not serve. Raises Unreachable."""
        self._start()
        found = []
        for manifest in manifests:
            kind = (manifest.key.group, manifest.key.kind)
            served = self._watches.versions(kind)
            version = manifest.api_version.rpartition("/")[2]
            if version in served:
                continue
            said = f"serves it as {', '.join(served)}" if served else "does not serve it: its CRD is missing"
            message = f"{manifest.api_version} {manifest.key.kind}: cluster {self._name} {said}"
            remedy = "write a version that is served" if served else "install the CRD, or take the object out of Git"
            place = {"path": manifest.path, "document": manifest.document, "object": manifest.key}
            pointer = (*manifest.inside, "apiVersion")
            found.append(
                Finding("not-served", Severity.ERROR, message, pointer=pointer, remedy=remedy, **place)  # type: ignore[arg-type]
            )
        return found

    def objects(self) -> Sequence[LiveObject]:
        """Every object of the managed kinds; the same sequence while nothing changes. Raises Unreachable."""
        self._start()
        self._watches.ready(STALE)
        if self._lease is not None and self._lease.leads and self._stamped != self._lease.epoch:
            self._stamp(self._lease.epoch)
        return self._cache.objects()

    def rehearse(self, writes: Sequence[Write]) -> Sequence[ClusterError | None]:
        """What the API server and its webhooks would say to these writes; nothing is written. Raises Unreachable."""
        answers = self._calls.all([(w.key, w.chain, partial(self._rehearse, w)) for w in writes])
        return [answer if isinstance(answer, ClusterError) else None for answer in answers]

    def apply(self, writes: Sequence[Write]) -> Sequence[LiveObject | ClusterError]:
        """Write each object on the version that was read; an answer for each. Raises Unreachable."""
        answers = self._calls.all([(w.key, w.chain, partial(self._apply, w)) for w in writes])
        return [answer.live if isinstance(answer, Seen) else _error(answer) for answer in answers]

    def delete(self, objects: Sequence[LiveObject]) -> Sequence[ClusterError | None]:
        """Delete at exactly these versions; an answer for each. Raises Unreachable."""
        answers = self._calls.all([(live.key, "", partial(self._delete, live)) for live in objects])
        return [answer if isinstance(answer, ClusterError) else None for answer in answers]

    def unready(self, destinations: Collection[Destination]) -> Mapping[Destination, str]:
        """Those destinations that have no ready endpoint now, with the reason. Raises Unreachable."""
        if not destinations:
            return {}
        self._start()
        return self._ready_now().unready(destinations, self._watches.workloads())

    def close(self) -> None:
        """End the watches, and give the Lease back."""
        self._watches.stop()
        if self._lease is not None and self._started:
            self._lease.stop()
        self._calls.close()
        self._api.close()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._watches.start()
            if self._lease is not None:
                self._lease.start()

    def _ready_now(self) -> Readiness:
        live = self._cache.objects()
        if self._readiness is None or self._readiness[0] is not live:
            self._readiness = (live, Readiness(one.body for one in live))
        return self._readiness[1]

    def _changed(self) -> None:
        self._wake()

    def _highest_epoch(self) -> int:
        return max((one.epoch for one in self._cache.all()), default=0)

    def _stamp(self, epoch: int) -> None:
        """Write our epoch on every object in flight, so that a leader before us can write none of them."""
        flying = [one for one in self._cache.all() if "rollouts" in one.live.state and one.epoch < epoch]
        writes = [Write(one.live.key, one.live.body, one.live.state, one.live.version) for one in flying]
        for write, answer in zip(writes, self.apply(writes), strict=True):
            if isinstance(answer, Contested | Refused):  # nobody of ours can write it, whatever the epoch
                log.error("%s cannot be stamped with epoch %d: %s", write.key, epoch, answer)
            elif isinstance(answer, ClusterError):  # the next pass reads it again
                raise Unreachable(f"{write.key} could not be taken over yet: {answer.message}")
        self._stamped = epoch

    def _rehearse(self, write: Write) -> None:
        resource, known, epoch = self._before(write.key, write.version)
        self._writer.rehearse(write, known, resource, epoch)

    def _apply(self, write: Write) -> Seen:
        resource, known, epoch = self._before(write.key, write.version)
        over = self._fights.over(write.key, write.version or "")
        if over is not None:
            raise over
        group, kind = write.key.group, write.key.kind
        decode = partial(self._decode, group=group, kind=kind)
        touched = (write.body, known.live.body) if known else (write.body,)
        changes = known is None or known.live.body != write.body
        if changes:
            self._propagation.wait(*touched)
            resource, known, epoch = self._before(write.key, write.version)
        found = self._writer.apply(write, known, resource, epoch, decode)
        if changes:
            self._propagation.wrote(*touched)
        self._cache.put(found)
        return found

    def _delete(self, live: LiveObject) -> None:
        gone = self._cache.get(live.key) is None
        resource, known, _ = self._before(live.key, None if gone else live.version)
        self._propagation.wait(live.body)
        self._writer.delete(live, known, resource)
        self._propagation.wrote(live.body)
        if known is not None:
            self._cache.drop(live.key, known.uid)

    def _before(self, key: ObjectKey, version: str | None) -> tuple[Resource, Seen | None, int]:
        """What a write needs to know. Raises Conflict, Refused, Unreachable (this replica does not lead)."""
        resource = self._watches.resource((key.group, key.kind))
        if resource is None:
            raise Refused(f"{key}: the cluster does not serve {key.kind}.{key.group}", remedy="install its CRD")
        known = self._cache.get(key)
        if (known.live.version if known else None) != version:
            raise Conflict(f"{key} is at version {known.live.version if known else 'none'}, not at {version}")
        if self._lease is None:
            return resource, known, 0
        if not self._lease.leads:
            raise Unreachable(f"this replica does not lead (any more); {self._lease.holder or 'nobody'} does")
        if known is not None and known.epoch > self._lease.epoch:
            raise Unreachable(f"{key} carries epoch {known.epoch}, and this replica leads in {self._lease.epoch} only")
        return resource, known, self._lease.epoch

    def _decode(self, raw: Mapping[str, Any], *, group: str, kind: str) -> Seen:
        return seen(raw, group, kind, electing=self._electing)


def _error(answer: ClusterError | None) -> ClusterError:
    return answer or ClusterError("the API server gave no answer")
