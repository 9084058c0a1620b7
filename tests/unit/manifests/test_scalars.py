"""Expectations are what sigs.k8s.io/yaml v1.6.0 answers for the same text."""

from typing import Any

import pytest

from gitops_mesh.manifests.scalars import key, plain, tagged

TAG = "tag:yaml.org,2002:"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("y", "Y", "yes", "Yes", "on", "ON", "true", "TRUE")),
        *((text, False) for text in ("n", "N", "no", "off", "Off", "false")),
        *((text, None) for text in ("", "~", "null", "NULL")),
        *((text, text) for text in ("tRUE", "nO", "Nope", "=", "a", "-", "+", ".", "-.", "0x", "0b2", "1a", "1.2.3.4")),
        *(
            (text, text)
            for text in ("1:30", "12:30:45", "2001-01-01", "2001-01-01T00:00:00Z", "1e400", ".e1", "nan", "inf")
        ),
        ("0644", 420),
        ("0o644", 420),
        ("0O17", 15),
        ("0899", 899),
        ("08", 8),
        ("0x1F", 31),
        ("-0b11", -3),
        ("+5", 5),
        ("-0", 0),
        ("1_000", 1000),
        ("1e3", 1000),
        ("1.0", 1),
        ("-0.0", 0),
        ("1.5e3", 1500),
        (".5", 0.5),
        (".1_0", 0.1),
        ("-.5", -0.5),
        ("0.1", 0.1),
        ("1234e56", 1234e56),
        ("1e19", 1e19),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", float(2**63)),
        ("18446744073709551616", float(2**64)),
        ("+18446744073709551615", float(2**64)),
        ("0777777777777777777777777", 7.77777777777777777777777e23),
        ("0xFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF"),
    ],
)
def test_plain_scalars_mean_what_kubernetes_says(text: str, value: Any) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize("text", [".nan", ".inf", "-.Inf", "+.INF"])
def test_numbers_that_json_lacks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        plain(text)


def test_a_number_of_thousands_of_digits_is_read_without_a_crash() -> None:
    assert plain("1" * 10_000) == "1" * 10_000
    assert plain("0" * 5_000) == 0.0


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("1", TAG + "str", "1"),
        ("5", TAG + "int", 5),
        ("1", TAG + "float", 1),
        ("1.5", TAG + "float", 1.5),
        ("yes", TAG + "bool", True),
        ("", TAG + "null", None),
        ("aGk=", TAG + "binary", "hi"),
        ("aG\n k=", TAG + "binary", "hi"),
        ("2001-01-01", TAG + "timestamp", "2001-01-01"),
        ("12", "!", "12"),
        ("x", "!foo", "x"),
    ],
)
def test_tags_decide(text: str, tag: str, value: Any) -> None:
    assert tagged(text, tag) == value


@pytest.mark.parametrize(
    ("text", "name"), [("x", "int"), ("1.5", "int"), ("yes", "int"), ("1", "bool"), ("%%", "binary")]
)
def test_a_value_that_does_not_fit_its_tag_is_refused(text: str, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        tagged(text, TAG + name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("on", "true"), ("n", "false"), ("8080", "8080"), ("0x10", "16"), ("1_0", "10"), ("host", "host")],
)
def test_keys_are_strings(text: str, name: str) -> None:
    assert key(text) == name


@pytest.mark.parametrize(
    ("text", "why"), [("", "null"), ("~", "null"), ("1.10", "fraction"), ("1e3", "fraction"), (".nan", "JSON")]
)
def test_keys_that_kubernetes_would_bend_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        key(text)
