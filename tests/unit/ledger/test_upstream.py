"""The ledger and its remote: taken over, away, refused, rewritten, hung."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_mesh.errors import LedgerError, Unreachable
from gitops_mesh.ledger.branch import GitLedger
from gitops_mesh.ledger.reading import read_history
from gitops_mesh.model.ledger import Batch, Entry, TreeChange
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event
from tests.fakes.repository import Repository
from tests.fakes.silence import silent_server

BRANCH = "gitops-mesh/ledger/east"
KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
ENTRY = Entry("r-1", 1, Event.STEPPED, "reviews: v2 5% → 10%", 1_800_000_000.0, (KEY,))


@pytest.fixture
def team(tmp_path: Path) -> Repository:
    team = Repository.create(tmp_path / "team")
    team.merge({"a.yaml": "a"}, "Begin")
    return team


def ledger_of(team: Repository, tmp_path: Path, name: str = "ledger", *, push: bool = True) -> GitLedger:
    return GitLedger(tmp_path / f"{name}.git", BRANCH, "east", remote=str(team.origin), push=push, timeout=30)


def batch(sequence: int, operation: str = "r-1") -> Batch:
    entry = replace(ENTRY, operation=operation, sequence=sequence, at=ENTRY.at + sequence)
    return Batch((entry,), {KEY: TreeChange(f"live: {sequence}\n", None, None)})


def remote_tip(team: Repository) -> str:
    return team.git("rev-parse", "--verify", "--quiet", BRANCH, cwd=team.origin, check=False)


def sequences(ledger: GitLedger) -> list[int]:
    return [recorded.entry.sequence for recorded in ledger.history()]


def test_a_push_brings_every_entry_and_no_other_branch(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    main = team.git("rev-parse", "main", cwd=team.origin)
    ledger.record(batch(1))
    ledger.record(batch(2))
    assert remote_tip(team) == ""
    assert ledger.push()
    assert remote_tip(team) == next(ledger.history()).commit
    assert team.git("for-each-ref", "--format=%(refname)", cwd=team.origin).split() == [
        f"refs/heads/{BRANCH}",
        "refs/heads/main",
    ]
    assert team.git("rev-parse", "main", cwd=team.origin) == main


def test_an_empty_ledger_takes_over_what_the_remote_has(team: Repository, tmp_path: Path) -> None:
    first = ledger_of(team, tmp_path)
    first.record(batch(1))
    first.push()
    second = ledger_of(team, tmp_path, "second")
    assert second.objects()[KEY].live == "live: 1\n"
    second.record(batch(1))
    second.record(batch(2))
    assert sequences(second) == [2, 1]
    assert second.push()
    third = ledger_of(team, tmp_path, "third")
    third.record(batch(3))
    assert sequences(third) == [3, 2, 1], "recording alone takes it over as well"


def test_without_push_the_remote_is_only_read(team: Repository, tmp_path: Path) -> None:
    writer = ledger_of(team, tmp_path)
    writer.record(batch(1))
    writer.push()
    reader = ledger_of(team, tmp_path, "reader", push=False)
    reader.record(batch(2))
    before = remote_tip(team)
    assert reader.push()
    assert remote_tip(team) == before
    assert sequences(reader) == [2, 1]


def test_an_empty_ledger_waits_for_a_remote_that_is_away(team: Repository, tmp_path: Path) -> None:
    away = team.origin.with_suffix(".away")
    team.origin.rename(away)
    ledger = ledger_of(team, tmp_path)
    with pytest.raises(Unreachable):
        ledger.objects()
    with pytest.raises(Unreachable):
        list(ledger.history())
    with pytest.raises(LedgerError, match="earlier ledger"):
        ledger.record(batch(1))
    assert ledger.get(ledger.put(b"x")) == b"x"
    away.rename(team.origin)
    assert ledger.objects() == {}
    ledger.record(batch(1))
    assert ledger.push()


def test_with_entries_of_its_own_it_goes_on_while_the_remote_is_away(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    ledger.push()
    away = team.origin.with_suffix(".away")
    team.origin.rename(away)
    restarted = ledger_of(team, tmp_path)
    restarted.record(batch(2))
    assert restarted.objects()[KEY].live == "live: 2\n"
    with pytest.raises(Unreachable):
        restarted.push()
    away.rename(team.origin)
    assert restarted.push()
    assert remote_tip(team) == next(restarted.history()).commit


def test_a_rewritten_branch_is_never_overwritten(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    ledger.push()
    other = GitLedger(tmp_path / "other.git", BRANCH, "east")
    other.record(batch(9, "theirs"))
    team.git("push", "--quiet", "--force", str(team.origin), BRANCH, cwd=tmp_path / "other.git")
    rewritten = remote_tip(team)
    ledger.record(batch(2))
    for _ in range(2):
        with pytest.raises(LedgerError, match="was rewritten") as raised:
            ledger.push()
        assert BRANCH in raised.value.message
        assert "push --force" in raised.value.remedy
    assert remote_tip(team) == rewritten
    assert sequences(ledger) == [2, 1], "the local ledger is kept"
    team.git(
        "push",
        "--quiet",
        "--force",
        str(team.origin),
        f"{next(ledger.history()).commit}:refs/heads/{BRANCH}",
        cwd=tmp_path / "ledger.git",
    )
    assert ledger.push(), "the remedy works"


def test_a_branch_that_lost_its_newest_commits_gets_them_back(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    ledger.push()
    old = remote_tip(team)
    ledger.record(batch(2))
    ledger.push()
    team.git("update-ref", f"refs/heads/{BRANCH}", old, cwd=team.origin)
    ledger.record(batch(3))
    assert ledger.push()
    assert remote_tip(team) == next(ledger.history()).commit


def test_a_ledger_restored_from_an_old_backup_follows_the_remote(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    ledger.push()
    subprocess.run(["cp", "-r", str(tmp_path / "ledger.git"), str(tmp_path / "backup.git")], check=True)
    ledger.record(batch(2))
    ledger.push()
    restored = ledger_of(team, tmp_path, "backup")
    assert sequences(restored) == [1]
    assert restored.push()
    assert sequences(restored) == [2, 1]
    restored.record(batch(2))
    restored.record(batch(3))
    assert restored.push()
    assert sequences(restored) == [3, 2, 1]


def test_a_refusal_quotes_the_remote(team: Repository, tmp_path: Path) -> None:
    hook = team.origin / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    hook.chmod(0o755)
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    with pytest.raises(LedgerError, match=r"refused the push.*hook declined") as raised:
        ledger.push()
    assert "protection rules" in raised.value.remedy
    hook.unlink()
    assert ledger.push()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to another user")
def test_hooks_of_another_users_repository_are_not_run(team: Repository, tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    hook = team.origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {owned}\n")
    hook.chmod(0o755)
    subprocess.run(["chown", "-R", "12345:12345", str(team.origin)], check=True)
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    with pytest.raises(LedgerError, match="another user") as raised:
        ledger.push()
    assert "owner" in raised.value.remedy
    assert not owned.exists()


def test_a_push_that_hangs_holds_up_no_record(tmp_path: Path) -> None:
    seed = GitLedger(tmp_path / "ledger.git", BRANCH, "east")
    seed.record(batch(1))
    with silent_server() as port:
        ledger = GitLedger(tmp_path / "ledger.git", BRANCH, "east", remote=f"git://127.0.0.1:{port}/x", timeout=2)
        failed: list[Exception] = []

        def push() -> None:
            try:
                ledger.push()
            except Unreachable as error:
                failed.append(error)

        thread = threading.Thread(target=push)
        thread.start()
        began = time.monotonic()
        ledger.record(batch(2))
        assert ledger.objects()[KEY].live == "live: 2\n"
        assert time.monotonic() - began < 1.5
        thread.join()
        assert len(failed) == 1


def test_any_clone_of_the_branch_alone_tells_the_same_story(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    for number in range(1, 4):
        ledger.record(batch(number))
    ledger.push()
    told = list(ledger.history())
    clone = ("clone", "--quiet", "--single-branch", "--branch", BRANCH, str(team.origin))
    team.git(*clone, str(tmp_path / "tree"))
    team.git(*clone, "--bare", str(tmp_path / "bare.git"))
    team.git("fetch", "--quiet", "origin")
    places: list[tuple[Path | str, str]] = [
        (tmp_path / "tree", ""),
        (tmp_path / "tree", BRANCH),
        (tmp_path / "bare.git", BRANCH),
        (f"file://{tmp_path / 'bare.git'}", ""),
        (team.clone, BRANCH),
        (team.origin, BRANCH),
    ]
    for place, branch in places:
        assert list(read_history(place, branch)) == told
    assert list(read_history(tmp_path / "tree", key=replace(KEY, name="other"))) == []
    assert list(read_history(tmp_path / "tree", limit=1)) == told[:1]


def test_a_place_without_a_ledger_says_what_there_is(team: Repository, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no branch") as raised:
        list(read_history(team.origin, BRANCH))
    assert "main" in raised.value.remedy
    with pytest.raises(LedgerError, match="no Git repository"):
        list(read_history(tmp_path / "nowhere"))
    assert list(read_history(team.origin, "main")) == [], "a branch of something else has no entries"


def test_a_replica_that_takes_over_goes_on_where_the_other_one_was(team: Repository, tmp_path: Path) -> None:
    first, second = (ledger_of(team, tmp_path, name) for name in ("first", "second"))
    first.record(batch(1))
    first.push()
    second.follow()
    second.record(batch(2))
    second.push()
    first.follow()
    assert sequences(first) == [2, 1]
    first.record(batch(3))
    assert first.push()
    assert sequences(ledger_of(team, tmp_path, "third")) == [3, 2, 1]


def test_commits_that_another_replica_overtook_are_set_aside(team: Repository, tmp_path: Path) -> None:
    first, second = (ledger_of(team, tmp_path, name) for name in ("first", "second"))
    first.record(batch(1))
    first.push()
    first.record(batch(2, "not-pushed"))
    second.follow()
    second.record(batch(2))
    second.push()
    first.follow()
    assert [r.entry.operation for r in first.history()] == ["r-1", "r-1"]
    aside = team.git("for-each-ref", "refs/gitops-mesh/aside", cwd=tmp_path / "first.git")
    assert aside.count("\n") == 0
    assert aside
    first.record(batch(2, "not-pushed"))
    assert first.push(), "what stood in the outbox is recorded again"


def test_following_keeps_what_is_only_here(team: Repository, tmp_path: Path) -> None:
    ledger = ledger_of(team, tmp_path)
    ledger.record(batch(1))
    ledger.follow()
    assert sequences(ledger) == [1]
    ledger.push()
    ledger.record(batch(2))
    ledger.follow()
    assert sequences(ledger) == [2, 1]
