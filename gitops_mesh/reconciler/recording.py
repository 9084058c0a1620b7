"""Writing drafts to the cluster and telling the ledger, in that order and without losing either."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gitops_mesh.errors import ClusterError, GitOpsMeshError, LedgerError, Unreachable
from gitops_mesh.manifests.render import to_yaml
from gitops_mesh.model.ledger import Batch, Entry, TreeChange
from gitops_mesh.model.objects import LiveObject, ObjectKey, Tree
from gitops_mesh.ports import Cluster, Ledger, Notifier
from gitops_mesh.reconciler.drafts import Draft, draft_of, ledger_texts
from gitops_mesh.reconciler.entries import identity, joined
from gitops_mesh.reconciler.picture import Eye, Known, Picture
from gitops_mesh.rollout.annotations import OUTBOX_LIMIT

log = logging.getLogger(__name__)

Background = Callable[[Callable[[], None]], None]
"""Runs a function off the decision loop, one after another."""


@dataclass(slots=True)
class Written:
    """What came of a wave."""

    done: list[Known] = field(default_factory=list)
    failed: list[tuple[ObjectKey, ClusterError]] = field(default_factory=list)
    refused: list[tuple[ObjectKey, ClusterError]] = field(default_factory=list)
    """What the cluster would refuse, so that nothing of its scope was tried."""


class Recorder:
    """The two writers of a cluster's transitions: the cluster first, the ledger next, the push behind."""

    def __init__(
        self, cluster: Cluster, ledger: Ledger, eye: Eye, notifiers: Sequence[Notifier], background: Background
    ) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._eye = eye
        self._notifiers = notifiers
        self._background = background
        self._recorded: set[tuple[str, int]] = set()
        self._safe: set[tuple[str, int]] = set()
        self._pushing = False
        self._unpushed = True
        self._behind = False
        """Whether another replica may have written to the remote since it was asked last."""
        self.problem = ""
        """Why the ledger is behind; empty when it is not."""

    @property
    def pushed(self) -> bool:
        return not self._unpushed

    def keep(self, accepted: Tree) -> str:
        """Store an accepted body in the ledger before anything refers to it; the blob's id."""
        blob = self._ledger.put(to_yaml(accepted).encode())
        self._eye.remember(blob, accepted)
        return blob

    def write(self, drafts: Sequence[Draft]) -> Written:
        """Write one wave, then record its entries. Raises Unreachable when the cluster is away."""
        written = Written()
        wave = [draft for draft in drafts if draft.changes]
        if not wave:
            return written
        told: list[Entry] = []
        jsonl: dict[str, str] = {}
        for draft, answer in zip(wave, self._cluster.apply([d.write for d in wave]), strict=True):
            if isinstance(answer, LiveObject):
                written.done.append(Known(answer, draft.state, draft.accepted))
                told += draft.entries
                jsonl.update(draft.jsonl)
            else:
                written.failed.append((draft.key, answer))
        if told:
            self._record(told, {k.live.key: k for k in written.done if k.live}, jsonl)
        return written

    def delete(self, known: Known, intent: Entry, entry: Entry) -> ClusterError | None:
        """Delete one object: the intent is in the ledger before, the deletion after."""
        live = known.live
        if live is None:
            return None
        text = ledger_texts(known)
        self._ledger.record(Batch((intent,), {live.key: TreeChange(text[0], None, text[2])}))
        (error,) = self._cluster.delete([live])
        if error is None:
            self.note(entry, {live.key: TreeChange(None, None, None)})
        return error

    def follow(self) -> None:
        """Go on with the ledger as another replica may have left it; with what is known of it while its remote is away.

        Then nothing is pushed before it was asked after all. Raises LedgerError.
        """
        self._recorded.clear()
        self._safe.clear()
        self._unpushed = True
        self._behind = True
        try:
            self._catch_up()
        except Unreachable as error:
            log.warning("the ledger is taken over as it was known here: %s", error)

    def _catch_up(self) -> bool:
        """Whether there was anything to catch up with. Raises Unreachable, LedgerError."""
        if not self._behind:
            return False
        self._ledger.follow()
        self._recorded.clear()  # what was set aside is recorded again, from the objects' outboxes
        self._behind = False
        return True

    def note(self, entry: Entry, changes: Mapping[ObjectKey, TreeChange] | None = None) -> None:
        """Record an entry that no object carries."""
        self._commit(Batch((entry,), changes or {}))

    def flush(self, picture: Picture) -> bool:
        """Record what objects still carry from before; clear what is safe. True when something was written."""
        carrying = {key: known for key, known in picture.objects.items() if known.state.outbox}
        pending = [e for known in carrying.values() for e in known.state.outbox if identity(e) not in self._recorded]
        if pending:
            touched = {key for entry in pending for key in entry.objects}
            self._record(pending, {key: k for key, k in picture.objects.items() if key in touched}, {})
        self.push()
        idle = [
            (key, known)
            for key, known in carrying.items()
            if not known.state.rollouts and not self.unsafe(known.state.outbox)
        ]
        drafts = [draft_of(key, known) for key, known in idle]
        for draft in drafts:
            draft.state = replace(draft.state, outbox=())
        return bool(self.write(drafts).done)

    def unsafe(self, outbox: Sequence[Entry]) -> tuple[Entry, ...]:
        """Those entries that the ledger cannot be trusted with yet."""
        return tuple(entry for entry in outbox if identity(entry) not in self._safe)

    def is_full(self, outbox: Sequence[Entry]) -> bool:
        """Whether so much waits for the ledger that nothing new is begun on the object (a rollback still is)."""
        return len(self.unsafe(outbox)) >= OUTBOX_LIMIT

    def push(self) -> None:
        """Push behind the loop, when there is something to push."""
        if self._unpushed and not self._pushing:
            self._pushing = True
            self._background(self._push)

    def _push(self) -> None:
        try:
            again = self._catch_up()
            before = set(self._recorded)
            if self._ledger.push():
                self._safe |= before
                self._unpushed = again or before != self._recorded
                self.problem = ""
        except (Unreachable, LedgerError) as error:
            if self.problem != error.message:
                log.warning("the ledger is not pushed: %s", error)
            self.problem = error.message
        finally:
            self._pushing = False

    def _record(self, entries: Sequence[Entry], known: Mapping[ObjectKey, Known], jsonl: Mapping[str, str]) -> None:
        changes = {key: TreeChange(*ledger_texts(k)) for key, k in known.items()}
        self._commit(Batch(joined(entries), changes, dict(jsonl)))

    def _commit(self, batch: Batch) -> None:
        try:
            self._ledger.record(batch)
        except LedgerError as error:
            # What was decided stands on the objects (the outbox) and is recorded at a later tick.
            if self.problem != error.message:
                log.error("the ledger cannot be written: %s", error)  # noqa: TRY400 - the message says it all
            self.problem = error.message
            return
        self._recorded |= {identity(entry) for entry in batch.entries}
        self._unpushed = True
        for entry in batch.entries:
            log.info("%s: %s", entry.event, entry.sentence)
            self._background(partial(self._notify, entry))

    def _notify(self, entry: Entry) -> None:
        for notifier in self._notifiers:
            try:
                notifier.notify(self._cluster.name, entry)
            except GitOpsMeshError as error:
                log.warning("a notification was not delivered: %s", error)
