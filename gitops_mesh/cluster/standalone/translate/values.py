"""Single values: durations, percentages, string matches."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from gitops_mesh.cluster.standalone.translate.fields import Fields

_UNITS: dict[str, int | Fraction] = {
    "h": 3600,
    "m": 60,
    "s": 1,
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?(?:h|ms|m|us|s|ns))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|us|s|ns)", re.ASCII)
_LONGEST = 315_576_000_000
"""Seconds that a protobuf Duration holds at most."""
_MILLION = 1_000_000


def duration(fields: Fields, name: str) -> str | None:
    """A duration as Go writes it (`1m30s`) as protobuf's JSON does (`90s`); `None` where there is none."""
    text = fields.text(name)
    if not text:
        return None
    seconds = sum((Fraction(n) * _UNITS[unit] for n, unit in _PART.findall(text)), Fraction(0))
    if not _DURATION.fullmatch(text) or seconds > _LONGEST:
        fields.wrong(name, f"is not a duration such as 1m30s or 250ms: {text!r}")
        return None
    whole, rest = divmod(round(seconds * 10**9), 10**9)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".") + "s"


def fraction(fields: Fields, name: str, *, omitted: float) -> dict[str, Any]:
    """Istio's `{value: 12.5}` as Envoy's FractionalPercent."""
    inner = fields.fields(name)
    value = inner.number("value") if name in fields else omitted
    share = min(max(value or 0.0, 0.0), 100.0)
    return {"numerator": round(share * _MILLION / 100), "denominator": "MILLION"}


def string_match(fields: Fields, *, ignore_case: bool = False) -> dict[str, Any] | None:
    """Istio's StringMatch as Envoy's StringMatcher; `None` when it only asks for presence."""
    match: dict[str, Any] | None = None
    for name in ("exact", "prefix"):
        if name in fields:
            match = {name: fields.text(name), **({"ignore_case": True} if ignore_case else {})}
    if "regex" in fields:
        match = {"safe_regex": {"regex": fields.text("regex")}}
    return match
