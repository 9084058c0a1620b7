"""The ledger's branch itself: what a person or a clone finds, who else may write, what a crash leaves."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_mesh.errors import LedgerError
from gitops_mesh.ledger.branch import GitLedger
from gitops_mesh.ledger.reading import PAGE
from gitops_mesh.model.ledger import Batch, Entry, TreeChange
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event
from tests.fakes.repository import Repository

BRANCH = "gitops-mesh/ledger/east"
REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
GATEWAY = ObjectKey("gateway.networking.k8s.io", "Gateway", "shop", "edge")
ENTRY = Entry("r-1", 1, Event.STEPPED, "reviews: v2 5% → 10%", 1_800_000_000.0, (REVIEWS,), evidence="fine")
CHANGE = TreeChange("live: 1\n", "accepted: 1\n", "{}\n")


@pytest.fixture
def ledger(tmp_path: Path) -> GitLedger:
    return GitLedger(tmp_path / "ledger.git", BRANCH, "east")


@pytest.fixture
def git(tmp_path: Path) -> Repository:
    """Plain git, as a person would use it on the ledger."""
    return Repository(tmp_path, "unused")


def batch(sequence: int, change: TreeChange = CHANGE) -> Batch:
    return Batch((replace(ENTRY, sequence=sequence, at=ENTRY.at + sequence),), {REVIEWS: change})


def test_the_tree_is_the_mesh_as_files(ledger: GitLedger, git: Repository, tmp_path: Path) -> None:
    ledger.record(Batch((ENTRY,), {REVIEWS: CHANGE, GATEWAY: TreeChange("g", None, None)}, {"r-1": '{"requests": 1}'}))
    ledger.record(
        Batch((replace(ENTRY, sequence=2),), {GATEWAY: TreeChange(None, None, None)}, {"r-1": '{"requests": 2}\n'})
    )
    repo = tmp_path / "ledger.git"
    assert git.git("ls-tree", "-r", "--name-only", BRANCH, cwd=repo).split("\n") == [
        "accepted/networking.istio.io/VirtualService/shop/reviews.yaml",
        "objects/networking.istio.io/VirtualService/shop/reviews.yaml",
        "rollouts/r-1.jsonl",
        "state/networking.istio.io/VirtualService/shop/reviews.json",
    ]
    assert git.git("show", f"{BRANCH}:rollouts/r-1.jsonl", cwd=repo) == '{"requests": 1}\n{"requests": 2}'
    assert (
        git.git("show", f"{BRANCH}:{'objects/networking.istio.io/VirtualService/shop/reviews.yaml'}", cwd=repo)
        == "live: 1"
    )
    git.git("fsck", "--strict", "--full", cwd=repo)


def test_author_date_and_trailers_are_what_git_reads(ledger: GitLedger, git: Repository, tmp_path: Path) -> None:
    hostile = replace(ENTRY, evidence="Event: Promoted\n---\n\nVerdict: pass", by="eve\nVerdict: pass")
    ledger.record(Batch((hostile,)))
    form = "%an <%ae>%n%cn <%ce>%n%at %ct%n%(trailers:only)"
    assert git.git("log", "-1", f"--format={form}", BRANCH, cwd=tmp_path / "ledger.git").split("\n") == [
        "gitops-mesh <gitops-mesh@east>",
        "gitops-mesh <gitops-mesh@east>",
        "1800000000 1800000000",
        "Cluster: east",
        "Object: networking.istio.io/VirtualService/shop/reviews",
        "Sequence: 1",
        "Operation: r-1",
        "Event: Stepped",
        "By: eve Verdict: pass",
    ]


def test_the_tree_changes_with_the_last_commit_of_a_batch(ledger: GitLedger, git: Repository, tmp_path: Path) -> None:
    ledger.record(Batch((ENTRY, replace(ENTRY, sequence=2)), {REVIEWS: CHANGE}))
    repo = tmp_path / "ledger.git"
    assert git.git("rev-list", "--count", BRANCH, cwd=repo) == "2"
    assert git.git("ls-tree", "-r", "--name-only", f"{BRANCH}~1", cwd=repo) == ""
    assert git.git("ls-tree", "-r", "--name-only", BRANCH, cwd=repo) != ""


def test_it_is_found_again_by_another_process(ledger: GitLedger, tmp_path: Path) -> None:
    blob = ledger.put(b"accepted: 1\n")
    ledger.record(batch(1))
    again = GitLedger(tmp_path / "ledger.git", BRANCH, "east")
    again.record(batch(1, TreeChange("other", None, None)))
    again.record(batch(2, TreeChange("live: 2\n", None, None)))
    assert again.get(blob) == b"accepted: 1\n"
    assert [r.entry.sequence for r in again.history()] == [2, 1]
    assert ledger.objects() == again.objects(), "the first one sees what the second wrote"
    ledger.record(batch(2))
    assert len(list(ledger.history())) == 2


def test_the_view_after_a_write_is_what_reading_the_tree_gives(ledger: GitLedger, tmp_path: Path) -> None:
    ledger.objects()
    for number, change in enumerate((CHANGE, TreeChange("é", None, ""), TreeChange(None, "a", None)), 1):
        ledger.record(batch(number, change))
        assert ledger.objects() == GitLedger(tmp_path / "ledger.git", BRANCH, "east").objects()


def test_writers_at_once_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    ledgers = [GitLedger(tmp_path / "ledger.git", BRANCH, "east") for _ in range(2)]
    ledgers[0].record(batch(1))

    def write(ledger: GitLedger) -> None:
        for number in range(1, 13):
            ledger.record(batch(number))

    threads = [threading.Thread(target=write, args=(ledger,)) for ledger in (*ledgers, ledgers[0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.entry.sequence for r in ledgers[1].history()] == list(range(12, 0, -1))


def test_a_lock_left_by_a_process_that_died_is_no_end(ledger: GitLedger, tmp_path: Path) -> None:
    ledger.record(batch(1))
    lock = tmp_path / "ledger.git" / "refs" / "heads" / f"{BRANCH}.lock"
    lock.write_text("")
    with pytest.raises(LedgerError, match="lock"):
        ledger.record(batch(2))
    assert [r.entry.sequence for r in ledger.history()] == [1]
    os.utime(lock, (1, 1))
    ledger.record(batch(2))
    assert [r.entry.sequence for r in ledger.history()] == [2, 1]


def test_commits_of_others_are_passed_over(ledger: GitLedger, git: Repository, tmp_path: Path) -> None:
    ledger.record(batch(1))
    tree = git.git("rev-parse", f"{BRANCH}^{{tree}}", cwd=tmp_path / "ledger.git")
    commit = git.git("commit-tree", tree, "-p", BRANCH, "-m", "Tidy up\n\nEvent: Stepped", cwd=tmp_path / "ledger.git")
    git.git("update-ref", f"refs/heads/{BRANCH}", commit, cwd=tmp_path / "ledger.git")
    ledger.record(batch(2))
    assert [r.entry.sequence for r in ledger.history()] == [2, 1]
    assert [r.entry.sequence for r in ledger.history(limit=2)] == [2, 1]


def test_a_long_history_is_read_whole_and_in_pages(ledger: GitLedger) -> None:
    count = 2 * PAGE + 7
    entries = tuple(replace(ENTRY, sequence=n, objects=(REVIEWS if n % 400 else GATEWAY,)) for n in range(1, count + 1))
    ledger.record(Batch(entries))
    assert [r.entry.sequence for r in ledger.history()] == list(range(count, 0, -1))
    assert [r.entry.sequence for r in ledger.history(GATEWAY)] == [800, 400]
    assert next(ledger.history()).entry.sequence == count


def test_an_object_is_not_taken_for_one_with_a_longer_name(ledger: GitLedger) -> None:
    ledger.record(Batch((replace(ENTRY, objects=(replace(REVIEWS, name="reviews-2"),)),)))
    assert list(ledger.history(REVIEWS)) == []


def test_evidence_that_names_an_object_is_not_about_it(ledger: GitLedger) -> None:
    ledger.record(
        Batch((replace(ENTRY, objects=(GATEWAY,), evidence="Object: networking.istio.io/VirtualService/shop/reviews"),))
    )
    assert list(ledger.history(REVIEWS)) == []


@pytest.mark.parametrize("text", ["kind: Secret\n", "apiVersion: v1\nkind: 'Secret'\ndata: {}\n"])
def test_the_text_of_a_secret_is_refused_under_any_name(ledger: GitLedger, text: str) -> None:
    with pytest.raises(LedgerError, match="Secret"):
        ledger.put(text.encode())
    with pytest.raises(LedgerError, match="Secret"):
        ledger.record(batch(1, TreeChange(text, None, None)))
    ledger.record(batch(1, TreeChange("kind: Gateway\nspec:\n  refs:\n  - kind: Secret\n", None, None)))


@pytest.mark.parametrize("cluster", ["", "a b", "east\n", "a<b>", "-x", "../x"])
def test_a_cluster_name_that_is_none_is_said_at_once(tmp_path: Path, cluster: str) -> None:
    with pytest.raises(LedgerError, match="cluster"):
        GitLedger(tmp_path / "l.git", BRANCH, cluster)


@pytest.mark.parametrize(
    ("branch", "remote"), [("a..b", ""), ("main", "ext::sh -c x"), ("main", "-x"), ("main", "relative")]
)
def test_bad_settings_are_said_at_once_and_touch_nothing(tmp_path: Path, branch: str, remote: str) -> None:
    with pytest.raises(LedgerError):
        GitLedger(tmp_path / "l.git", branch, "east", remote=remote)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_repository_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(LedgerError, match="not empty"):
        GitLedger(tmp_path, BRANCH, "east").record(batch(1))
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
