"""First sight and losses: what is new to us, what lost its state, what the cluster lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from gitops_mesh.model.ledger import Entry, LedgerObject, TreeChange
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.state import ObjectState
from gitops_mesh.plan.kinds import wave as wave_of
from gitops_mesh.ports import Clock, Ledger
from gitops_mesh.reconciler.admission import deleted
from gitops_mesh.reconciler.desired import Desired
from gitops_mesh.reconciler.drafts import Draft, accept, draft_of, tell, weights_text
from gitops_mesh.reconciler.entries import operation
from gitops_mesh.reconciler.picture import Known, Picture, body_of
from gitops_mesh.reconciler.recording import Recorder
from gitops_mesh.rollout.annotations import decode


class Recovery:
    """Makes the picture whole before anything is planned on it."""

    def __init__(self, recorder: Recorder, ledger: Ledger, clock: Clock, adopt: str) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self._clock = clock
        self._adopt = adopt

    def recover(self, picture: Picture, desired: Desired) -> bool:
        """Adopt, restore and put state back; whether something was written. Raises Unreachable."""
        told = self._ledger.objects()
        drafts = [
            draft
            for key, known in picture.objects.items()
            if known.state.accepted is None
            for draft in (self._unstated(key, known, told.get(key), desired, picture),)
            if draft is not None
        ]
        drafts += self._lost(picture, told)
        # In one go, so that a mesh that lost everything never serves a part of it; prerequisites first.
        drafts.sort(key=lambda d: (wave_of(d.accepted), d.key))
        return bool(self._recorder.write(drafts).done)

    def _unstated(
        self, key: ObjectKey, known: Known, told: LedgerObject | None, desired: Desired, picture: Picture
    ) -> Draft | None:
        if told is not None and told.accepted is not None:
            return self._state_lost(key, known, told)
        if key not in desired.manifests or self._adopt != "adopt":
            return None
        draft = draft_of(key, known)
        accept(draft, draft.body, picture.index, revision="", blob=self._recorder.keep(draft.body))
        draft.state = replace(draft.state, origin=desired.manifests[key].path)
        self._say(draft, Event.ADOPTED, f"{key.name}: {key.kind} adopted as it is live")
        return draft

    def _state_lost(self, key: ObjectKey, known: Known, told: LedgerObject) -> Draft:
        """Somebody replaced the object: with a rollout under way its base comes back, in any case its state."""
        state = _state(told)
        accepted = body_of(told.accepted or "")
        draft = draft_of(key, Known(known.live, replace(state, rollouts={}), accepted))
        self._stored(draft)
        if state.rollouts:
            draft.body = accepted
            ids = ", ".join(sorted({r.id for r in state.rollouts.values()}))
            sentence = f"{key.name}: state lost while rollout {ids} was under way; base restored"
        else:
            sentence = f"{key.name}: state lost and put back"
        self._say(draft, Event.STATE_LOST, sentence)
        return draft

    def _lost(self, picture: Picture, told: Mapping[ObjectKey, LedgerObject]) -> list[Draft]:
        drafts = []
        for key, known in told.items():
            if key in picture.objects:
                continue
            if known.accepted is None:
                self._deleted(key)
                continue
            accepted: Tree = body_of(known.accepted)
            draft = draft_of(key, Known(None, replace(_state(known), rollouts={}), accepted), accepted)
            self._stored(draft)
            self._say(draft, Event.RESTORED, f"{key.name}: {key.kind} created again as it was accepted last")
            drafts.append(draft)
        return drafts

    def _stored(self, draft: Draft) -> None:
        """The accepted body's blob is in the ledger under the id that the state names."""
        blob = self._recorder.keep(draft.accepted)
        if draft.state.accepted is not None:
            draft.state = replace(draft.state, accepted=replace(draft.state.accepted, blob=blob))

    def _deleted(self, key: ObjectKey) -> None:
        """A deletion whose intent is on record and whose object is gone was carried out."""
        for recorded in self._ledger.history(key):
            intent = recorded.entry
            if intent.event is Event.DELETING:
                self._recorder.note(deleted(intent, key), {key: TreeChange(None, None, None)})
                return

    def _say(self, draft: Draft, event: Event, sentence: str) -> None:
        now = self._clock.now()
        version = draft.known.live.version if draft.known.live else ""
        entry = Entry(
            operation=operation(event, now, draft.key, version),
            sequence=1,
            event=event,
            sentence=sentence,
            at=now,
            objects=(draft.key,),
            weights=weights_text(draft.body),
        )
        tell(draft, entry)


def _state(told: LedgerObject) -> ObjectState:
    raw = orjson.loads(told.state or "{}")
    return decode({name: orjson.dumps(value).decode() for name, value in raw.items()})
