"""What the mesh is now: live objects, their state, and the bodies that were accepted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from gitops_mesh.errors import ManifestError
from gitops_mesh.manifests.normal import fingerprint
from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.mesh.weights import with_splits
from gitops_mesh.model.objects import LiveObject, ObjectKey, Tree
from gitops_mesh.model.rollouts import Rollout
from gitops_mesh.model.state import ObjectState
from gitops_mesh.ports import Cluster, Ledger
from gitops_mesh.rollout.annotations import decode

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """One object: as it is live, our state on it, and the body that was accepted last."""

    live: LiveObject | None
    state: ObjectState
    accepted: Tree | None


@dataclass(frozen=True, slots=True)
class Picture:
    """The mesh at the beginning of a tick, and the open rollouts as their leaders hold them."""

    objects: Mapping[ObjectKey, Known]
    rollouts: tuple[Rollout, ...]
    orphans: tuple[Rollout, ...]
    """Rollouts whose leader no longer has them: what their members know; each restores its own base."""
    index: MeshIndex
    """What the accepted objects define."""


class Eye:
    """Reads the picture; keeps accepted bodies by blob, so that an idle tick reads nothing twice."""

    def __init__(self, cluster: Cluster, ledger: Ledger) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._bodies: dict[str, Tree] = {}
        self._known: Mapping[ObjectKey, Known] = {}
        """The latest picture's: an object that did not change is not decoded again."""

    def look(self) -> Picture:
        """Raises Unreachable."""
        return self.picture(self._cluster.objects())

    def picture(self, live_objects: Sequence[LiveObject]) -> Picture:
        """The picture that these objects give."""
        objects = {live.key: self._same(live) or self.know(live) for live in live_objects}
        self._known = objects
        accepted = [known.accepted for known in objects.values() if known.accepted is not None]
        rollouts, orphans = _open(objects)
        return Picture(objects, rollouts, orphans, MeshIndex.of(accepted))

    def know(self, live: LiveObject) -> Known:
        """A live object with its decoded state and its accepted body."""
        try:
            state = decode(live.state)
        except ManifestError as error:
            log.warning("the state of %s is unreadable and taken as lost: %s", live.key, error)
            state = ObjectState()
        return Known(live, state, self._accepted(live, state))

    def _same(self, live: LiveObject) -> Known | None:
        known = self._known.get(live.key)
        return known if known is not None and known.live is live else None

    def remember(self, blob: str, body: Tree) -> None:
        self._bodies[blob] = body

    def _accepted(self, live: LiveObject, state: ObjectState) -> Tree | None:
        if state.accepted is None:
            return None
        body = self._bodies.get(state.accepted.blob)
        if body is None:
            text = self._ledger.get(state.accepted.blob)
            body = body_of(text.decode()) if text is not None else _composed(live, state)
            if fingerprint(body) != state.accepted.hash:
                log.warning("the ledger lacks what was accepted of %s; the live object stands in for it", live.key)
            self._bodies[state.accepted.blob] = body
        return body


def body_of(text: str) -> dict[str, Any]:
    """A body as the ledger keeps it."""
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    return loaded if isinstance(loaded, dict) else {}


def _composed(live: LiveObject, state: ObjectState) -> Tree:
    bases = {m.ref.route: m.base.split for r in state.rollouts.values() for m in r.members if m.ref.key == live.key}
    return with_splits(live.body, bases)


def _open(objects: Mapping[ObjectKey, Known]) -> tuple[tuple[Rollout, ...], tuple[Rollout, ...]]:
    led: dict[str, Rollout] = {}
    followed: dict[str, Rollout] = {}
    for key, known in objects.items():
        for rollout in known.state.rollouts.values():
            if rollout.leader.key == key:
                led[rollout.id] = rollout
            else:
                followed.setdefault(rollout.id, rollout)
    orphans = []
    for identity, rollout in followed.items():
        if identity not in led:
            members = tuple(m for m in rollout.members if _holds(objects.get(m.ref.key), identity))
            orphans.append(replace(rollout, members=members))
    by_id = sorted(led.values(), key=lambda r: r.id)
    return tuple(by_id), tuple(orphans)


def _holds(known: Known | None, rollout: str) -> bool:
    return known is not None and any(r.id == rollout for r in known.state.rollouts.values())
