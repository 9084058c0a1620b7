"""The Cluster port on SQLite and Envoy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from gitops_mesh.cluster.standalone.honour import Dishonoured, honour, placed
from gitops_mesh.cluster.standalone.plane import DataPlane
from gitops_mesh.cluster.standalone.readiness import Readiness, connects
from gitops_mesh.cluster.standalone.store import Store, Transaction
from gitops_mesh.cluster.standalone.translate.config import MeshConfig, Translation
from gitops_mesh.cluster.standalone.translate.mesh import endpoints_of, translate
from gitops_mesh.errors import ClusterError, Conflict, Refused, Unreachable
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.objects import LiveObject, Manifest, ObjectKey, Tree, Write
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import StandaloneSettings

log = logging.getLogger(__name__)

Answer = LiveObject | ClusterError
Step = Callable[[Transaction], LiveObject]

LOOK = 5.0
"""Seconds after which the data plane is compared with the store though nothing changed."""


class StandaloneCluster:
    """Objects in a store, and a data plane that follows them.

    Without a data plane (`None`) objects are only kept: for commands that read, and for tests.
    `probe` tells whether an address and port accept connections.
    """

    def __init__(
        self,
        name: str,
        store: Store,
        settings: StandaloneSettings,
        plane: DataPlane | None,
        *,
        probe: Callable[[str, int], bool] = connects,
    ) -> None:
        self._name = name
        self._store = store
        self._settings = settings
        self._plane = plane
        self._readiness = Readiness(probe, time.monotonic)
        self._synced: int | None = None
        """The store's revision that the plane has; None: not known."""
        self._looked = float("-inf")
        self._complained: tuple[int, type[Exception]] | None = None
        self._translation: tuple[tuple[tuple[ObjectKey, Tree], ...], Translation] | None = None

    @property
    def name(self) -> str:
        return self._name

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Edits by other processes are seen by looking."""

    def leader(self) -> str:
        """The state folder's lock keeps a second daemon out."""
        return ""

    def check(self, manifests: Sequence[Manifest]) -> Sequence[Finding]:
        """What this mesh cannot honour in the whole desired set."""
        by_key = {manifest.key: manifest for manifest in manifests}
        found = translate([(m.key, m.body) for m in manifests], self._settings).findings
        return [placed(finding, by_key) for finding in found]

    def objects(self) -> Sequence[LiveObject]:
        """Every object; edits by other processes reach the data plane first. Raises Unreachable."""
        try:
            found = self._store.objects()
            revision = self._store.revision()
        except ClusterError as error:
            raise Unreachable(error.message, remedy=error.remedy) from error
        self._follow(found, revision)
        return found

    def apply(self, writes: Sequence[Write]) -> Sequence[Answer]:
        """Write one wave in one transaction, with the data plane following before it is committed.

        Conflicts, and objects that cannot be honoured, are answered one by one; the rest goes on. What the
        data plane refuses is found by halves, so that only that stays out. Raises Unreachable.
        """
        try:
            return self._change([w.key for w in writes], [partial(_write, write=w) for w in writes])
        except Refused as error:
            if len(writes) == 1:
                return [Refused(f"{writes[0].key}: {error.message}", remedy=error.remedy)]
            half = len(writes) // 2
            return [*self.apply(writes[:half]), *self.apply(writes[half:])]
        except ClusterError as error:
            return [error] * len(writes)

    def rehearse(self, writes: Sequence[Write]) -> Sequence[ClusterError | None]:
        """Nothing is known before it is tried: a wave is one transaction, and what is refused leaves no trace."""
        return [None] * len(writes)

    def delete(self, objects: Sequence[LiveObject]) -> Sequence[ClusterError | None]:
        """Delete these objects at exactly these versions, in one transaction. Raises Unreachable."""
        try:
            answers = self._change([], [partial(_delete, live=live) for live in objects])
        except ClusterError as error:
            return [error] * len(objects)
        return [answer if isinstance(answer, ClusterError) else None for answer in answers]

    def unready(self, destinations: Collection[Destination]) -> Mapping[Destination, str]:
        """Those destinations none of whose endpoints accepts a connection, with the reason. Raises Unreachable."""
        try:
            bodies = [(live.key, live.body) for live in self._store.objects()]
        except ClusterError as error:
            raise Unreachable(error.message, remedy=error.remedy) from error
        return self._readiness.unready(endpoints_of(bodies, self._settings, destinations))

    def close(self) -> None:
        """Give the file back."""
        self._store.close()

    def _change(self, written: Sequence[ObjectKey], steps: Sequence[Step]) -> list[Answer]:
        """Do the steps and push the outcome. What a written object asks for in vain is left out and answered."""
        refused: dict[int, Refused] = {}
        while True:
            try:
                return self._once(written, steps, refused)
            except Dishonoured as error:
                refused |= {i: error.reasons[key] for i, key in enumerate(written) if key in error.reasons}

    def _once(
        self, written: Sequence[ObjectKey], steps: Sequence[Step], refused: Mapping[int, Refused]
    ) -> list[Answer]:
        pushed: MeshConfig | None = None
        try:
            with self._store.transaction() as transaction:
                before = transaction.objects()
                answers = [refused.get(i) or _conflict_or(step, transaction) for i, step in enumerate(steps)]
                after = transaction.objects()
                if _bodies(after) != _bodies(before):
                    old, new = self._translated(before), self._translated(after)
                    honour(old, new, [key for i, key in enumerate(written) if i not in refused])
                    if self._plane is not None:
                        self._plane.sync(new.config)
                        pushed = old.config
                self._synced = None
        except ClusterError:
            if pushed is not None and self._plane is not None:  # the commit failed: a full disk, say
                self._plane.sync(pushed)
            raise
        if self._plane is None or pushed is not None:
            self._synced = self._store.revision()
        return answers

    def _translated(self, objects: tuple[LiveObject, ...]) -> Translation:
        bodies = _bodies(objects)
        if self._translation is None or self._translation[0] != bodies:
            self._translation = (bodies, translate(list(bodies), self._settings))
        return self._translation[1]

    def _follow(self, found: tuple[LiveObject, ...], revision: int) -> None:
        """Bring the data plane to the store's objects; now and then even if they did not change."""
        now = time.monotonic()
        if self._plane is None or (self._synced == revision and now - self._looked < LOOK):
            return
        if revision == 0 and not self._plane.blank():
            return  # the objects were lost, not deleted: traffic goes on until the ledger brings them back
        self._looked = now
        try:
            self._plane.sync(self._translated(found).config)
        except (Refused, Unreachable) as error:
            if self._complained != (revision, type(error)):
                log.warning("the data plane does not follow the objects: %s", error)
            self._complained = (revision, type(error))
            if isinstance(error, Refused):
                self._synced = revision  # asking again would not help; the next edit may
            return
        self._synced, self._complained = revision, None


def _write(transaction: Transaction, *, write: Write) -> LiveObject:
    return transaction.write(write)


def _delete(transaction: Transaction, *, live: LiveObject) -> LiveObject:
    transaction.delete(live)
    return live


def _conflict_or(step: Step, transaction: Transaction) -> Answer:
    try:
        return step(transaction)
    except Conflict as error:
        return error


def _bodies(objects: Sequence[LiveObject]) -> tuple[tuple[ObjectKey, Tree], ...]:
    return tuple((live.key, live.body) for live in objects)
