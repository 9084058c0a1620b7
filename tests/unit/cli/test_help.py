"""Help: it teaches by example, and it is quick because it imports little."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gitops_mesh.cli.main import VERBS
from tests.fakes.commands import Run

HEAVY = (
    "yaml",
    "orjson",
    "jsonschema",
    "git",
    "starlette",
    "uvicorn",
    "apscheduler",
    "prometheus_client",
    "rich",
    "sqlite3",
)


def test_help_lists_every_verb_with_what_it_does(run: Run) -> None:
    told = run("--help")
    assert told.code == 0
    for verb, (_, line) in VERBS.items():
        assert f"  {verb} " in told.out
        assert line in told.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_teaches_by_example(run: Run, verb: str) -> None:
    told = run(verb, "--help")
    assert told.code == 0
    examples = told.out.partition("Example")[2]
    assert (
        f"\n    gitops-mesh {verb}" in examples
        or f" gitops-mesh {verb}" in examples
        or f"gitops-mesh {verb}" in examples
    )
    assert "\b" not in told.out


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["status", "--help"], ["run", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """This, and not a stopwatch, is what keeps it within 150 ms."""
    code = (
        "import sys\nfrom gitops_mesh.cli.main import main\n"
        f"try: main({words!r})\nexcept SystemExit as e: assert e.code == 0, e.code\n"
        f"print('IMPORTED', [n for n in {HEAVY!r} if n in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "IMPORTED []"


def test_a_misspelt_verb_gets_the_nearest(run: Run) -> None:
    told = run("stauts")
    assert told.code == 2
    assert "no verb is named 'stauts'; did you mean `status`?" in told.err
    assert "choose from: init, validate, plan" in run("xyzzy").err


def test_no_verb_shows_the_help(run: Run) -> None:
    told = run()
    assert told.code == 2
    assert "gitops-mesh demo" in told.out + told.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(run: Run, shell: str) -> None:
    told = run("completion", shell)
    assert told.code == 0
    assert f"_GITOPS_MESH_COMPLETE={shell}_complete" in told.out


def test_the_shell_completes_verbs() -> None:
    env = {**os.environ, "_GITOPS_MESH_COMPLETE": "bash_complete", "COMP_WORDS": "gitops-mesh pl", "COMP_CWORD": "1"}
    told = subprocess.run([sys.executable, "-m", "gitops_mesh"], env=env, capture_output=True, text=True, check=False)
    assert told.stdout.split() == ["plain,plan"]
