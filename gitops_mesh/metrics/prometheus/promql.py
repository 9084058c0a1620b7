"""PromQL text: matchers that take values literally, and the variables of custom queries. Pure.

https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

VARIABLES = ("hosts", "versions")
"""What a custom query may name: regular expressions of the hosts and of the versions that are asked for."""
LONGEST = 1_000_000
"""Characters of a regular expression; a longer one would take Prometheus longer than to answer for everything."""
ANY = ".*"
_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def quoted(text: str) -> str:
    """A PromQL string; its escapes are Go's, of which JSON's are a part."""
    return json.dumps(text, ensure_ascii=False)


def alternation(values: Collection[str]) -> str:
    """An RE2 expression that matches exactly these values (matchers are anchored); any, when too many."""
    text = "|".join(re.escape(value) for value in sorted(set(values)))
    return text if len(text) <= LONGEST else ANY


def selector(metric: str, *matchers: str) -> str:
    """`metric{a="b", c=~"d"}`"""
    return f"{metric}{{{', '.join(filter(None, matchers))}}}"


def equal(matchers: Mapping[str, str]) -> str:
    """Matchers of exactly these labels."""
    return ", ".join(f"{name}={quoted(value)}" for name, value in sorted(matchers.items()))


def misused(query: str) -> Iterator[str]:
    """What is wrong with the variables of a custom query, each as the end of a sentence."""
    for found in _VARIABLE.finditer(query):
        if found[1] not in VARIABLES:
            choices = ", ".join(f"{{{{ {known} }}}}" for known in VARIABLES)
            yield f"has an unknown variable {found[1]!r}; choose from {choices}"
        elif _quote_at(query, found.start()) != '"':
            yield f'has {found[0]} outside of double quotes; write label=~"{found[0]}"'


def filled(query: str, values: Mapping[str, str]) -> str:
    """A custom query with regular expressions in the places of its variables, escaped for the string they stand in."""
    return _VARIABLE.sub(lambda found: quoted(f"(?:{values[found[1]]})")[1:-1], query)


def _quote_at(query: str, place: int) -> str:
    """The quote of the string that a place stands in; empty outside of strings."""
    quote, index = "", 0
    while index < place:
        char = query[index]
        if not quote:
            quote = char if char in "\"'`" else ""
        elif char == "\\" and quote != "`":
            index += 1
        elif char == quote:
            quote = ""
        index += 1
    return quote
