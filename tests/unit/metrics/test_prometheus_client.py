"""Asking a server that may do anything, over real HTTP."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_mesh.errors import Unreachable
from gitops_mesh.metrics.prometheus.client import LARGEST, MOST, PrometheusClient
from gitops_mesh.metrics.prometheus.signing import signature
from gitops_mesh.model.settings import PrometheusSettings
from tests.fakes.query_api import Answer, Asked, QueryApi, vector


@pytest.fixture
def api() -> Iterator[QueryApi]:
    made = QueryApi(lambda asked: vector(({"query": asked.query}, 1)))
    yield made
    made.close()


def client(api: QueryApi, timeout: float = 5.0, path: str = "", **settings: Any) -> PrometheusClient:
    return PrometheusClient(PrometheusSettings(api.url + path, **settings), timeout)


def refused(asking: PrometheusClient, *queries: str) -> str:
    with pytest.raises(Unreachable) as error:
        asking.ask(queries or ("up",))
    return error.value.message


def test_questions_are_posted_and_answered_in_order(api: QueryApi) -> None:
    asking = client(api, path="/prefix/")
    long = "x" * 1_000_000
    assert [series["query"] for ((series, _),) in asking.ask(["a", "b", long])] == ["a", "b", long]
    assert asking.asked == 3
    assert {asked.path for asked in api.asked} == {"/prefix/api/v1/query"}
    (timeout,) = api.asked[0].form["timeout"]
    assert 0 < int(timeout.removesuffix("ms")) <= 5000
    assert api.asked[0].form["partial_response"] == ["false"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_once_more(api: QueryApi, status: int) -> None:
    asking = client(api)
    api.faults = [Answer(status)]
    assert len(asking.ask(["up"])) == 1
    api.faults = [Answer(status, b'{"status": "error", "errorType": "x", "error": "busy"}')] * 2
    assert f"cannot be asked: x: busy (status {status})" in refused(asking)
    assert asking.asked == 4


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Answer(400, b'{"status": "error", "errorType": "bad_data", "error": "parse error"}'), "bad_data: parse error"),
        (Answer(401), "it does not let us in; check the token or the password (status 401)"),
        (Answer(403), "and what they may read (status 403)"),
        (Answer(404), "it has no query API there; check the URL's path (status 404)"),
        (Answer(302, headers={"location": "https://login/?secret"}), "it sends us elsewhere to https://login/ (status"),
        (Answer(418, b"teapot"), "no answer of Prometheus' (status 418)"),
        (Answer(200, b"{}"), "it says nothing that can be understood"),
    ],
)
def test_a_lasting_fault_is_told_at_once(api: QueryApi, fault: Answer, said: str) -> None:
    api.faults = [fault, Answer(599)]
    asking = client(api)
    assert said in refused(asking)
    assert asking.asked == 1


def test_nobody_there_is_tried_again_and_told_with_the_address() -> None:
    asking = PrometheusClient(PrometheusSettings("http://127.0.0.1:1"), 5.0)
    assert "Prometheus at http://127.0.0.1:1 cannot be asked: " in (said := refused(asking))
    assert said.endswith("Connection refused")
    assert asking.asked == 2


def test_an_answer_by_drops_holds_nobody_for_longer_than_a_reading(api: QueryApi) -> None:
    api.answer = lambda _: Answer(drops=True)
    asking = client(api, 0.2)
    began = time.monotonic()
    for _ in range(MOST):
        assert "it did not answer within 0.2 s" in refused(asking)
    assert time.monotonic() - began < 10
    assert "earlier questions are still being answered, by drops" in refused(asking)


def test_a_body_by_drops_is_given_up(api: QueryApi) -> None:
    api.answer = lambda _: Answer(body=b" ", drops=True)
    asking = client(api, 0.1)
    for _ in range(2 * MOST):
        assert "it did not answer within 0.1 s" in refused(asking)


def test_there_is_no_second_try_when_the_time_is_over(api: QueryApi) -> None:
    asking = PrometheusClient(PrometheusSettings("http://127.0.0.1:1"), 0.1)
    assert "Connection refused" in refused(asking)
    assert asking.asked == 1


def test_a_file_of_ours_that_is_not_there_is_named() -> None:
    asking = PrometheusClient(PrometheusSettings("https://127.0.0.1:1", ca_file="/none.pem"), 1.0)
    assert "cannot be asked: the file /none.pem cannot be read" in refused(asking)


def test_a_slow_answer_is_not_waited_for(api: QueryApi) -> None:
    def slow(_: Asked) -> Answer:
        time.sleep(0.5)
        return vector()

    api.answer = slow
    assert "it did not answer within 0.1 s" in refused(client(api, 0.1))


def test_an_answer_that_is_too_long_is_refused(api: QueryApi) -> None:
    api.answer = lambda _: Answer(body=b" " * (LARGEST + 1))
    asking = client(api, 30)
    assert "an answer has more than 64 MiB; let it scrape fewer labels" in refused(asking)
    assert asking.asked == 1


def test_secrets_that_the_other_side_repeats_are_not(api: QueryApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n")

    def repeating(asked: Asked) -> Answer:
        said = asked.headers["Authorization"]
        headers = {"location": f"https://login/{said}"} if asked.query == "moved" else {}
        body = f'{{"status": "error", "error": "no {said}"}}'.encode()
        return Answer({"moved": 302, "bad": 400}.get(asked.query, 200), body, headers)

    api.answer = repeating
    asking = client(api, token_file=str(tmp_path / "token"))
    for query in ("moved", "bad", "good"):
        said = refused(asking, query)
        assert "Bearer (secret)" in said
        assert "hunter2" not in said


def test_what_cannot_be_read_to_sign_in_is_named(
    api: QueryApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NONE", raising=False)
    empty, binary, two = (tmp_path / name for name in ("empty", "binary", "two"))
    empty.touch()
    binary.write_bytes(b"\xff\xfe")
    two.write_text("hun\nter2")
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"token_env": "NONE"}, "there is no token for Prometheus in the environment variable NONE"),
        ({"token_file": "/none"}, "the token for Prometheus in /none cannot be read: No such file or directory"),
        ({"token_file": str(empty)}, f"there is no token for Prometheus in {empty}"),
        ({"token_file": str(binary)}, f"the token for Prometheus in {binary} cannot be read: it is no text"),
        ({"token_file": str(two)}, f"the token in {two} has characters that no token can have"),
        ({"username": "u", "password_env": "NONE"}, "there is no password for Prometheus in the environment variable"),
    )
    for settings, said in cases:
        message = refused(client(api, **settings))
        assert said in message
        assert "hun" not in message
    assert api.asked == []


def test_a_password_is_sent_in_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("pässwörd\n")
    signed = signature(PrometheusSettings("x", username="mesh", password_file=str(tmp_path / "password")))
    assert signed.headers == {"Authorization": "Basic bWVzaDpww6Rzc3fDtnJk"}
    monkeypatch.setitem(os.environ, "TOKEN", "t")
    assert signature(PrometheusSettings("x", token_env="TOKEN")).headers == {"Authorization": "Bearer t"}
    assert signature(PrometheusSettings("x")).headers == {}
