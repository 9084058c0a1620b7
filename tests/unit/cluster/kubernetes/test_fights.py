"""When corrections stop, and calls that hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gitops_mesh.cluster.kubernetes.calls import Calls, Late
from gitops_mesh.cluster.kubernetes.fights import ROUNDS, WITHIN, Fights
from gitops_mesh.errors import Conflict, Contested, Unreachable
from gitops_mesh.model.objects import ObjectKey
from tests.fakes.clock import VirtualClock

KEY, OTHER = (ObjectKey("networking.istio.io", "VirtualService", "shop", name) for name in ("reviews", "ratings"))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def test_a_manager_that_comes_back_too_often_is_left_alone_and_named() -> None:
    fights = Fights()
    for _ in range(ROUNDS):
        fights.correct(KEY, ["kubectl-edit"])
    fights.correct(OTHER, ["kubectl-edit"])
    with pytest.raises(Contested, match="kubectl-edit keeps changing it"):
        fights.correct(KEY, ["kubectl-edit"])


def test_asking_in_vain_does_not_prolong_the_peace() -> None:
    clock = VirtualClock()
    fights = Fights(clock.monotonic)
    for _ in range(ROUNDS):
        fights.correct(KEY, ["kubectl-edit"])
    for _ in range(10):
        clock.advance(WITHIN / 12)
        with pytest.raises(Contested):
            fights.correct(KEY, ["kubectl-edit"])
    clock.advance(WITHIN / 4)
    fights.correct(KEY, ["kubectl-edit"])


def test_a_lost_fight_is_remembered_for_its_version_only() -> None:
    fights = Fights()
    lost = Contested("flagger owns it")
    fights.lost(KEY, "7", lost)
    assert fights.over(KEY, "7") is lost
    assert fights.over(OTHER, "7") is None
    assert fights.over(KEY, "8") is None
    assert fights.over(KEY, "7") is None, "the object changed since, and may change again"


def test_answers_come_in_order_and_errors_are_answers(pool: ThreadPoolExecutor) -> None:
    def conflicting() -> int:
        raise Conflict("changed")

    answers = Calls[int](pool).all([(KEY, "", lambda: 1), (OTHER, "", conflicting)])
    assert answers[0] == 1
    assert isinstance(answers[1], Conflict)


def test_calls_of_one_chain_run_one_after_another(pool: ThreadPoolExecutor) -> None:
    order: list[int] = []
    Calls[None](pool).all([(KEY, "rollout", lambda n=n: order.append(n)) for n in range(20)])  # type: ignore[misc]
    assert order == list(range(20))


def test_a_call_that_hangs_is_late_and_gets_no_second_one(pool: ThreadPoolExecutor) -> None:
    calls, gate = Calls[int](pool, patience=0.1), threading.Event()

    def hanging() -> int:
        gate.wait(20)
        return 2

    assert isinstance(calls.all([(KEY, "", hanging), (OTHER, "", lambda: 1)])[0], Late)
    again = calls.all([(KEY, "", lambda: 3), (OTHER, "", lambda: 1)])
    assert isinstance(again[0], Late)
    assert again[1] == 1
    gate.set()
    pool.shutdown(wait=True)


def test_only_when_nobody_was_reached_is_the_cluster_away(pool: ThreadPoolExecutor) -> None:
    def away() -> int:
        raise Unreachable("away")

    with pytest.raises(Unreachable):
        Calls[int](pool).all([(KEY, "", away), (OTHER, "", away)])
    assert Calls[int](pool).all([(KEY, "", away), (OTHER, "", lambda: 1)])[1] == 1
    assert Calls[int](pool).all([]) == []
