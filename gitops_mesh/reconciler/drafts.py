"""Drafts: what a tick wants one object to be, body and state together, before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitops_mesh.manifests.normal import fingerprint
from gitops_mesh.manifests.render import to_yaml
from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.mesh.routes import routes
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import ObjectKey, Tree, Write
from gitops_mesh.model.rollouts import Rollout
from gitops_mesh.model.routes import RouteRef, Split, SplitRecord
from gitops_mesh.model.state import Accepted, ObjectState
from gitops_mesh.reconciler.picture import Known
from gitops_mesh.rollout.annotations import encode

HISTORY = 3
"""How many accepted splits of a route are kept, the newest first."""


@dataclass(slots=True)
class Draft:
    """One object in the making. `body` is the live body to write; `entry` is told with the write."""

    key: ObjectKey
    known: Known
    accepted: Tree
    body: Tree
    state: ObjectState
    entries: tuple[Entry, ...] = ()
    jsonl: dict[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether writing it would change anything on the cluster."""
        live = self.known.live
        return live is None or live.body != self.body or dict(live.state) != encode(self.state)

    @property
    def write(self) -> Write:
        live = self.known.live
        flying = {r.id for state in (self.known.state, self.state) for r in state.rollouts.values()}
        chain = min(flying, default="")  # the members of a rollout are written in order
        return Write(self.key, self.body, encode(self.state), live.version if live else None, chain)


def draft_of(key: ObjectKey, known: Known, body: Tree | None = None) -> Draft:
    """The object as it is, to be changed; `body` for one that is not there yet."""
    start = known.live.body if known.live else body
    if start is None:
        raise ValueError(f"{key}: neither live nor given")
    accepted = known.accepted if known.accepted is not None else start
    return Draft(key, known, accepted, start, known.state)


def accept(draft: Draft, accepted: Tree, index: MeshIndex, *, revision: str, blob: str) -> None:
    """Make `accepted` the object's accepted body, with the splits of its routes on record."""
    before = draft.state.accepted
    splits: dict[str, tuple[SplitRecord, ...]] = {}
    for route in routes(accepted):
        if route.ambiguous or not route.split.shares:
            continue
        history = before.splits.get(route.id, ()) if before else ()
        record = index.record(route.split)
        splits[route.id] = history if history[:1] == (record,) else (record, *history)[:HISTORY]
    draft.accepted = accepted
    draft.state = replace(draft.state, accepted=Accepted(revision, fingerprint(accepted), blob, splits))


def of_object(splits: Mapping[RouteRef, Split], key: ObjectKey) -> dict[str, Split]:
    """The splits of one object's routes, by route identity."""
    return {ref.route: split for ref, split in splits.items() if ref.key == key}


def hold(draft: Draft, rollout: Rollout) -> None:
    """Put the rollout on the object: whole on its leader's, without evidence on the others'."""
    whole = rollout if rollout.leader.key == draft.key else replace(rollout, evidence=type(rollout.evidence)())
    mine = {m.ref.route: whole for m in rollout.members if m.ref.key == draft.key}
    draft.state = replace(draft.state, rollouts={**_without(draft.state, rollout.id), **mine})


def release(draft: Draft, rollout: str) -> None:
    """Take the rollout off the object."""
    draft.state = replace(draft.state, rollouts=_without(draft.state, rollout))


def tell(draft: Draft, *entries: Entry) -> None:
    """Add ledger entries to the object's outbox, so that they are as safe as the write itself."""
    draft.entries += entries
    draft.state = replace(draft.state, outbox=(*draft.state.outbox, *entries))


def weights_text(body: Tree, only: Iterable[str] | None = None) -> str:
    """The splits of a body in words: `http/main: reviews:v1 90%, reviews:v2 10%`."""
    chosen = None if only is None else set(only)
    shown = [r for r in routes(body) if r.split.shares and (chosen is None or r.id in chosen)]
    return "; ".join(f"{route.id}: {route.split}" for route in shown)


def ledger_texts(known: Known) -> tuple[str | None, str | None, str | None]:
    """How the ledger keeps an object: live, accepted, and state (without evidence, request and outbox)."""
    live = to_yaml(known.live.body) if known.live else None
    accepted = to_yaml(known.accepted) if known.accepted is not None else None
    bare = {i: replace(r, evidence=type(r.evidence)()) for i, r in known.state.rollouts.items()}
    state = encode(replace(known.state, rollouts=bare, request=None, outbox=()))
    return live, accepted, _state_text(state)


def _state_text(state: Mapping[str, str]) -> str:
    return "{" + ",\n".join(f'"{name}": {text}' for name, text in sorted(state.items())) + "}\n"


def _without(state: ObjectState, rollout: str) -> dict[str, Rollout]:
    return {route: held for route, held in state.rollouts.items() if held.id != rollout}
