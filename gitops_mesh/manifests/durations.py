"""Durations as Go writes them (`time.ParseDuration`): `30s`, `1m30s`, `200ms`."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"[-+]?(?:0|(?:{_PART})+)", re.ASCII)
_PARTS = re.compile(_PART, re.ASCII)
_LONGEST = 100
"""Characters; nobody writes more, and Go's own range ends at 292 years."""


def seconds(text: str) -> float:
    """The seconds that a duration means, rounded to nanoseconds. Raises ValueError for anything else."""
    if len(text) > _LONGEST or not _DURATION.fullmatch(text):
        raise ValueError(f"`{text[:40]}` is no duration such as `30s`, `1m30s` or `200ms`")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text))
    return round(-total if text.startswith("-") else total, 9)


def is_duration(text: str) -> bool:
    """Whether the text is a duration of 0 or more."""
    return _at_least(text, 0.0)


def is_timeout(text: str) -> bool:
    """Whether the text is a duration of 1 ms or more, as Istio asks for nearly everywhere."""
    return _at_least(text, 0.001)


def _at_least(text: str, least: float) -> bool:
    try:
        return seconds(text) >= least
    except ValueError:
        return False
