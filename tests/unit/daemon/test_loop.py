"""The decision loop: what wakes it, what it survives, how it ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gitops_mesh.daemon import run
from gitops_mesh.errors import Busy, ClusterError, Unreachable
from gitops_mesh.model.revisions import Fetch
from tests.fakes.app import HEAD, FakeApp, ended, raising

QUICK = 0.001


def test_it_fetches_then_ticks_and_ends_when_told(tmp_path: Path) -> None:
    app = FakeApp(tmp_path)
    run(app)
    assert app.calls()[:2] == ["refresh", "tick"]


def test_a_tick_that_wants_another_gets_it_at_once(tmp_path: Path) -> None:
    app = FakeApp(tmp_path)
    app.on_tick = [lambda: 0.0, lambda: 0.01, ended]
    run(app)
    assert app.calls().count("tick") == 3


def test_sigint_ends_it_too_after_the_tick(tmp_path: Path) -> None:
    app = FakeApp(tmp_path)
    finished = []

    def tick() -> float:
        os.kill(os.getpid(), signal.SIGINT)
        finished.append(True)
        return 3600.0

    app.on_tick = [tick]
    run(app)
    assert finished == [True]


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    app = FakeApp(tmp_path)

    def tick() -> float:
        ended()
        ended()
        raise AssertionError("the tick went on")

    app.on_tick = [tick]
    with pytest.raises(KeyboardInterrupt):
        run(app)


def test_signals_are_given_back(tmp_path: Path) -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    run(FakeApp(tmp_path))
    assert [signal.getsignal(number) for number in numbers] == before


def test_sighup_fetches_and_news_wake_the_loop(tmp_path: Path) -> None:
    app = FakeApp(tmp_path)

    def hup() -> float:
        os.kill(os.getpid(), signal.SIGHUP)
        return 3600.0

    app.on_refresh = [app.fetched, lambda: Fetch("beef", changed=True)]
    app.on_tick = [lambda: hup() if app.refreshes < 2 else ended()]
    run(app)
    assert app.calls()[-2:] == ["refresh", "tick"]


def test_a_fetch_that_brings_nothing_wakes_nobody(tmp_path: Path) -> None:
    app = FakeApp(tmp_path, interval=0.1)
    app.source.revision = HEAD
    app.on_tick = [lambda: 3600.0]

    def last() -> Fetch:
        ended()
        return app.fetched()

    app.on_refresh = [app.fetched, app.fetched, app.fetched, app.fetched, last]
    run(app)
    assert app.calls().count("tick") <= 2, "the first, and one for the first fetch"


def test_it_polls_at_the_interval(tmp_path: Path) -> None:
    app = FakeApp(tmp_path, interval=0.1)
    app.on_refresh = [lambda: app.fetched() and Fetch("beef", changed=True)]
    app.on_tick = [lambda: 3600.0 if app.refreshes < 3 else ended()]
    run(app)
    assert app.refreshes == 3


def test_a_fetch_that_hangs_delays_no_tick_and_no_end(tmp_path: Path) -> None:
    app = FakeApp(tmp_path)
    app.source.revision = "0" * 40  # from an earlier life
    never = threading.Event()

    def hang() -> Fetch:
        never.wait(60)
        return app.fetched()

    app.on_refresh = [hang]
    app.on_tick = [lambda: 0.0, lambda: 0.0, ended]
    began = time.monotonic()
    run(app)
    assert app.calls().count("tick") == 3
    assert time.monotonic() - began < 10
    never.set()


def test_a_source_that_is_away_is_said_once_and_once_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = FakeApp(tmp_path)

    def away() -> Fetch:
        raise Unreachable("git.example.com does not answer", remedy="look at the network")

    app.on_refresh = [away, away, away, app.fetched]
    with caplog.at_level(logging.INFO):
        run(app, backoff=QUICK)
    told = [r.getMessage() for r in caplog.records if "source" in r.getMessage()]
    assert told == [
        (
            "the source cannot be fetched, tried again with backoff: git.example.com does not answer\n"
            "  → look at the network"
        ),
        "the source is back after 3 failures",
    ]
    assert "tick" in app.calls()


def test_a_mistake_of_ours_is_logged_whole_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = FakeApp(tmp_path)
    app.on_tick = [raising(ZeroDivisionError("oh")), raising(ClusterError("no")), ended]

    def broken() -> Fetch:
        raise ZeroDivisionError("ah")

    app.on_refresh = [broken, app.fetched]
    with caplog.at_level(logging.INFO):
        run(app, backoff=QUICK)
    tracebacks = [r.getMessage() for r in caplog.records if r.exc_info]
    assert tracebacks == ["fetching the source failed unexpectedly", "a pass failed unexpectedly"]
    told = [r.getMessage() for r in caplog.records]
    assert "a pass failed, tried again with backoff: no" in told
    assert "passes succeed again after 2 failures" in told


def test_a_cluster_that_is_away_is_said_once_and_once_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = FakeApp(tmp_path)

    def found(problem: str) -> float:
        app.problems["demo"] = problem
        return 0.0

    app.on_tick = [lambda: found("refused"), lambda: found("refused"), lambda: found(""), ended]
    with caplog.at_level(logging.INFO):
        run(app)
    assert [r.getMessage() for r in caplog.records if "cluster" in r.getMessage()] == [
        "cluster demo is away, tried again with backoff: refused",
        "cluster demo is back after 2 failures",
    ]


def test_a_rewritten_branch_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = FakeApp(tmp_path)

    def rewritten() -> Fetch:
        app.source.revision = "beef"
        return Fetch("beef", changed=True, rewritten=True)

    app.on_refresh = [rewritten]
    run(app)
    assert "the branch was rewritten: beef does not descend" in caplog.text


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        app = FakeApp(tmp_path, server=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Busy) as error:
            run(app)
    assert "`server` in gitops-mesh.yaml" in error.value.remedy
    assert app.calls() == []
