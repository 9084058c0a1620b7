"""Formats of our own in schemas."""

from __future__ import annotations

import re

_PERCENTAGE = re.compile(r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%")


def is_percentage(text: str) -> bool:
    """`0%` to `100%`, with up to six decimals."""
    return _PERCENTAGE.fullmatch(text) is not None
