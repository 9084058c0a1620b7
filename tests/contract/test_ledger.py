"""The Ledger port, on the fake and on real Git."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitops_mesh.errors import LedgerError
from gitops_mesh.ledger.branch import GitLedger
from gitops_mesh.model.ledger import Batch, Entry, LedgerObject, Recorded, TreeChange
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event
from gitops_mesh.ports import Ledger
from tests.fakes.ledger import FakeLedger
from tests.fakes.repository import Repository

REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
CLASS = ObjectKey("", "Namespace", "", "shop")
ENTRY = Entry(
    operation="r-1",
    sequence=1,
    event=Event.STEPPED,
    sentence="reviews: v2 5% → 10% (step 2 of 6)",
    at=1_800_000_000.0,
    objects=(REVIEWS, CLASS),
    source_commit="a" * 40,
    rollout="r-1",
    verdict="pass",
    weights="http/main: reviews:v1 90%, reviews:v2 10%",
    evidence="errors: canary 1 of 200, stable 3 of 4000\n\nlimit 1%",
    by="ada",
)
CHANGE = TreeChange("kind: VirtualService\n", "accepted: yes\n", '{"epoch": 1}\n')


@pytest.fixture(params=["fake", "git", "git with a remote"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    if request.param == "fake":
        return FakeLedger()
    remote = str(Repository.create(tmp_path / "team").origin) if "remote" in request.param else ""
    return GitLedger(tmp_path / "ledger.git", "gitops-mesh/ledger/test", "test", remote=remote)


def entry(sequence: int, key: ObjectKey = REVIEWS, operation: str = "r-1") -> Entry:
    return replace(ENTRY, sequence=sequence, objects=(key,), operation=operation, at=ENTRY.at + sequence)


def told(ledger: Ledger, key: ObjectKey | None = None, limit: int = 0) -> list[int]:
    return [recorded.entry.sequence for recorded in ledger.history(key, limit)]


def test_an_empty_ledger_knows_nothing(ledger: Ledger) -> None:
    assert ledger.objects() == {}
    assert list(ledger.history()) == []
    assert ledger.get("0" * 40) is None
    assert ledger.push()


def test_a_blob_is_stored_once_whatever_refers_to_it(ledger: Ledger) -> None:
    content = b"spec: {}\n\x00\xff"
    blob = ledger.put(content)
    assert ledger.put(content) == blob
    assert ledger.get(blob) == content
    assert ledger.put(b"") != blob
    assert list(ledger.history()) == []


def test_an_entry_is_read_back_as_it_was_recorded(ledger: Ledger) -> None:
    bare = Entry("w-1", 0, Event.CREATED, "created", 1_800_000_001.0, ())
    ledger.record(Batch((ENTRY, bare)))
    second, first = ledger.history()
    assert first == Recorded(ENTRY, first.commit, "test")
    assert second == Recorded(bare, second.commit, "test")
    assert first.commit != second.commit


def test_recording_again_changes_nothing(ledger: Ledger) -> None:
    batch = Batch((entry(1), entry(2)), {REVIEWS: CHANGE}, {"r-1": '{"requests": 1}\n'})
    ledger.record(batch)
    before = list(ledger.history())
    ledger.record(batch)
    ledger.record(Batch((entry(2),), {REVIEWS: TreeChange("other", None, None)}))
    assert list(ledger.history()) == before
    assert ledger.objects()[REVIEWS] == LedgerObject(
        REVIEWS, "kind: VirtualService\n", "accepted: yes\n", '{"epoch": 1}\n'
    )


def test_the_same_entry_twice_in_a_batch_is_one(ledger: Ledger) -> None:
    ledger.record(Batch((entry(1), entry(2), entry(1))))
    assert told(ledger) == [2, 1]


def test_what_a_crash_left_out_is_added_with_the_tree(ledger: Ledger) -> None:
    ledger.record(Batch((entry(1),)))
    ledger.record(Batch((entry(1), entry(2), entry(3)), {REVIEWS: CHANGE}))
    assert told(ledger) == [3, 2, 1]
    assert ledger.objects()[REVIEWS].live == CHANGE.live


def test_one_sequence_number_of_two_operations_is_two_entries(ledger: Ledger) -> None:
    ledger.record(Batch((entry(1), entry(1, operation="r-2"))))
    assert [recorded.entry.operation for recorded in ledger.history()] == ["r-2", "r-1"]


def test_a_change_replaces_and_none_removes(ledger: Ledger) -> None:
    ledger.record(Batch((entry(1),), {REVIEWS: CHANGE, CLASS: TreeChange("kind: Namespace\n", None, None)}))
    assert list(ledger.objects()) == [CLASS, REVIEWS]
    ledger.record(Batch((entry(2),), {REVIEWS: TreeChange("new", None, "{}")}))
    assert ledger.objects()[REVIEWS] == LedgerObject(REVIEWS, "new", None, "{}")
    assert ledger.objects()[CLASS] == LedgerObject(CLASS, "kind: Namespace\n", None, None)
    ledger.record(Batch((entry(3),), {REVIEWS: TreeChange(None, None, None)}))
    assert list(ledger.objects()) == [CLASS]
    ledger.record(Batch((entry(4),), {REVIEWS: TreeChange(None, None, None)}))
    assert told(ledger) == [4, 3, 2, 1]


def test_what_was_seen_before_stays_as_it_was_seen(ledger: Ledger) -> None:
    ledger.record(Batch((entry(1),), {REVIEWS: CHANGE}))
    seen = ledger.objects()
    ledger.record(Batch((entry(2),), {REVIEWS: TreeChange("new", None, None)}))
    assert seen[REVIEWS].live == CHANGE.live


def test_history_of_one_object_and_no_more_than_asked(ledger: Ledger) -> None:
    other = replace(REVIEWS, name="reviews-2")
    for number in range(1, 7):
        ledger.record(Batch((entry(number, REVIEWS if number % 2 else other),)))
    assert told(ledger, REVIEWS) == [5, 3, 1]
    assert told(ledger, other, limit=2) == [6, 4]
    assert told(ledger, limit=3) == [6, 5, 4]
    assert told(ledger, replace(REVIEWS, namespace="other")) == []


def test_a_secret_is_refused_and_nothing_of_its_batch_is_kept(ledger: Ledger) -> None:
    secret = ObjectKey("", "Secret", "shop", "token")
    with pytest.raises(LedgerError, match="Secret"):
        ledger.record(Batch((entry(1),), {REVIEWS: CHANGE, secret: TreeChange("kind: Secret", None, None)}))
    with pytest.raises(LedgerError, match="Secret"):
        ledger.record(Batch((entry(2, secret),)))
    assert list(ledger.history()) == []
    assert ledger.objects() == {}


def test_after_a_push_nothing_is_left(ledger: Ledger) -> None:
    ledger.record(Batch((entry(1),)))
    assert ledger.push()
    ledger.record(Batch((entry(2),)))
    assert ledger.push()
    assert ledger.push()
