from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gitops_mesh.model.plain import plain, typed
from gitops_mesh.model.status import Status


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Thing:
    name: str
    size: float
    count: int = 0
    on: bool = False
    share: Fraction | None = None
    colour: Colour = Colour.RED
    pairs: tuple[tuple[str, int], ...] = ()


def test_there_and_back() -> None:
    thing = Thing("a", float("inf"), 2, True, Fraction(1, 20), pairs=(("x", 1),))
    assert plain(thing) == {
        "name": "a",
        "size": "inf",
        "count": 2,
        "on": True,
        "share": "1/20",
        "colour": "red",
        "pairs": [["x", 1]],
    }
    assert typed(plain(thing), Thing) == thing
    assert plain({"a": {Path("b")}}) == {"a": ["b"]}


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"name": 1, "size": 1.0},
        {"name": "a", "size": "big"},
        {"name": "a", "size": 1.0, "count": True},
        {"name": "a", "size": 1.0, "count": 1.5},
        {"name": "a", "size": 1.0, "on": 1},
        {"name": "a", "size": 1.0, "colour": "blue"},
        {"name": "a", "size": 1.0, "pairs": [["x"]]},
        {"size": 1.0},
    ],
)
def test_what_is_none_is_an_error(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        typed(wrong, Thing)


def test_a_status_diverges_when_any_cluster_does() -> None:
    assert not Status("abc", "subject", "", ()).diverges
