"""From counters of many processes to increments."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.metrics.prometheus.counters import KEPT, Counters, Value
from gitops_mesh.metrics.prometheus.preset import Counted, Identity

V1: Identity = ("reviews", "version", "v1")
V2: Identity = ("reviews", "version", "v2")


def value(count: float, *, of: Identity = V1, process: str = "a", name: bytes = b"200", failed: bool = False) -> Value:
    return Value(of, Counted.REQUESTS, process, name, 0.0, failed, count)


def bucket(edge: float, count: float) -> Value:
    return Value(V1, Counted.BUCKETS, "a", str(edge).encode(), edge, False, count)


def requests(readings: Sequence[Sequence[Value]]) -> list[int | None]:
    """The requests of V1 at each reading, a second apart; `None` where nothing is told."""
    counters = Counters()
    found = (counters.add(values, [V1], float(now)).get(V1) for now, values in enumerate(readings))
    return [sums.requests if sums else None for sums in found]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([40, 65], [None, 25]),
        ([40, 40], [None, 0]),
        ([65, 10], [None, 10]),
        ([65, 60, 66], [None, 0, 1]),
        ([65, 33, 65], [None, 0, 0]),
        ([100, 40, 100], [None, 40, 60]),
        ([0.4, 1.6], [None, 1]),
    ],
    ids=[
        "rises",
        "stands still",
        "a restart",
        "a replica lags",
        "and lags far",
        "a restart, then more",
        "whole numbers",
    ],
)
def test_one_counter(counts: list[float], expected: list[int | None]) -> None:
    assert requests([[value(count)] for count in counts]) == expected


def test_the_first_reading_tells_nothing_and_the_next_one_zeros_where_there_is_no_counter() -> None:
    assert requests([[], [], []]) == [None, 0, 0]


def test_a_new_counter_of_a_process_that_was_there_began_at_0() -> None:
    assert requests([[value(40)], [value(40), value(3, name=b"503")]]) == [None, 3]


def test_a_process_that_is_new_tells_nothing_of_the_time_before() -> None:
    other = [value(count, process="b", name=b"of b") for count in (5000, 5007)]
    assert requests([[value(40)], [value(40), other[0]], [value(40), other[1]]]) == [None, 0, 7]


def test_a_process_that_comes_back_is_remembered_for_an_hour() -> None:
    assert requests([[value(5000)], [], [value(5007)]]) == [None, 0, 7]
    for seconds, rise in ((KEPT - 100, 7), (KEPT + 100, 0)):
        counters = Counters()
        counters.add([value(5000)], [V1], 0)
        counters.add([], [V1], 1)
        assert counters.add([value(5007)], [V1], seconds)[V1].requests == rise


def test_history_before_a_destination_was_asked_for_does_not_count() -> None:
    """Its counters are new to us, though the process that keeps them is not."""
    counters = Counters()
    counters.add([value(10, of=V2, name=b"v2")], [V2], 0)
    assert V1 not in counters.add([value(10, of=V2, name=b"v2"), value(90_000)], [V1, V2], 1)
    assert counters.add([value(90_004)], [V1, V2], 2)[V1].requests == 4


def test_nor_does_it_when_the_process_was_away_as_it_began_to_be_asked_for() -> None:
    counters = Counters()
    counters.add([value(10, of=V2, name=b"v2")], [V2], 0)
    counters.add([], [V1, V2], 1)
    sums = counters.add([value(11, of=V2, name=b"v2"), value(90_000)], [V1, V2], 2)
    assert (sums[V1].requests, sums[V2].requests) == (0, 1)


def test_what_is_not_asked_for_is_forgotten() -> None:
    counters = Counters()
    counters.add([value(10)], [V1], 0)
    counters.add([value(10, of=V2)], [V2], 1)
    assert V1 not in counters.add([value(500)], [V1], 2)
    counters.forget()
    assert counters.add([value(501)], [V1], 3) == {}


def test_failed_requests_are_requests_and_errors_alone_are_not() -> None:
    counters = Counters()
    error = Value(V1, Counted.ERRORS, "a", b"x", 0.0, True, 0)
    counters.add([value(0), value(0, name=b"503", failed=True), error], [V1], 0)
    error = Value(V1, Counted.ERRORS, "a", b"x", 0.0, True, 2)
    sums = counters.add([value(7), value(3, name=b"503", failed=True), error], [V1], 1)[V1]
    assert (sums.requests, sums.errors) == (10, 5)


def test_every_edge_of_a_histogram_is_there() -> None:
    counters = Counters()
    counters.add([bucket(0.1, 5), bucket(1, 9)], [V1], 0)
    assert counters.add([bucket(0.1, 5), bucket(1, 12)], [V1], 1)[V1].buckets == {0.1: 0, 1: 3}


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=6), max_size=8),
    st.sets(st.integers(0, 8)),
)
def test_whatever_is_scraped_late_is_counted_once(rounds: list[list[tuple[str, int]]], gaps: set[int]) -> None:
    """Processes only count up; some readings miss one of them: in the end all is told, from the first reading on."""
    totals, counters, told = dict.fromkeys("abc", 1000), Counters(), 0
    start = [value(count, process=p, name=p.encode()) for p, count in totals.items()]
    counters.add(start, [V1], 0)
    for now, risen in enumerate(rounds, 1):
        for process, amount in risen:
            totals[process] += amount
        missing = "abc"[now % 3] if now in gaps else ""
        values = [value(count, process=p, name=p.encode()) for p, count in totals.items() if p != missing]
        told += counters.add(values, [V1], now)[V1].requests
    last = [value(count, process=p, name=p.encode()) for p, count in totals.items()]
    told += counters.add(last, [V1], len(rounds) + 1)[V1].requests
    assert told == sum(totals.values()) - 3000


def outcomes(readings: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Requests and errors at each reading but the first, of one process with counters of good and failed ones."""
    counters = Counters()
    sums = [
        counters.add([value(good), value(bad, name=b"503", failed=True)], [V1], float(now)).get(V1)
        for now, (good, bad) in enumerate(readings)
    ]
    return [(one.requests, one.errors) for one in sums if one]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([(100, 3), (90, 1), (105, 3)], [(0, 0), (5, 0)]),
        ([(100, 3), (100, 1), (100, 3)], [(1, 1), (2, 2)]),
        ([(400, 4), (250, 1), (450, 3)], [(0, 0), (453, 3)]),
        ([(400, 4), (250, 6), (260, 7)], [(252, 2), (11, 1)]),
        ([(1000, 500), (600, 200), (1000, 240)], [(0, 0), (1240, 240)]),
        ([(100, 10), (90, 9), (100, 10), (101, 9)], [(0, 0), (0, 0), (10, 9)]),
    ],
    ids=[
        "a replica lags, and no error is made up",
        "one counter alone was dropped and began again",
        "a restart looks like a lag until one counter is higher",
        "a restart that one counter outran",
        "a restart looks like a lag until too little is left",
        "a lag that is over is forgotten",
    ],
)
def test_counters_of_a_process_fall_together(
    counts: list[tuple[float, float]], expected: list[tuple[int, int]]
) -> None:
    assert outcomes(counts) == expected


def test_a_restart_of_one_process_is_none_of_another() -> None:
    counters = Counters()
    counters.add([value(100), value(100, process="b", name=b"b")], [V1], 0)
    assert counters.add([value(10), value(130, process="b", name=b"b")], [V1], 1)[V1].requests == 40
    assert counters.add([value(9), value(131, process="b", name=b"b")], [V1], 2)[V1].requests == 1
