from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitops_mesh.errors import SourceError
from gitops_mesh.git.command import Outcome, run
from gitops_mesh.git.failures import Kind, failure
from gitops_mesh.git.repository import Repository
from tests.fakes.silence import silent_server


def git(*words: str, timeout: float = 30, stdin: bytes = b"") -> str:
    return run(words, timeout=timeout, error=SourceError, stdin=stdin).out.decode()


def test_nothing_of_our_environment_reaches_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.gitconfig"
    theirs.write_text('[url "ext::"]\n\tinsteadOf = https://\n[alias]\n\tversion = !touch owned\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(theirs))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.sshCommand=touch owned'")
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch owned")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_PROXY_COMMAND", "touch owned")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    repository = Repository(tmp_path / "r.git", SourceError)
    repository.create()
    settings = repository.git("config", "--list", doing="asking").decode()
    for foreign in ("insteadof", "touch", "alias"):
        assert foreign not in settings.lower()
    # An alias with `!` shows what a child of git sees.
    seen = run(
        ["-c", "alias.env=!env", f"--git-dir={repository.path}", "env"], timeout=30, error=SourceError
    ).out.decode()
    assert "s3cret" not in seen
    assert "elsewhere" not in seen
    assert "GIT_SSH_COMMAND=ssh -oBatchMode=yes" in seen
    assert "GIT_TERMINAL_PROMPT=0" in seen


def test_only_four_protocols_are_allowed(tmp_path: Path) -> None:
    for url in ("ext::sh -c touch% owned", "http://127.0.0.1:1/x", "ftp://127.0.0.1:1/x"):
        refused = run(["ls-remote", url], timeout=30, error=SourceError)
        assert refused.status != 0
        assert "not allowed" in refused.err
    assert not Path("/owned").exists()


def test_a_late_process_is_ended_with_its_children() -> None:
    with silent_server() as port:
        began = time.monotonic()
        outcome = run(["ls-remote", f"git://127.0.0.1:{port}/x"], timeout=0.3, error=SourceError)
        assert outcome.late
        assert time.monotonic() - began < 10
    assert failure(outcome).kind is Kind.LATE
    sleeping = run(["-c", "alias.nap=!sleep 60 & sleep 60", "nap"], timeout=0.3, error=SourceError)
    assert sleeping.late, "a grandchild that holds the pipes holds up nobody"


def test_standard_input_is_given_whole() -> None:
    text = b"x" * 1_000_000
    blob = hashlib.sha1(b"blob 1000000\0" + text, usedforsecurity=False).hexdigest()
    assert git("hash-object", "--stdin", stdin=text).strip() == blob


def test_no_git_on_this_machine_is_one_clear_error(tmp_path: Path) -> None:
    env = subprocess.run(["which", "env"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "env").symlink_to(env)
    code = (
        "from gitops_mesh.git.command import run\nfrom gitops_mesh.errors import SourceError\n"
        "try:\n    run(['version'], timeout=5, error=SourceError)\nexcept SourceError as e:\n    print(e)\n"
    )
    for path in (str(tmp_path), str(tmp_path / "nothing")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": path},
            cwd=Path.cwd(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.startswith("there is no `git` program")
        assert "install git" in done.stdout


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("fatal: write error: No space left on device", Kind.FULL),
        ("fatal: sha1 file '/x/tmp_pack_1' write error. Out of diskspace", Kind.FULL),
        ("fatal: detected dubious ownership in repository at '/srv/x'", Kind.OWNER),
        ("git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.", Kind.ACCESS),
        ("fatal: could not read Username for 'https://example.org': terminal prompts disabled", Kind.ACCESS),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", Kind.ACCESS),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", Kind.HOST_KEY),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", Kind.AWAY),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 503", Kind.AWAY),
        (
            "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.",
            Kind.AWAY,
        ),
        ("fatal: couldn't find remote ref refs/heads/x", Kind.NO_REF),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", Kind.MISSING),
        ("fatal: cannot open '/srv/x/HEAD': Permission denied", Kind.UNREADABLE),
        ("fatal: mismatched algorithms: client sha1; server sha256", Kind.HASHES),
        ("error: object 1: missingEmail\nfatal: fsck error in packed object", Kind.DAMAGED),
        ("fatal: Unable to create '/x/HEAD.lock': File exists.", Kind.LOCKED),
        ("something new", Kind.OTHER),
    ],
)
def test_what_git_says_is_understood(said: str, kind: Kind) -> None:
    failed = failure(Outcome(128, b"", said))
    assert failed.kind is kind
    told = failed.error(SourceError, "the source x", "fetching")
    assert str(told).startswith("the source x: ")
    assert kind is Kind.OTHER or told.remedy
