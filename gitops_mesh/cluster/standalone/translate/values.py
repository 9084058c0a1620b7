"""Single values: durations, percentages, string matches."""

from __future__ import annotations

from typing import Any

from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.manifests.durations import seconds

_LONGEST = 315_576_000_000
"""Seconds that a protobuf Duration holds at most."""
_MILLION = 1_000_000


def duration(fields: Fields, name: str) -> str | None:
    """A duration as Go writes it (`1m30s`) as protobuf's JSON does (`90s`); `None` where there is none."""
    text = fields.text(name)
    if not text:
        return None
    try:
        length = seconds(text)
    except ValueError:
        length = -1.0
    if not 0 <= length <= _LONGEST:
        fields.wrong(name, f"is not a duration such as 1m30s or 250ms: {text[:40]!r}")
        return None
    return f"{length:.9f}".rstrip("0").rstrip(".") + "s"


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
