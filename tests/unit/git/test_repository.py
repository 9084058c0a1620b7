from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from gitops_mesh.errors import LedgerError
from gitops_mesh.git import blobs
from gitops_mesh.git.commits import NewCommit
from gitops_mesh.git.repository import PACKS, STALE, Repository

BRANCH = "refs/heads/line"
MAIL = "gitops-mesh@test"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "deep" / "r.git", LedgerError)
    made.create()
    return made


def write(repository: Repository, tip: str | None, text: str) -> str:
    made = repository.append(BRANCH, tip, MAIL, [NewCommit(text, 1_800_000_000, {"a/b.txt": text.encode()})])
    assert made is not None
    return made


def test_creating_is_whole_and_repeatable(repository: Repository) -> None:
    repository.create()
    assert [entry.name for entry in repository.path.parent.iterdir()] == ["r.git"]
    assert repository.git("config", "core.bare", doing="asking") == b"true\n"
    assert not (repository.path / "hooks").exists()


def test_a_folder_that_is_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(LedgerError, match="not empty"):
        Repository(tmp_path, LedgerError).create()
    assert [entry.name for entry in tmp_path.iterdir()] == ["precious"]


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="the repository in"):
        Repository(tmp_path / "file" / "r.git", LedgerError).create()


def test_commits_are_deterministic_and_linear(repository: Repository) -> None:
    first = write(repository, None, "one")
    second = write(repository, first, "two")
    assert repository.ref(BRANCH) == second
    assert repository.read(f"{second}:a/b.txt") == b"two"
    assert repository.read(f"{first}:a/b.txt") == b"one"
    assert list(repository.log(("%H", "%an <%ae>", "%ct"), second)) == [
        [second, "gitops-mesh <gitops-mesh@test>", "1800000000"],
        [first, "gitops-mesh <gitops-mesh@test>", "1800000000"],
    ]
    assert repository.is_ancestor(first, second)
    assert not repository.is_ancestor(second, first)
    assert not repository.is_ancestor("f" * 40, second)


def test_a_branch_that_moved_meanwhile_is_not_overwritten(repository: Repository) -> None:
    first = write(repository, None, "one")
    second = write(repository, first, "two")
    assert repository.append(BRANCH, first, MAIL, [NewCommit("late", 0, {})]) is None
    assert repository.append(BRANCH, None, MAIL, [NewCommit("later", 0, {})]) is None
    assert repository.ref(BRANCH) == second
    assert not repository.move(BRANCH, first, first)
    assert repository.ref(BRANCH) == second
    assert repository.move(BRANCH, first, second)
    assert repository.ref(BRANCH) == first


def test_text_that_looks_like_commands_stays_text(repository: Repository) -> None:
    hostile = "x\ndata 3\nabc\nreset refs/heads/line\n\ncommit refs/heads/evil\nM 100644 inline evil\n"
    tip = write(repository, None, hostile)
    assert repository.read(f"{tip}:a/b.txt") == hostile.encode()
    assert [values[0] for values in repository.log(("%B",), tip)] == [hostile]
    assert repository.ref("refs/heads/evil") is None


@pytest.mark.parametrize("path", ["a\nM 100644 inline b", '"a"', "a\x00b"])
def test_a_path_that_is_none_is_never_written(repository: Repository, path: str) -> None:
    with pytest.raises(ValueError, match="unsafe path"):
        repository.append(BRANCH, None, MAIL, [NewCommit("x", 0, {path: b""})])


def test_what_is_not_there_is_none(repository: Repository) -> None:
    tip = write(repository, None, "one")
    for name in ("f" * 40, f"{tip}:nope", f"{tip}:a", tip, "", "a\nb", "HEAD"):
        assert repository.read(name) is None
    assert repository.read(f"{tip}:a/b.txt") == b"one", "the reader goes on"


def test_blobs_are_the_ones_that_git_would_write(repository: Repository) -> None:
    for content in (b"", b"x", b"\x00\xff" * 1000):
        blob = repository.store(content)
        assert repository.git("hash-object", "--stdin", doing="asking", stdin=content or b"").decode().strip() == blob
        assert repository.store(content) == blob
        assert repository.read(blob) == content
    repository.git("fsck", "--strict", doing="checking")


def test_a_damaged_blob_is_none_and_is_mended_by_storing_it_again(repository: Repository) -> None:
    blob = repository.store(b"content")
    place = repository.path / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(b"")
    assert repository.read(blob) is None
    repository.store(b"content")
    assert repository.read(blob) == b"content"


def test_a_blob_over_the_limit_is_refused_and_the_reader_goes_on(repository: Repository) -> None:
    huge = repository.store(bytes(blobs.LIMIT + 1))
    small = repository.store(b"small")
    with pytest.raises(LedgerError, match="limit"):
        repository.read(huge)
    assert repository.read(small) == b"small"


def test_many_threads_read_each_their_own(repository: Repository) -> None:
    names = {number: repository.store(str(number).encode() * 500) for number in range(40)}
    wrong: list[int] = []

    def read() -> None:
        wrong.extend(n for n, name in names.items() if repository.read(name) != str(n).encode() * 500)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_packed_refs_are_found(repository: Repository) -> None:
    tip = write(repository, None, "one")
    repository.git("pack-refs", "--all", doing="packing")
    assert not (repository.path / BRANCH).exists()
    assert repository.ref(BRANCH) == tip
    assert repository.ref("refs/heads/other") is None


def test_packs_are_rolled_up_and_nothing_is_lost(repository: Repository) -> None:
    tips: list[str] = []
    for number in range(PACKS + 2):
        tips.append(write(repository, tips[-1] if tips else None, str(number)))
        repository.tidy()
    assert len(list((repository.path / "objects" / "pack").glob("*.pack"))) < PACKS
    assert [repository.read(f"{tip}:a/b.txt") for tip in tips] == [str(n).encode() for n in range(PACKS + 2)]


def test_a_lock_left_behind_is_removed_and_a_fresh_one_is_respected(repository: Repository) -> None:
    first = write(repository, None, "one")
    lock = repository.path / f"{BRANCH}.lock"
    lock.write_text("")
    with pytest.raises(LedgerError, match="lock"):
        write_or_raise(repository, first)
    assert lock.exists()
    old = lock.stat().st_mtime - STALE - 10
    os.utime(lock, (old, old))
    second = write(repository, first, "two")
    assert repository.ref(BRANCH) == second
    lock.write_text("")
    os.utime(lock, (old, old))
    assert repository.move(BRANCH, first, second)


def test_what_a_dead_process_began_is_swept_away_in_time(repository: Repository) -> None:
    tip = write(repository, None, "one")
    left = [repository.path / name for name in ("fast_import_crash_1", "objects/objabc", "objects/pack/tmp_pack_x")]
    for file in left:
        file.write_text("x")
        os.utime(file, (1, 1))
    fresh = repository.path / "objects" / "pack" / "tmp_pack_y"
    fresh.write_text("x")
    assert repository.append(BRANCH, None, MAIL, [NewCommit("refused", 0, {})]) is None
    assert not any(file.exists() for file in left)
    assert fresh.exists()
    assert repository.read(f"{tip}:a/b.txt") == b"one"


def write_or_raise(repository: Repository, tip: str) -> None:
    repository.append(BRANCH, tip, MAIL, [NewCommit("two", 0, {})])


def test_hooks_and_programs_of_the_repository_never_run(repository: Repository, tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    hooks = repository.path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-update", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {owned}\n")
        (hooks / name).chmod(0o755)
    with (repository.path / "config").open("a") as config:
        config.write(
            f'[log]\n\tshowSignature = true\n[gpg]\n\tprogram = "touch {owned}"\n'
            f'[core]\n\tfsmonitor = "touch {owned}"\n'
        )
        config.write(f'\tpager = "touch {owned}"\n\thooksPath = {hooks}\n')
    first = write(repository, None, "one")
    second = write(repository, first, "two")
    repository.move(BRANCH, first, second)
    list(repository.log(("%H",), first))
    repository.git("ls-tree", first, doing="listing")
    assert not owned.exists()
