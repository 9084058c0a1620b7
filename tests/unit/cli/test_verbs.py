"""The verbs on real repositories: what they print, and their exit codes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from gitops_mesh.ledger.branch import GitLedger
from gitops_mesh.model.ledger import Batch, Entry
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event
from tests.fakes.commands import Run
from tests.fakes.repository import Repository

BRANCH = "gitops-mesh/ledger/local"
REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")


@pytest.fixture
def shop(run: Run, tmp_path: Path) -> Path:
    """The configuration of a repository that was just laid out and committed."""
    repository = Repository.create(tmp_path)
    laid_out = tmp_path / "laid-out"
    assert run("init", laid_out).code == 0
    files = {str(p.relative_to(laid_out)): p.read_bytes() for p in laid_out.rglob("*") if p.is_file()}
    repository.commit(files, "Begin the mesh\x1b[2J")
    config = tmp_path / "gitops-mesh.yaml"
    config.write_text((laid_out / "gitops-mesh.yaml").read_text().replace("repository: .", "repository: origin.git"))
    return config


def ledger(shop: Path, count: int = 2) -> None:
    """A ledger with some entries, pushed to the origin."""
    told = GitLedger(
        shop.parent / ".gitops-mesh/ledger/local.git", BRANCH, "local", remote=str(shop.parent / "origin.git")
    )
    at = 1_800_000_000.0
    for n in range(1, count + 1):
        sentence = f"reviews: step {n}\x1b[2J"
        told.record(
            Batch((Entry("r-1", n, Event.STEPPED, sentence, at + n, (REVIEWS,), "a" * 40, "r-1", evidence="one\ntwo"),))
        )
    assert told.push()


def test_init_lays_out_what_validates(run: Run, tmp_path: Path) -> None:
    told = run("init", tmp_path / "new shop")
    assert told.code == 0
    assert "  mesh/reviews.yaml\n" in told.out
    assert f"  cd '{tmp_path}/new shop'" in told.out
    checked = run("validate", tmp_path / "new shop")
    assert (checked.code, checked.err) == (0, "")


def test_init_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    told = run("init", tmp_path)
    assert told.code == 1
    assert told.err == f"error: {tmp_path} is not empty\n→ name a folder that is empty or not there yet\n"


def test_validate_tells_place_rule_and_remedy(run: Run, shop: Path) -> None:
    bad = shop.parent / "laid-out/mesh/reviews.yaml"
    bad.write_text(bad.read_text().replace("subset: v2", "subset: v9"))
    told = run("validate", shop.parent / "laid-out")
    assert told.code == 1
    assert re.search(r"^mesh/reviews\.yaml:\d+:\d+: error: .*v9.* \[[a-z-]+\]$", told.out, re.MULTILINE)
    assert told.out.splitlines()[-1].startswith("1 error")
    findings = json.loads(run("validate", shop.parent / "laid-out", "-o", "json").out)
    assert [f["severity"] for f in findings if f["severity"] == "error"] == ["error"]


@pytest.mark.parametrize("words", [["validate", "/no/such/path"], ["-c", "/no/such.yaml", "validate", "."]])
def test_validate_that_cannot_run_ends_with_2(run: Run, words: list[str]) -> None:
    told = run(*words)
    assert told.code == 2
    assert told.err.startswith("error: /no/such")


def test_plan_tells_whether_there_are_changes(run: Run, shop: Path) -> None:
    assert run("-c", shop, "plan").code == 0
    told = run("-c", shop, "plan", "--exit-code")
    assert told.code == 2
    assert "cluster local:" in told.out
    assert "VirtualService shop/reviews" in told.out
    (cluster,) = json.loads(run("plan", "-c", shop, "-o", "json").out)
    assert cluster["cluster"] == "local"
    assert any("reviews" in sentence for sentence in cluster["plan"]["sentences"])
    assert "## local" in run("plan", "-c", shop, "-o", "markdown").out


def test_plan_that_cannot_run_ends_with_1(run: Run, shop: Path) -> None:
    shop.write_text(shop.read_text().replace("branch: main", "branch: mian"))
    told = run("-c", shop, "plan", "--exit-code")
    assert told.code == 1
    assert "mian" in told.err
    assert "→" in told.err


def test_status_says_that_head_diverges(run: Run, shop: Path) -> None:
    assert run("-c", shop, "status").code == 0
    told = run("-c", shop, "status", "--exit-code")
    assert told.code == 1
    assert "cluster local diverges from HEAD" in told.out
    assert "\x1b" not in told.out, "of the commit's subject"
    status = json.loads(run("-c", shop, "status", "-o", "json").out)
    assert status["clusters"][0]["diverges"] is True


def test_history_tells_the_timeline_oldest_first(run: Run, shop: Path) -> None:
    ledger(shop)
    told = run("-c", shop, "history")
    assert told.code == 0
    first, second = told.out.splitlines()
    assert re.fullmatch(r"2027-01-15 08:00:01  Stepped +reviews: step 1\S* ← aaaaaaaaa  \[[0-9a-f]{9}\]", first)
    assert "step 2" in second
    assert "\x1b" not in told.out
    assert run("-c", shop, "history", "-n", 1).out.splitlines() == [second]
    assert run("-c", shop, "history", "ratings").out == ""
    assert "    two\n" in run("-c", shop, "history", "shop/reviews", "--evidence").out
    (entry, _) = json.loads(run("-c", shop, "history", "r-1", "-o", "json").out)
    assert entry["entry"]["event"] == "Stepped"


def test_history_needs_nothing_but_a_clone_of_the_ledger(run: Run, shop: Path, tmp_path: Path) -> None:
    ledger(shop)
    clone = tmp_path / "ledger"
    origin = str(shop.parent / "origin.git")
    subprocess.run(["git", "clone", "-q", "--single-branch", "-b", BRANCH, origin, str(clone)], check=True)
    assert run("history", "--repo", clone).out == run("-c", shop, "history").out != ""
    assert run("history", "--repo", clone, "--branch", BRANCH).out != ""
    told = run("history", "--repo", tmp_path / "nothing")
    assert told.code == 1
    assert "there is no Git repository" in told.err


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort", "retry"])
def test_a_verb_on_what_is_not_there_lists_what_is(run: Run, shop: Path, verb: str) -> None:
    told = run("-c", shop, verb, "reviews")
    assert told.code == 1
    assert "'reviews'" in told.err
    assert "none" in told.err


def test_edit_of_what_is_not_there_lists_what_is(run: Run, shop: Path) -> None:
    told = run("-c", shop, "edit", "reviews")
    assert told.code == 1
    assert "error: 'reviews' names 0 objects\n→ choose from: nothing is there" in told.err


def test_envoy_that_does_not_run_says_so(run: Run, shop: Path) -> None:
    told = run("-c", shop, "envoy", "status")
    assert (told.code, told.out) == (1, "Envoy does not run\n")


def test_a_wrong_configuration_is_told_with_its_place(run: Run, shop: Path) -> None:
    shop.write_text(shop.read_text().replace("branch:", "branh:", 1))
    told = run("-c", shop, "status")
    assert told.code == 1
    assert re.match(rf"error: {shop}:\d+:3: unknown key `source\.branh`; did you mean `branch`\?", told.err)
    assert told.out == ""


def test_a_wrong_option_is_a_usage_error(run: Run) -> None:
    told = run("status", "--exitcode")
    assert told.code == 2
    assert "--exit-code" in told.err
