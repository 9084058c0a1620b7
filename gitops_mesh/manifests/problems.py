"""What is wrong with a text, before it is known which object it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops_mesh.model.objects import Pointer


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one place of the text; `line` and `column` count from 1."""

    rule: str
    message: str
    line: int
    column: int
    remedy: str = ""
    pointer: Pointer = ()


class Stop(Exception):
    """Reading cannot go on: the rest of the file has no meaning."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def at(event: Any, rule: str, message: str, remedy: str = "", pointer: Pointer = ()) -> Problem:
    """A problem where a YAML event starts."""
    mark = event.start_mark
    return Problem(rule, message, mark.line + 1, mark.column + 1, remedy, pointer)
