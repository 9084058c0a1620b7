"""Reading answers that may be anything."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.metrics.prometheus.answers import Odd, clean, refusal, vector
from tests.fakes import query_api

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_counters_are_read_and_what_is_none_is_passed_over() -> None:
    odd = ("NaN", "+Inf", "-Inf", "-1", "1e300")
    answer = query_api.vector(({"a": "b"}, 5), *(({"a": value}, value) for value in odd), ({}, "0"))
    assert vector(answer.body) == [({"a": "b"}, 5.0), ({}, 0.0)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "its answer is no JSON; is there a Prometheus at this URL?"),
        (b"", "its answer is no JSON"),
        (b"[" * 100_000, "its answer is no JSON"),
        (b"[]", "its answer is no answer of Prometheus'"),
        (b"{}", "it says nothing that can be understood"),
        (b'{"status": "error", "errorType": "bad_data", "error": "parse\\nerror"}', "it says bad_data: parse error"),
        (query_api.told(None).body, "has not the shape of an instant vector"),
        (query_api.told({"resultType": "matrix", "result": []}).body, "gives a matrix, where an instant vector"),
        (query_api.told({"resultType": "vector", "result": 7}).body, "has not the shape"),
        (query_api.told({"resultType": "vector", "result": [{"metric": {}, "value": [1]}]}).body, "has not the shape"),
        (query_api.told({"resultType": "vector", "result": [{"metric": {}, "histogram": []}]}).body, "has not the s"),
        (query_api.vector(({}, "many")).body, "has not the shape"),
        (query_api.vector(({"a": 1}, 1)).body, "has labels that are no texts"),
        (query_api.told({"resultType": "vector", "result": [{"metric": 1, "value": [1, "1"]}]}).body, "has labels"),
    ],
)
def test_what_is_no_vector_is_odd(body: bytes, said: str) -> None:
    with pytest.raises(Odd) as error:
        vector(body)
    assert said in str(error.value)


@settings(max_examples=50)
@given(JSON, JSON, JSON)
def test_no_answer_raises_anything_else(data: Any, metric: Any, value: Any) -> None:
    one = {"resultType": "vector", "result": [{"metric": metric, "value": value}]}
    for tree in (data, {"status": data}, {"status": "success", "data": data}, {"status": "success", "data": one}):
        try:
            found = vector(orjson.dumps(tree))
        except Odd:
            continue
        assert all(type(count) is float for _, count in found)


def test_what_the_other_side_says_is_one_short_printable_line() -> None:
    assert clean("a\x1b[31m\r\nb\u202e" + "c" * 1000) == "a [31m b " + "c" * 291 + "…"
    assert refusal(b"\xff") == ""
    assert refusal(b'{"error": "no"}') == "no"
