"""Asking the cluster beforehand: if it refuses one object of a scope, nothing of that scope is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitops_mesh.errors import ClusterError, Conflict, Contested, Refused
from gitops_mesh.model.objects import ObjectKey, Tree, Write
from gitops_mesh.ports import Clock, Cluster
from gitops_mesh.reconciler.drafts import Draft

AGAIN = 30.0
"""Seconds until what was refused, and did not change, is asked for again: a webhook may have changed its mind."""

Refusals = Sequence[tuple[ObjectKey, ClusterError]]


@dataclass(frozen=True, slots=True)
class _Said:
    asked: tuple[tuple[ObjectKey, Tree, str | None], ...]
    refused: Refusals
    at: float


class Rehearsal:
    """Remembers what was refused, so that a pass does not ask the same again at once."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._said: dict[str, _Said] = {}

    def refused(self, drafts: Sequence[tuple[str, Draft]]) -> Mapping[str, Refusals]:
        """The scopes, of (scope, draft), that have something refused, and what. Raises Unreachable."""
        writes: dict[str, list[Write]] = {}
        for scope, draft in drafts:
            if draft.changes:
                writes.setdefault(scope, []).append(draft.write)
        self._said = {scope: self._ask(scope, wanted) for scope, wanted in writes.items()}
        return {scope: said.refused for scope, said in self._said.items() if said.refused}

    def _ask(self, scope: str, writes: Sequence[Write]) -> _Said:
        asked = tuple((write.key, write.body, write.version) for write in writes)
        before, now = self._said.get(scope), self._clock.now()
        if before is not None and before.refused and before.asked == asked and now - before.at < AGAIN:
            return before
        answers = self._cluster.rehearse(writes)
        told = [(w.key, a) for w, a in zip(writes, answers, strict=True) if a is not None]
        refused = [(key, a) for key, a in told if isinstance(a, Refused)]
        # Without an answer nothing is written either, and it is asked again at once. What changed in between, or is
        # somebody else's, is left alone by itself.
        open_ = [(key, a) for key, a in told if not isinstance(a, Refused | Conflict | Contested)]
        return _Said(asked, refused + open_, float("-inf") if open_ else now)
