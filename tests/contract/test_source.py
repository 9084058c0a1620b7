"""The Source port, on the fake and on real Git: what the reconciler may rely on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from gitops_mesh.errors import SourceError, Unreachable
from gitops_mesh.ports import Source
from gitops_mesh.source.repository import GitSource
from tests.fakes.repository import Repository
from tests.fakes.source import FakeSource

Files = Mapping[str, str | bytes | None]
UNKNOWN = "f" * 40


class Team(Protocol):
    """The side that commits, and the source that looks at it."""

    source: Source

    def add(self, files: Files, subject: str = "Change", trailers: Mapping[str, str] | None = None) -> str: ...
    def force_push(self, files: Files, *, drop: int = 1) -> str: ...
    def leave(self) -> None: ...
    def come_back(self) -> None: ...


class FakeTeam:
    def __init__(self, path: str) -> None:
        self.source = FakeSource(path)
        self.add = self.source.add
        self.force_push = self.source.force_push

    def leave(self) -> None:
        self.source.away = True

    def come_back(self) -> None:
        self.source.away = False


class GitTeam:
    def __init__(self, root: Path, path: str) -> None:
        self.repository = Repository.create(root / "git")
        self.source = GitSource(str(self.repository.origin), "main", path, root / "mirror.git", timeout=30)
        self.force_push = self.repository.force_push

    def add(self, files: Files, subject: str = "Change", trailers: Mapping[str, str] | None = None) -> str:
        return self.repository.commit(files, subject, trailers)

    def leave(self) -> None:
        self.repository.origin.rename(self.repository.origin.with_suffix(".away"))

    def come_back(self) -> None:
        self.repository.origin.with_suffix(".away").rename(self.repository.origin)


Teams = Callable[[str], Team]


@pytest.fixture(params=["fake", "git"])
def teams(request: pytest.FixtureRequest, tmp_path: Path) -> Teams:
    return FakeTeam if request.param == "fake" else lambda path: GitTeam(tmp_path, path)


@pytest.fixture
def team(teams: Teams) -> Team:
    return teams("")


def test_nothing_is_known_before_the_first_refresh(team: Team) -> None:
    team.add({"a.yaml": "a"})
    with pytest.raises(SourceError):
        team.source.head()


def test_an_empty_repository_is_an_error(team: Team) -> None:
    with pytest.raises(SourceError, match="empty"):
        team.source.refresh()


def test_refresh_brings_the_branch_and_says_whether_it_moved(team: Team) -> None:
    first = team.add({"a.yaml": "a"})
    fetched = team.source.refresh()
    assert (fetched.revision, fetched.changed, fetched.rewritten) == (first, True, False)
    assert team.source.head() == first
    again = team.source.refresh()
    assert (again.revision, again.changed) == (first, False)
    second = team.add({"a.yaml": "b"})
    assert team.source.head() == first, "only refresh moves on"
    assert team.source.refresh().changed
    assert team.source.head() == second


def test_a_rewritten_branch_is_noticed(team: Team) -> None:
    team.add({"a.yaml": "a"})
    lost = team.add({"a.yaml": "b"})
    team.source.refresh()
    rewritten = team.force_push({"a.yaml": "c"})
    fetched = team.source.refresh()
    assert fetched.rewritten
    assert fetched.changed
    assert team.source.head() == rewritten
    assert team.source.commit(lost).id == lost, "the old revision can still be read"
    team.add({"a.yaml": "d"})
    assert not team.source.refresh().rewritten


def test_a_remote_that_is_away_is_unreachable_and_reading_goes_on(team: Team) -> None:
    first = team.add({"a.yaml": "a"})
    team.source.refresh()
    team.leave()
    with pytest.raises(Unreachable):
        team.source.refresh()
    assert team.source.head() == first
    assert [team.source.read(file.blob) for file in team.source.files(first)] == [b"a"]
    team.come_back()
    assert team.source.refresh().revision == first


def test_files_are_sorted_and_read_at_their_revision(team: Team) -> None:
    first = team.add({"b.yaml": "b", "a/z.yaml": "zz", "a.yaml": b"\x00\xff"})
    second = team.add({"b.yaml": None, "a.yaml": "changed"})
    team.source.refresh()
    files = team.source.files(first)
    assert [(f.path, f.size) for f in files] == [("a.yaml", 2), ("a/z.yaml", 2), ("b.yaml", 1)]
    assert [team.source.read(f.blob) for f in files] == [b"\x00\xff", b"zz", b"b"]
    later = {f.path: f.blob for f in team.source.files(second)}
    assert later.keys() == {"a.yaml", "a/z.yaml"}
    assert later["a/z.yaml"] == files[1].blob, "equal content, equal blob"
    assert later["a.yaml"] != files[0].blob


def test_only_the_configured_folder_is_read_and_paths_stay_whole(teams: Teams) -> None:
    team = teams("mesh/shop")
    revision = team.add({"mesh/shop/a.yaml": "a", "mesh/shopping.yaml": "b", "c.yaml": "c"})
    team.source.refresh()
    assert [f.path for f in team.source.files(revision)] == ["mesh/shop/a.yaml"]


def test_a_missing_folder_is_an_error_and_the_last_good_revision_stays(teams: Teams) -> None:
    team = teams("mesh")
    good = team.add({"mesh/a.yaml": "a"})
    team.source.refresh()
    team.add({"mesh/a.yaml": None, "b.yaml": "b"})
    with pytest.raises(SourceError, match="mesh"):
        team.source.refresh()
    assert team.source.head() == good
    mended = team.add({"mesh/a.yaml": "a"})
    assert team.source.refresh().revision == mended


@pytest.mark.parametrize("ask", ["files", "commit", "read", "first_parents"])
def test_what_is_not_there_is_an_error(team: Team, ask: str) -> None:
    team.add({"a.yaml": "a"})
    team.source.refresh()
    asked = getattr(team.source, ask)
    with pytest.raises(SourceError):
        asked(UNKNOWN, 1) if ask == "first_parents" else asked(UNKNOWN)


def test_a_commit_as_the_audit_trail_cites_it(team: Team) -> None:
    revision = team.add({"a.yaml": "a"}, "Shift reviews to v2", {"Rollout": "immediate", "Ticket": "SHOP-1"})
    team.source.refresh()
    commit = team.source.commit(revision)
    assert (commit.id, commit.author, commit.subject) == (revision, "Ada <ada@example.org>", "Shift reviews to v2")
    assert commit.trailers == {"Rollout": "immediate", "Ticket": "SHOP-1"}
    assert commit.time >= 1_790_000_000


def test_first_parents_newest_first_and_no_more_than_asked(team: Team) -> None:
    line = [team.add({"a.yaml": str(n)}) for n in range(4)][::-1]
    team.source.refresh()
    assert list(team.source.first_parents(line[0], 10)) == line
    assert list(team.source.first_parents(line[1], 2)) == line[1:3]


def test_causes_are_the_commits_that_touched_the_file(team: Team) -> None:
    since = team.add({"a.yaml": "1", "b.yaml": "1"})
    one = team.add({"a.yaml": "2"})
    team.add({"b.yaml": "2"})
    two = team.add({"a.yaml": "3"})
    until = team.add({"b.yaml": "3"})
    team.source.refresh()
    assert [c.id for c in team.source.causes(since, until, "a.yaml")] == [two, one]
    assert [c.id for c in team.source.causes(two, until, "a.yaml")] == []


def test_without_a_reachable_beginning_the_cause_is_the_target_alone(team: Team) -> None:
    team.add({"a.yaml": "1"})
    lost = team.add({"a.yaml": "2"})
    team.source.refresh()
    until = team.force_push({"a.yaml": "3"})
    team.source.refresh()
    for since in ("", lost, UNKNOWN):
        assert [c.id for c in team.source.causes(since, until, "a.yaml")] == [until]
