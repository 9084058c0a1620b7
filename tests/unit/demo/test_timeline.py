from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.demo.team import git
from gitops_mesh.demo.timeline import cloned, timeline

BRANCH = "gitops-mesh/ledger/demo"
TRAILERS = (
    "Source-Commit: abc\nRollout: r1\nEvent: Stepped\nVerdict: pass\nWeights: http/main: reviews:v1 90%, reviews:v2 10%"
)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", f"--initial-branch={BRANCH}")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "ingress: created\n\nEvent: Created")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", f"reviews: v2 10%\n\n37 requests.\n\n{TRAILERS}")
    return tmp_path


def test_the_timeline_is_told_from_the_oldest(ledger: Path) -> None:
    first, second = timeline(ledger, BRANCH)
    assert (first.sentence, first.event, first.rollout) == ("ingress: created", "Created", "")
    assert (second.event, second.source_commit, second.rollout, second.verdict) == ("Stepped", "abc", "r1", "pass")
    assert second.weights == "http/main: reviews:v1 90%, reviews:v2 10%"


def test_only_what_came_since(ledger: Path) -> None:
    first, second = timeline(ledger, BRANCH)
    assert timeline(ledger, BRANCH, since=first.commit) == (second,)
    assert timeline(ledger, BRANCH, since=second.commit) == ()


def test_no_ledger_yet_is_no_timeline(ledger: Path) -> None:
    assert timeline(ledger, "gitops-mesh/ledger/other") == ()


def test_a_fresh_clone_of_the_branch_alone_tells_the_same(ledger: Path, tmp_path: Path) -> None:
    git(ledger, "switch", "--quiet", "--create", "main")
    into = tmp_path / "clone"
    assert cloned(ledger, BRANCH, into) == timeline(ledger, BRANCH)
    assert git(into, "for-each-ref", "--format=%(refname:short)") == BRANCH
