"""What a YAML scalar means to Kubernetes: sigs.k8s.io/yaml, that is go-yaml v2's rules, then JSON's.

Differs from YAML 1.1 as PyYAML reads it: `y` and `n` are booleans, `0o17` and `1e3` numbers, `1:30` and
dates strings; an integer beyond 64 bits is a float. A float that JSON writes without a fraction
(`1e3`, `1.0`) comes back from it as an integer, as it does in Kubernetes.
"""

from __future__ import annotations

import base64
import binascii
import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_JSON = frozenset(
    {".nan", ".NaN", ".NAN"} | {f"{sign}{word}" for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")}
)
_FIRST = frozenset("+-.~0123456789yYnNtTfFoO")
"""What a plain scalar other than a string begins with."""
_NUMERIC = frozenset("+-.0123456789")
_INT = re.compile(r"([-+]?)(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = {"b": 2, "o": 8, "x": 16}
_LONGEST_INT = 70
"""Digits; whatever is longer is beyond 64 bits in every base."""

_TAG = "tag:yaml.org,2002:"
_EXPECTED: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}


def plain(text: str) -> Scalar:
    """The meaning of an unquoted scalar without a tag. Raises ValueError for `.nan` and `.inf`."""
    if not text:
        return None
    first = text[0]
    if first not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if first not in _NUMERIC:
        return text
    if text in _NOT_JSON:
        raise ValueError(f"`{text}` is a number that JSON, and so Kubernetes, does not have")
    if first == ".":
        return _float(text.replace("_", ""), text)
    return _number(text)


def tagged(text: str, tag: str) -> Scalar:
    """The meaning of a scalar with an explicit tag. Raises ValueError when the two do not fit."""
    name = tag.removeprefix(_TAG)
    if name == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
        except binascii.Error as error:
            raise ValueError("the value of `!!binary` is not base64") from error
    if name not in _EXPECTED:
        return text  # str, timestamp, and tags that Kubernetes does not know: the text as it is
    value = plain(text)
    fits = isinstance(value, _EXPECTED[name]) and not (isinstance(value, bool) and name != "bool")
    if not fits:
        raise ValueError(f"`{text[:60]}` cannot be read as `!!{name}`")
    return value


def key(text: str) -> str:
    """The text of an unquoted key without a tag. Raises ValueError for null and for fractions.

    Kubernetes would rewrite a fraction in 32 bits (`1.10` as `1.1`), which nobody means.
    """
    value = plain(text)
    if isinstance(value, str):
        return value
    if value is None:
        raise ValueError("a key is null")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or not _INT.fullmatch(text.replace("_", "")):
        raise ValueError(f"the key `{text[:60]}` is a fraction; quote it if it is a name")
    return str(value)


def _number(text: str) -> Scalar:
    digits = text.replace("_", "")
    found = _INT.fullmatch(digits)
    if found and len(digits) <= _LONGEST_INT:
        sign, body = found.groups()
        value = int(body, _base(body)) * (-1 if sign == "-" else 1)
        if -(1 << 63) <= value < 1 << 63:
            return value
        if not sign and value < 1 << 64:
            return float(value)
    return _float(digits, text)


def _base(body: str) -> int:
    prefix = body[1:2].lower()
    return _BASES.get(prefix, 8 if body[0] == "0" else 10)


def _float(digits: str, text: str) -> Scalar:
    if not _FLOAT.fullmatch(digits):
        return text
    value = float(digits)
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 1 << 63 else value
