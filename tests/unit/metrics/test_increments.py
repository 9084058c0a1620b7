"""From samples to increments."""

from __future__ import annotations

import pytest

from gitops_mesh.metrics.increments import Increments, Sample, increment
from gitops_mesh.model.measurements import Counts

A = frozenset({"a"})


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Sample(40), Sample(65), Counts(25)),
        (Sample(40), Sample(40), Counts(0)),
        (Sample(65, failed=9), Sample(10, failed=2), Counts(10, 2)),
        (Sample(10, failed=1), Sample(30, failed=6), Counts(20, 5)),
        (Sample(10), Sample(20, failed=2, unavailable=2, resets=1, closed=1), Counts(10, 2)),
        (Sample(10), Sample(20, closed=3, retried=1), Counts(10, 2)),
        (Sample(10), Sample(20, resets=3), Counts(10, 3)),
        (Sample(10), Sample(20, failed=1, timeouts=1, timed_out=3), Counts(10, 3)),
        (Sample(10), Sample(20, failed=4, timeouts=4), Counts(10, 4)),
        (Sample(10), Sample(12, closed=50), Counts(2, 2)),
        (Sample(10), Sample(20, failed=3, unavailable=3), Counts(10, 3)),
    ],
    ids=[
        "rises",
        "stands still",
        "began again",
        "failures",
        "resets that were answered with 503",
        "a reset that was tried again",
        "answers cut short",
        "an answer too late after its status",
        "timeouts that were answered with 504",
        "never more errors than requests",
        "503s of the destination",
    ],
)
def test_an_increment(before: Sample, now: Sample, expected: Counts) -> None:
    assert increment(before, now) == expected


def test_buckets_rise_edge_by_edge_and_begin_again_with_their_series() -> None:
    before = Sample(10, buckets={0.5: 4, float("inf"): 10})
    assert increment(before, Sample(14, buckets={0.5: 5, float("inf"): 14})).buckets == ((0.5, 1), (float("inf"), 4))
    assert increment(before, Sample(3, buckets={0.5: 1, float("inf"): 3})).buckets == ((0.5, 1), (float("inf"), 3))


def test_latency_that_lags_behind_the_counters_comes_later_and_is_not_lost() -> None:
    increments = Increments()
    increments.add({"a": Sample(0, buckets={1.0: 0})}, A)
    first = increments.add({"a": Sample(5, buckets={1.0: 0})}, A)["a"]
    second = increments.add({"a": Sample(5, buckets={1.0: 5})}, A)["a"]
    assert (first.requests, first.buckets) == (5, ((1.0, 0),))
    assert (second.requests, second.buckets) == (0, ((1.0, 5),))


def test_a_first_sample_brings_nothing() -> None:
    increments = Increments()
    assert increments.add({"a": Sample(40)}, A) == {}
    assert increments.add({"a": Sample(41)}, A) == {"a": Counts(1)}


def test_a_gap_adds_nothing_and_begins_anew() -> None:
    increments = Increments()
    increments.add({"a": Sample(40)}, A)
    assert increments.add({}, A) == {}
    assert increments.add({"a": Sample(90)}, A) == {}
    assert increments.add({"a": Sample(91)}, A) == {"a": Counts(1)}


def test_what_is_not_watched_is_forgotten() -> None:
    increments = Increments()
    increments.add({"a": Sample(1), "b": Sample(1)}, frozenset({"a", "b"}))
    assert increments.add({"a": Sample(2), "b": Sample(2)}, A) == {"a": Counts(1)}
    assert increments.add({"a": Sample(3), "b": Sample(3)}, frozenset({"a", "b"})) == {"a": Counts(1)}
