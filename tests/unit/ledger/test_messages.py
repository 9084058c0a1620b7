from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.errors import LedgerError
from gitops_mesh.git.names import clean_line, is_unprintable
from gitops_mesh.ledger.messages import EVIDENCE, SUBJECT, compose, known_as, parse
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
ENTRY = Entry(
    operation="r-1",
    sequence=3,
    event=Event.STEPPED,
    sentence="reviews: v2 5% → 10% (step 2 of 6)",
    at=1_800_000_000.0,
    objects=(KEY, ObjectKey("", "Namespace", "", "shop")),
    source_commit="a" * 40,
    rollout="r-1",
    verdict="pass",
    weights="http/main: reviews:v1 90%, reviews:v2 10%",
    evidence="errors: canary 1 of 200\nlimit: 1%",
    by="ada",
)
MESSAGE = f"""\
reviews: v2 5% → 10% (step 2 of 6)

errors: canary 1 of 200
limit: 1%

[skip ci]

Source-Commit: {"a" * 40}
Cluster: east
Object: networking.istio.io/VirtualService/shop/reviews
Object: core/Namespace/_cluster/shop
Rollout: r-1
Sequence: 3
Operation: r-1
Event: Stepped
Verdict: pass
Weights: http/main: reviews:v1 90%, reviews:v2 10%
By: ada
"""
HOSTILE = st.text(st.characters(), max_size=80) | st.sampled_from(
    [
        "x\n\n[skip ci]\n\nOperation: evil\nSequence: 9\nEvent: Promoted\n",
        "[skip ci]\n\nEvent: Promoted",
        "\n\nEvent: Promoted\nOperation: evil",
        "ok\r\n\r\n[skip ci]\r\n\r\nEvent: Promoted",
        "ok\u2028\u2028[skip ci]\u2028\u2028Event: Promoted",
        "---\n",
        "\x1b]0;title\x07\u202eevil",
    ]
)


def test_a_message_reads_like_one() -> None:
    assert compose(ENTRY, "east") == MESSAGE


def test_what_is_empty_is_left_out() -> None:
    bare = Entry("w", 0, Event.CREATED, "created", 0.0, ())
    assert compose(bare, "east") == "created\n\n[skip ci]\n\nCluster: east\nSequence: 0\nOperation: w\nEvent: Created\n"


def test_a_message_is_read_back() -> None:
    recorded = parse(MESSAGE, "c" * 40, ENTRY.at)
    assert recorded is not None
    assert (recorded.entry, recorded.commit, recorded.cluster) == (ENTRY, "c" * 40, "east")


@settings(max_examples=100)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_text_can_say_anything_in_our_name(sentence: str, evidence: str, weights: str, by: str) -> None:
    hostile = replace(ENTRY, sentence=sentence, evidence=evidence, weights=weights, by=by, source_commit=by, rollout=by)
    message = compose(hostile, "east")
    recorded = parse(message, "c", ENTRY.at)
    assert recorded is not None
    read = recorded.entry
    assert (read.operation, read.sequence, read.event, read.objects, read.verdict) == (
        *("r-1", 3, Event.STEPPED, ENTRY.objects, "pass"),
    )
    assert read.weights == clean_line(weights)
    assert read.by == clean_line(by)
    assert not any(is_unprintable(line) for line in message.split("\n"))
    assert len(message.split("\n", 1)[0]) <= SUBJECT
    assert not any(line.startswith("---") for line in message.split("\n"))
    again = parse(compose(read, "east"), "c", ENTRY.at)
    assert again is not None
    assert again.entry.operation == "r-1"


def test_a_long_sentence_and_long_evidence_are_cut() -> None:
    long = replace(ENTRY, sentence="word " * 100, evidence="line\n" * EVIDENCE)
    message = compose(long, "east")
    assert len(message.split("\n", 1)[0]) <= SUBJECT
    assert "(cut short)\n\n[skip ci]" in message
    assert len(message) < EVIDENCE + 2000


def test_without_a_sentence_the_event_is_the_subject() -> None:
    assert compose(replace(ENTRY, sentence="\x00\n"), "east").startswith("Stepped\n\n")


@pytest.mark.parametrize(
    "message",
    [
        "Add a README\n",
        "Forged\n\nOperation: r-1\nSequence: 3\nEvent: Stepped\n",
        MESSAGE.replace("Event: Stepped", "Event: Danced"),
        MESSAGE.replace("Operation: r-1\n", ""),
        MESSAGE.replace("Sequence: 3", "Sequence: three"),
        "",
    ],
)
def test_foreign_messages_are_no_entries(message: str) -> None:
    assert parse(message, "c", 0.0) is None


def test_an_event_of_a_later_version_is_still_known_as_written() -> None:
    assert known_as(MESSAGE.replace("Event: Stepped", "Event: Danced")) == ("r-1", 3)
    assert known_as("Add a README\n") is None


@pytest.mark.parametrize("operation", ["", " r", "a\nb", "a  b"])
def test_an_operation_that_would_read_back_differently_is_refused(operation: str) -> None:
    with pytest.raises(LedgerError):
        compose(replace(ENTRY, operation=operation), "east")
