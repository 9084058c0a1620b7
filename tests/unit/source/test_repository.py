"""What only the real thing can show: hostile repositories, other users' folders, remotes that hang."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from gitops_mesh.errors import SourceError, Unreachable
from gitops_mesh.model.revisions import FileKind
from gitops_mesh.source.repository import GitSource
from tests.fakes.repository import Repository
from tests.fakes.silence import silent_server


@pytest.fixture
def team(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "team")


def source_of(team: Repository, tmp_path: Path, *, url: str = "", branch: str = "main", path: str = "") -> GitSource:
    return GitSource(url or str(team.origin), branch, path, tmp_path / "mirror.git", timeout=30)


def test_a_merge_is_the_commit_that_counts(team: Repository, tmp_path: Path) -> None:
    since = team.merge({"a.yaml": "1"}, "Begin")
    merge = team.merge({"a.yaml": "2"}, "Release", {"Reviewed-by": "Bob"}, branch_trailers={"Rollout": "immediate"})
    until = team.merge({"b.yaml": "1"}, "Unrelated")
    source = source_of(team, tmp_path)
    source.refresh()
    (cause,) = source.causes(since, until, "a.yaml")
    assert (cause.id, cause.subject) == (merge, "Merge: Release")
    assert cause.trailers == {"Reviewed-by": "Bob"}, "the branch commit's trailers do not count"
    assert list(source.first_parents(until, 3)) == [until, merge, since]


def test_trailers_are_those_of_the_last_paragraph_and_the_last_of_a_name(team: Repository, tmp_path: Path) -> None:
    message = "Subject\n\nRollout: immediate\nis what this would say.\n\nTicket: one\nTicket: two\n  folded\nCrlf: x\r"
    team.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--message", message)
    team.git("push", "--quiet", "origin", "main")
    source = source_of(team, tmp_path)
    assert source.commit(source.refresh().revision).trailers == {"Ticket": "two folded", "Crlf": "x"}


def test_a_hostile_author_and_subject_are_one_printable_line(team: Repository, tmp_path: Path) -> None:
    revision = team.commit({}, "Shift \x1b[31mred \u202egnp", author="Eve \x07 <eve@x>")
    source = source_of(team, tmp_path)
    source.refresh()
    commit = source.commit(revision)
    assert (commit.subject, commit.author) == ("Shift [31mred gnp", "Eve <eve@x>")


def test_symlinks_submodules_and_strange_names_are_reported_not_followed(team: Repository, tmp_path: Path) -> None:
    first = team.commit({"real.yaml": "real"})
    (team.clone / "link.yaml").symlink_to("/etc/passwd")
    (team.clone / os.fsdecode(b"bytes-\xff.yaml")).write_text("x")
    (team.clone / "line\nbreak.yaml").write_text("x")
    team.git("add", "--all")
    team.git("update-index", "--add", "--cacheinfo", f"160000,{first},vendored")
    team.git("commit", "--quiet", "--message", "Strange")
    team.git("push", "--quiet", "origin", "main")
    source = source_of(team, tmp_path)
    files = {file.path: file for file in source.files(source.refresh().revision)}
    assert files["real.yaml"].kind is FileKind.FILE
    assert files["link.yaml"].kind is FileKind.SYMLINK
    assert source.read(files["link.yaml"].blob) == b"/etc/passwd"
    assert files["vendored"].kind is FileKind.SUBMODULE
    assert files.keys() == {"real.yaml", "link.yaml", "vendored", "bytes-\\xff.yaml", "line\\nbreak.yaml"}


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc", "a/..", "a\nb"])
def test_a_path_outside_the_repository_is_said_at_once(team: Repository, tmp_path: Path, path: str) -> None:
    with pytest.raises(SourceError, match="outside the repository"):
        source_of(team, tmp_path, path=path)


@pytest.mark.parametrize(("path", "said"), [("mesh/a.yaml", "a file"), ("link", "a symlink"), ("mash", "not there")])
def test_a_path_that_is_no_folder_names_the_folders(team: Repository, tmp_path: Path, path: str, said: str) -> None:
    team.clone.joinpath("link").symlink_to("mesh")
    team.commit({"mesh/a.yaml": "a", "other/b.yaml": "b"})
    with pytest.raises(SourceError, match=said) as raised:
        source_of(team, tmp_path, path=path).refresh()
    assert "mesh" in raised.value.remedy
    assert "other" in raised.value.remedy


def test_slashes_and_dots_around_a_path_do_not_matter(team: Repository, tmp_path: Path) -> None:
    revision = team.commit({"mesh/a.yaml": "a"})
    source = source_of(team, tmp_path, path="./mesh/")
    source.refresh()
    assert [file.path for file in source.files(revision)] == ["mesh/a.yaml"]


def test_an_unknown_branch_lists_the_branches_nearest_first(team: Repository, tmp_path: Path) -> None:
    team.commit({"a.yaml": "a"})
    team.git("push", "--quiet", "origin", "main:develop")
    with pytest.raises(SourceError, match="no branch 'mian'") as raised:
        source_of(team, tmp_path, branch="mian").refresh()
    assert raised.value.remedy == "choose one of: main, develop"


def test_a_repository_that_was_never_there_is_an_error(team: Repository, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no Git repository") as raised:
        source_of(team, tmp_path, url=str(tmp_path / "nowhere")).refresh()
    assert "nowhere" in raised.value.message
    assert "address" in raised.value.remedy


def test_another_url_or_branch_starts_anew(team: Repository, tmp_path: Path) -> None:
    team.commit({"a.yaml": "a"})
    team.git("push", "--quiet", "origin", "main:main-2")
    source_of(team, tmp_path).refresh()
    other = Repository.create(tmp_path / "other")
    revision = other.commit({"b.yaml": "b"})
    moved = source_of(other, tmp_path)
    with pytest.raises(SourceError, match="never fetched"):
        moved.head()
    fetched = moved.refresh()
    assert (fetched.revision, fetched.changed, fetched.rewritten) == (revision, True, False)
    assert not source_of(team, tmp_path, branch="main-2").refresh().rewritten


def test_a_restart_remembers_what_was_seen(team: Repository, tmp_path: Path) -> None:
    team.commit({"a.yaml": "a"})
    seen = team.commit({"a.yaml": "b"})
    source_of(team, tmp_path).refresh()
    again = source_of(team, tmp_path)
    assert again.head() == seen
    assert not again.refresh().changed
    team.force_push({"a.yaml": "c"})
    assert source_of(team, tmp_path).refresh().rewritten


def test_a_damaged_mirror_names_itself(team: Repository, tmp_path: Path) -> None:
    revision = team.commit({"a.yaml": "a"})
    source = source_of(team, tmp_path)
    source.refresh()
    (file,) = source.files(revision)
    for pack in (tmp_path / "mirror.git" / "objects" / "pack").iterdir():
        pack.unlink()
    with pytest.raises(SourceError, match=r"mirror\.git") as raised:
        source_of(team, tmp_path).read(file.blob)
    assert "remove" in raised.value.remedy


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to another user")
def test_a_folder_of_another_user_is_read_since_the_operator_named_it(team: Repository, tmp_path: Path) -> None:
    revision = team.commit({"a.yaml": "a"})
    subprocess.run(["chown", "-R", "12345:12345", str(team.origin)], check=True)
    assert source_of(team, tmp_path).refresh().revision == revision
    subprocess.run(["chown", "-R", "12345:12345", str(team.clone)], check=True)
    with_tree = GitSource(f"file://{team.clone}", "main", "", tmp_path / "second.git", timeout=30)
    assert with_tree.refresh().revision == revision


def test_a_remote_that_hangs_is_given_up_and_holds_up_no_reader(team: Repository, tmp_path: Path) -> None:
    with silent_server() as port:
        source = GitSource(f"git://127.0.0.1:{port}/mesh", "main", "", tmp_path / "mirror.git", timeout=0.5)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            source.refresh()
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("scheme", ["https", "git", "ssh"])
def test_credentials_stand_in_no_message_and_on_no_disk(tmp_path: Path, scheme: str) -> None:
    source = GitSource(f"{scheme}://ada:s3cr%65t@127.0.0.1:1/mesh", "main", "", tmp_path / "mirror.git", timeout=20)
    with pytest.raises((SourceError, Unreachable)) as raised:
        source.refresh()
    told = f"{raised.value!r} {raised.value} {raised.value.remedy} {raised.value.__cause__!r}"
    for secret in ("s3cr%65t", "s3cret"):
        assert secret not in told
        held = [file for file in tmp_path.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
        assert held == []


def test_what_to_watch_is_the_git_directory_of_a_local_repository(team: Repository, tmp_path: Path) -> None:
    team.commit({"a.yaml": "a"})
    team.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "linked")

    def watched(url: str) -> Path | None:
        return source_of(team, tmp_path, url=url).watch_path()

    assert watched(str(team.origin)) == team.origin
    assert watched(f"file://{team.origin}") == team.origin
    assert watched(str(team.clone)) == team.clone / ".git"
    assert watched(str(tmp_path / "linked")) == team.clone / ".git"
    assert watched(str(tmp_path / "nowhere")) is None
    assert watched("https://example.org/mesh") is None


def test_a_commit_is_noticed_in_every_kind_of_local_repository(team: Repository, tmp_path: Path) -> None:
    team.commit({"a.yaml": "a"})
    team.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "linked")
    places = {"origin": str(team.origin), "clone": str(team.clone), "linked": str(tmp_path / "linked")}
    sources = {name: GitSource(url, "main", "", tmp_path / f"{name}.git") for name, url in places.items()}
    for source in sources.values():
        assert source.refresh().changed
        assert not source.refresh().changed
    revision = team.commit({"a.yaml": "b"})
    team.git("pack-refs", "--all")
    team.git("pack-refs", "--all", cwd=team.origin)
    for source in sources.values():
        assert source.refresh().revision == revision
        assert not source.refresh().changed


def test_readers_and_fetches_at_once(team: Repository, tmp_path: Path) -> None:
    first = team.commit({f"{n}.yaml": str(n) for n in range(20)})
    source = source_of(team, tmp_path)
    source.refresh()
    stop = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not stop.is_set():
            files = source.files(first)
            wrong.extend(f.path for f in files if source.read(f.blob).decode() != f.path.removesuffix(".yaml"))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    revisions = [(team.commit({"x.yaml": str(n)}), source.refresh().revision) for n in range(5)]
    stop.set()
    for thread in threads:
        thread.join()
    assert all(made == seen for made, seen in revisions)
    assert wrong == []


def test_two_processes_may_share_a_mirror(team: Repository, tmp_path: Path) -> None:
    team.commit({"a.yaml": "a"})
    daemon, plan = source_of(team, tmp_path), source_of(team, tmp_path)
    daemon.refresh()
    plan.refresh()
    revision = team.commit({"a.yaml": "b"})
    assert plan.refresh().changed
    assert daemon.head() == revision
    assert daemon.refresh().revision == revision
