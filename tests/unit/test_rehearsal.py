"""Asking the cluster before a scope is written."""

from __future__ import annotations

import pytest

from gitops_mesh.errors import ClusterError, Conflict, Contested, Refused, Unreachable
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.state import ObjectState
from gitops_mesh.reconciler.drafts import Draft, draft_of
from gitops_mesh.reconciler.picture import Known
from gitops_mesh.reconciler.rehearsal import AGAIN, Rehearsal
from tests.fakes.clock import VirtualClock
from tests.fakes.cluster import FakeCluster

KEY, OTHER = (ObjectKey("networking.istio.io", "VirtualService", "shop", name) for name in ("reviews", "ratings"))


def draft(key: ObjectKey, timeout: str = "1s") -> Draft:
    body = {"apiVersion": "networking.istio.io/v1", "kind": key.kind, "metadata": {"name": key.name}}
    return draft_of(key, Known(None, ObjectState(), None), {**body, "spec": {"timeout": timeout}})


class Counting(FakeCluster):
    """Counts how often it was asked; `answer`, if there is one, is what it says of each object."""

    asked = 0
    answer: ClusterError | None = None

    def rehearse(self, writes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as the fake's
        self.asked += 1
        if self.answer:
            return [self.answer for _ in writes]
        return super().rehearse(writes)


def test_one_refused_object_stops_its_scope_and_no_other() -> None:
    cluster = FakeCluster()
    cluster.refused[KEY] = "no"
    found = Rehearsal(cluster, VirtualClock()).refused([("a", draft(KEY)), ("a", draft(OTHER)), ("b", draft(OTHER))])
    assert list(found) == ["a"]
    ((key, error),) = found["a"]
    assert key == KEY
    assert isinstance(error, Refused)


def test_what_was_refused_is_not_asked_for_again_at_once() -> None:
    cluster, clock = Counting(), VirtualClock()
    cluster.refused[KEY] = "no"
    rehearsal = Rehearsal(cluster, clock)
    assert rehearsal.refused([("", draft(KEY))])
    assert rehearsal.refused([("", draft(KEY))])
    assert cluster.asked == 1
    clock.advance(AGAIN)
    assert rehearsal.refused([("", draft(KEY))])
    assert cluster.asked == 2
    cluster.refused.clear()
    assert not rehearsal.refused([("", draft(KEY, "2s"))])
    assert cluster.asked == 3


def test_what_is_well_is_asked_for_each_time() -> None:
    cluster = Counting()
    rehearsal = Rehearsal(cluster, VirtualClock())
    assert not rehearsal.refused([("", draft(KEY))])
    assert not rehearsal.refused([("", draft(KEY))])
    assert cluster.asked == 2
    assert not rehearsal.refused([])
    assert cluster.asked == 2


def test_without_an_answer_the_scope_waits_and_is_asked_for_again_at_once() -> None:
    cluster = Counting()
    cluster.answer = Unreachable("no answer in 10 s")
    rehearsal = Rehearsal(cluster, VirtualClock())
    ((key, error),) = rehearsal.refused([("", draft(KEY))])[""]
    assert (key, error) == (KEY, cluster.answer)
    cluster.answer = None
    assert not rehearsal.refused([("", draft(KEY))])


@pytest.mark.parametrize("answer", [Conflict("changed"), Contested("helm owns it")])
def test_what_changed_or_is_contested_holds_up_nothing_else(answer: ClusterError) -> None:
    cluster = Counting()
    cluster.answer = answer
    assert not Rehearsal(cluster, VirtualClock()).refused([("", draft(KEY))])
