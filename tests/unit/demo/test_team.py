from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.demo.team import Team, git, weighed
from gitops_mesh.errors import GitOpsMeshError

TEMPLATE = Path(__file__).parents[3] / "repo-template" / "mesh" / "reviews.yaml"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "a.yaml").write_text("one\n")
    return Team.found(tmp_path / "origin.git", clone)


def test_a_merge_is_a_merge_commit_at_the_origin(team: Team, tmp_path: Path) -> None:
    before = git(team.clone, "rev-parse", "HEAD")
    merge = team.merge("topic", "Say two", {"a.yaml": "two\n", "new/b.yaml": "b\n"})
    origin = tmp_path / "origin.git"
    assert git(origin, "rev-parse", "main") == merge
    first, second = git(origin, "show", "--no-patch", "--format=%P", merge).split()
    assert first == before
    assert git(origin, "show", "--no-patch", "--format=%s %an", second) == "Say two Ada"
    assert git(origin, "show", f"{merge}:a.yaml") == "two"
    assert git(origin, "show", f"{merge}:new/b.yaml") == "b"


def test_a_revert_takes_a_whole_merge_back(team: Team, tmp_path: Path) -> None:
    merge = team.merge("topic", "Say two", {"a.yaml": "two\n", "b.yaml": "b\n"})
    reverted = team.revert(merge)
    assert team.read("a.yaml") == "one\n"
    assert not (team.clone / "b.yaml").exists()
    assert git(tmp_path / "origin.git", "rev-parse", "main") == reverted


def test_what_git_says_is_told(team: Team) -> None:
    with pytest.raises(GitOpsMeshError, match="no-such-branch"):
        git(team.clone, "switch", "no-such-branch")


def test_weights_are_edited_as_a_person_does() -> None:
    text = TEMPLATE.read_text()
    edited = weighed(text, {"v1": 0, "v2": 100})
    differing = [(a, b) for a, b in zip(text.splitlines(), edited.splitlines(), strict=True) if a != b]
    assert differing == [
        ("          weight: 100", "          weight: 0"),
        ("          weight: 0", "          weight: 100"),
    ]


def test_weights_of_an_unknown_subset_are_refused() -> None:
    with pytest.raises(GitOpsMeshError, match="v9 stands 0 times"):
        weighed(TEMPLATE.read_text(), {"v9": 1})
