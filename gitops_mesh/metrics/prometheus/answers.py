"""Reading the answers of Prometheus' HTTP API, of which nothing is believed unseen. Pure.

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-vectors
"""

from __future__ import annotations

from typing import Any

import orjson

from gitops_mesh.metrics.prometheus.preset import Series

LARGEST = 2.0**53
"""No counter of requests gets there; beyond it a float skips whole numbers."""
_LONGEST_WORD = 300


class Odd(Exception):
    """Not what Prometheus answers to an instant query, or its refusal; the message is the end of a sentence."""


def vector(content: bytes) -> list[tuple[Series, float]]:
    """The counters of an instant vector. Raises Odd.

    Values that no counter can have (NaN, infinite, negative, beyond `LARGEST`) are passed over, as if they were not
    there.
    """
    told = _loaded(content)
    if told.get("status") != "success":
        raise Odd(f"it says {refusal(content) or 'nothing that can be understood'}")
    try:
        kind, result = told["data"]["resultType"], told["data"]["result"]
        if kind != "vector":
            raise Odd(f"the query gives a {clean(str(kind))}, where an instant vector is needed")
        found = [(one["metric"], float(one["value"][1])) for one in result]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Odd("its answer has not the shape of an instant vector of counters") from error
    if not all(_is_series(series) for series, _ in found):
        raise Odd("its answer has labels that are no texts")
    return [(series, value) for series, value in found if 0 <= value <= LARGEST]


def refusal(content: bytes) -> str:
    """What an error's answer says; empty when it says nothing that can be understood."""
    try:
        told = _loaded(content)
    except Odd:
        return ""
    return clean(": ".join(str(told[name]) for name in ("errorType", "error") if told.get(name)))


def clean(text: str) -> str:
    """One printable line of text, cut."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _LONGEST_WORD]).split())
    return plain if len(plain) <= _LONGEST_WORD else f"{plain[:_LONGEST_WORD]}…"


def _loaded(content: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Odd("its answer is no JSON; is there a Prometheus at this URL?") from error
    if not isinstance(told, dict):
        raise Odd("its answer is no answer of Prometheus'")
    return told


def _is_series(series: object) -> bool:
    return isinstance(series, dict) and all(type(value) is str for value in series.values())
