"""Unknown names answer with the known ones, nearest first."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 12


def ranked(name: str, known: Iterable[str]) -> list[str]:
    """The known names, those that resemble `name` first, the others in order."""
    choices = sorted(set(known))
    near = nearest(name, choices, count=3)
    return near + [choice for choice in choices if choice not in near]


def nearest(name: str, known: Iterable[str], *, count: int = 1) -> list[str]:
    """Those known names that resemble `name`, whatever their case, best first."""
    by_lower = {choice.lower(): choice for choice in known}
    return [by_lower[found] for found in get_close_matches(name[:100].lower(), by_lower, count, 0.6)]


def question(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` when something is near, else nothing."""
    near = nearest(name, known)
    return f"; did you mean `{near[0]}`?" if near else ""


def choices(name: str, known: Iterable[str]) -> str:
    """`choose from: ...`, nearest first; empty when nothing is known."""
    names = ranked(name, known)
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"choose from: {', '.join(names[:_SHOWN])}{more}" if names else ""
