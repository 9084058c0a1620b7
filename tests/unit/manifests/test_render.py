from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.manifests.render import to_yaml
from tests.fakes.meshes import entry, json_values, virtual_service


def test_an_object_reads_as_people_write_it() -> None:
    body = virtual_service(
        {"timeout": "1s", "route": [entry("v1", 90), entry("v2", 10)], "name": "main", "match": []},
        name="reviews",
    )
    body["metadata"]["annotations"] = {"note": "two\nlines\n", "on": "on"}
    body["status"] = {}
    assert (
        to_yaml(body)
        == """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
  annotations:
    note: |
      two
      lines
    "on": "on"
spec:
  hosts:
  - reviews
  http:
  - name: main
    match: []
    route:
    - destination:
        host: reviews
        subset: v1
      weight: 90
    - destination:
        host: reviews
        subset: v2
      weight: 10
    timeout: "1s"
status: {}
"""
    )


@pytest.mark.parametrize(
    "text",
    ["y", "N", "Yes", "off", "null", "~", "", "0644", "0o644", "1e3", "12:30:45", "2020-01-01", "=", "<<", "*a", "-"],
)
def test_what_some_yaml_reads_as_something_else_is_quoted(text: str) -> None:
    assert to_yaml({"key": text}) == f'key: "{text}"\n'
    assert to_yaml({text: 1}) == f'"{text}": 1\n'


@pytest.mark.parametrize("text", ["reviews.shop.svc.cluster.local", "v1", "/prefix/a", "shop/edge", "A-b_c"])
def test_plain_names_stay_plain(text: str) -> None:
    assert to_yaml({"key": text}) == f"key: {text}\n"


def test_order_of_keys_does_not_count() -> None:
    one = {"spec": {"b": 1, "a": {"d": 1, "c": 2}}, "kind": "X"}
    assert to_yaml(one) == to_yaml({"kind": "X", "spec": {"a": {"c": 2, "d": 1}, "b": 1}})


@pytest.mark.parametrize(
    "value",
    [
        "trailing \nspace",
        " leading\nspace",
        "ends\n\n",
        "\nstarts",
        "tab\tin\nlines",
        "a\r\nb",
        "line\u2028separator",
        "next\x85line",
        "bell\x07",
        "\x7f",
        "\ufeffmark",
        "a\n\nb",
        "a\n  indented\nb",
        "# no comment\n---\n...",
        1e22,
        -0.5,
        1.0,
        float("inf"),
        -float("inf"),
        2**63,
        True,
        None,
        [],
        {},
        [[], {}, [[1, {"a": []}], "x\ny"]],
        [{"a": "x\ny", "b": [{"c": 1}]}],
        {"k" * 2000: {"k" * 1500: [1]}},
    ],
)
def test_it_reads_back_as_it_was(value: Any) -> None:
    assert yaml.safe_load(to_yaml({"key": value})) == {"key": value}


def test_nan_is_written_as_yaml_does() -> None:
    assert to_yaml({"a": float("nan")}) == "a: .nan\n"


def test_a_lone_surrogate_stays_text() -> None:
    assert to_yaml({"a": "\ud800"}) == 'a: "\\ud800"\n'
    to_yaml({"a": "\ud800"}).encode()


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_any_value_reads_back_as_it_was(value: Any) -> None:
    assert yaml.safe_load(to_yaml(value)) == value
