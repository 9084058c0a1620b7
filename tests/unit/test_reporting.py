from collections.abc import Callable

from gitops_mesh.errors import Unreachable
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.reconciler.desired import Desired
from gitops_mesh.reconciler.reporting import RETRY, Reporter
from tests.fakes.clock import VirtualClock


class Forge:
    def __init__(self) -> None:
        self.away = False
        self.told: list[tuple[str, bool, str]] = []

    def report(self, revision: str, ok: bool, summary: str) -> None:
        if self.away:
            raise Unreachable("nobody answers")
        self.told.append((revision, ok, summary))


def at_once(work: Callable[[], None]) -> None:
    work()


def test_each_head_is_told_once_with_what_it_is_worth() -> None:
    forge, error = Forge(), Finding("x", Severity.ERROR, "wrong")
    reporter = Reporter(forge, at_once, VirtualClock(0.0))
    for desired in (Desired("a"), Desired("a"), Desired("b", findings=(error,)), Desired("b", findings=(error,))):
        reporter.tell(desired)
    assert [(revision, ok) for revision, ok, _ in forge.told] == [("a", True), ("b", False)]
    assert "1 error" in forge.told[1][2]


def test_a_forge_that_is_away_is_told_later() -> None:
    forge, clock = Forge(), VirtualClock(0.0)
    forge.away = True
    reporter = Reporter(forge, at_once, clock)
    reporter.tell(Desired("a"))
    forge.away = False
    reporter.tell(Desired("a"))
    assert forge.told == []
    clock.advance(RETRY)
    reporter.tell(Desired("a"))
    assert [revision for revision, *_ in forge.told] == ["a"]
