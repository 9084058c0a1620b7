"""Carrying out a rollout's commands on drafts: weights, accepted splits, rejections and entries in one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitops_mesh.mesh.weights import with_splits
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import ObjectKey, Tree
from gitops_mesh.model.rollouts import Rollout
from gitops_mesh.model.routes import RouteRef, Split
from gitops_mesh.model.state import Rejected
from gitops_mesh.reconciler.drafts import Draft, accept, draft_of, hold, of_object, release, tell, weights_text
from gitops_mesh.reconciler.picture import Picture
from gitops_mesh.reconciler.recording import Recorder
from gitops_mesh.rollout.observation import Accept, Command, Finish, Record, Reject, SetWeights


@dataclass(slots=True)
class Pen:
    """Writes what rollouts want onto drafts; rollouts on one object share its draft."""

    picture: Picture
    desired: Mapping[ObjectKey, Tree]
    recorder: Recorder
    now: float
    drafts: dict[ObjectKey, Draft] = field(default_factory=dict)

    def put(self, before: Rollout, after: Rollout, commands: Sequence[Command], lines: Sequence[str]) -> None:
        """One rollout's step. Members that are gone are passed over."""
        mine = [draft for key in dict.fromkeys(m.ref.key for m in before.members) if (draft := self._draft(key))]
        if not mine:
            return
        for draft in mine:
            hold(draft, after)
            draft.state = replace(draft.state, outbox=self.recorder.unsafe(draft.state.outbox))
            if draft.state.request and draft.state.request.id == after.request:
                draft.state = replace(draft.state, request=None)
        for command in commands:
            self._carry_out(command, after, mine)
        records = [command for command in commands if isinstance(command, Record)]
        if records:
            self._tell(mine, before, after, records)
            if lines:
                self._carrier(mine, after).jsonl[after.id] = "\n".join(lines) + "\n"

    def _draft(self, key: ObjectKey) -> Draft | None:
        known = self.picture.objects.get(key)
        if known is None or known.live is None:
            return None
        return self.drafts.setdefault(key, draft_of(key, known))

    def _carry_out(self, command: Command, rollout: Rollout, mine: Sequence[Draft]) -> None:
        match command:
            case SetWeights(splits):
                for draft in mine:
                    draft.body = with_splits(
                        draft.body, of_object(splits, draft.key), self._donors(draft, draft.accepted)
                    )
            case Accept(refs, which):
                records = {m.ref: (m.target if which == "target" else m.base) for m in rollout.members if m.ref in refs}
                self._accept({ref: record.split for ref, record in records.items()}, rollout, mine)
            case Reject(refs, reason):
                for draft in mine:
                    _reject(draft, rollout, refs, reason, self.now)
            case Finish():
                for draft in mine:
                    release(draft, rollout.id)
            case _:
                pass  # told in one go, when the bodies are what they will be

    def _accept(self, splits: Mapping[RouteRef, Split], rollout: Rollout, mine: Sequence[Draft]) -> None:
        for draft in mine:
            own = of_object(splits, draft.key)
            if own:
                accepted = with_splits(draft.accepted, own, self._donors(draft, draft.body))
                blob = self.recorder.keep(accepted)
                accept(draft, accepted, self.picture.index, revision=rollout.cause.revision, blob=blob)

    def _donors(self, draft: Draft, other: Tree) -> tuple[Tree, ...]:
        """Where lists of destinations may be taken from, whole: HEAD's first."""
        head = self.desired.get(draft.key)
        return (other,) if head is None else (head, other)

    def _tell(self, mine: Sequence[Draft], before: Rollout, after: Rollout, records: Sequence[Record]) -> None:
        carrier = self._carrier(mine, after)
        weights = [weights_text(d.body, {m.ref.route for m in after.members if m.ref.key == d.key}) for d in mine]
        for number, record in enumerate(records, before.sequence + 1):
            entry = Entry(
                operation=after.id,
                sequence=number,
                event=record.event,
                sentence=record.sentence,
                at=self.now,
                objects=tuple(d.key for d in mine),
                source_commit=after.cause.revision,
                rollout=after.id,
                verdict=record.verdict,
                weights="; ".join(weights),
                evidence=record.evidence,
                by=record.by,
            )
            tell(carrier, entry)

    @staticmethod
    def _carrier(mine: Sequence[Draft], rollout: Rollout) -> Draft:
        """The draft that carries the rollout's entries: its leader's, or the first that is there."""
        return next((draft for draft in mine if draft.key == rollout.leader.key), mine[0])


def _reject(draft: Draft, rollout: Rollout, refs: Sequence[RouteRef], reason: str, now: float) -> None:
    for member in rollout.members:
        if member.ref in refs and member.ref.key == draft.key:
            failed = Rejected(member.ref.route, member.target.release, rollout.id, reason, now)
            draft.state = replace(draft.state, rejected=(*draft.state.rejected, failed))
