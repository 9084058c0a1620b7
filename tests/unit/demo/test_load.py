"""The service and the load against each other, on real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from gitops_mesh.demo import wire
from gitops_mesh.demo.load import Answers, Load, Target


@contextmanager
def backends(mesh_port: int = 9) -> Iterator[dict[str, int]]:
    command = [sys.executable, "-m", "gitops_mesh.demo.backends", "--mesh-port", str(mesh_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            yield json.loads(child.stdout.readline())
        finally:
            child.terminate()


def until(load: Load, enough: Callable[[Answers], bool]) -> Answers:
    deadline = monotonic() + 20
    pause = threading.Event()
    while not enough(load.answers()):
        assert monotonic() < deadline, load.answers()
        pause.wait(0.05)
    return load.answers()


def counts(port: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(asyncio.run(wire.get(port, "control", "/counts")).body)
    return found


def test_the_failing_version_fails_its_share_and_the_others_none() -> None:
    with backends() as ports:
        targets = [Target(v, ports[v], "reviews", "/", 200) for v in ("v1", "v3")]
        with Load(targets) as load:
            until(load, lambda a: min(a.served.get(("reviews-v1", 200), 0), a.served.get(("reviews-v3", 200), 0)) >= 60)
        seen, counted = load.answers(), counts(ports["control"])
    failed, fine = seen.served["reviews-v3", 500], seen.served["reviews-v3", 200]
    assert failed / (failed + fine) == pytest.approx(1 / 6, abs=0.03)
    assert counted["v3"]["errors"] in (failed, failed + 1)
    assert ("reviews-v1", 500) not in seen.served
    assert counted["v1"]["errors"] == 0
    assert counted["v2"]["requests"] == 0
    assert not seen.foreign
    assert not seen.lost
    assert len(seen.latencies["reviews-v1"]) == seen.served["reviews-v1", 200]


def test_the_rate_is_steady() -> None:
    with backends() as ports, Load([Target("v1", ports["v1"], "reviews", "/", 100)]) as load:
        until(load, lambda a: a.total > 0)
        began, first = monotonic(), load.answers().total
        until(load, lambda a: a.total >= first + 150)
        assert (load.answers().total - first) / (monotonic() - began) == pytest.approx(100, rel=0.25)


def test_an_answer_without_a_backends_mark_is_told_apart() -> None:
    answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"
    with scripted(answer) as port, Load([Target("mesh", port, "reviews", "/", 50, connections=1)]) as load:
        seen = until(load, lambda a: a.foreign_503 >= 3)
    assert not seen.served


def test_a_kept_connection_that_was_closed_is_no_loss() -> None:
    """The server closes after every answer, without saying so first."""
    answer = b"HTTP/1.1 200 OK\r\nx-served-by: x\r\ncontent-length: 0\r\n\r\n"
    with scripted(answer, each=1) as port, Load([Target("mesh", port, "reviews", "/", 50, connections=1)]) as load:
        seen = until(load, lambda a: a.total >= 5)
    assert not seen.lost


def test_half_an_answer_is_a_loss() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-le"
    with scripted(half, each=1) as port, Load([Target("mesh", port, "reviews", "/", 50, connections=1)]) as load:
        seen = until(load, lambda a: a.lost.get("mesh", 0) >= 3)
    assert not seen.served


def test_nobody_there_is_a_loss() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Load([Target("mesh", port, "reviews", "/", 50)]) as load:
        assert until(load, lambda a: a.lost.get("mesh", 0) >= 3).total >= 3


def test_the_frontend_tells_what_reviews_said_or_that_it_is_away() -> None:
    with backends() as ports:
        away = json.loads(asyncio.run(wire.get(ports["frontend"], "shop", "/")).body)
        with backends(ports["v2"]) as others:
            there = json.loads(asyncio.run(wire.get(others["frontend"], "shop", "/")).body)
    assert away == {"service": "frontend", "reviews": "unavailable"}
    assert there["reviews"] == {"version": "v2", "stars": 5}


def test_what_is_no_http_gets_no_answer_and_harms_nobody() -> None:
    with backends() as ports:
        with socket.create_connection(("127.0.0.1", ports["v1"])) as line:
            line.sendall(b"\x00\x01garbage\r\n\r\n")
            assert line.recv(100) == b""
        assert asyncio.run(wire.get(ports["v1"], "reviews", "/")).status == 200


@contextmanager
def scripted(answer: bytes, each: int = 1_000_000) -> Iterator[int]:
    """A server that answers every request with these bytes, `each` times on one connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def converse(line: socket.socket) -> None:
        with line:
            for _ in range(each):
                if not line.recv(4096):
                    return
                line.sendall(answer)

    def work() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(line,), daemon=True).start()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)
