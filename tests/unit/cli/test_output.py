"""Printing: hostile text moves no terminal, colour only where it is wanted, JSON is JSON."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from gitops_mesh.cli.output import fail, line, plain, say, say_json
from gitops_mesh.errors import ConfigError
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import ObjectKey

HOSTILE = "a\x1b[2Jb\x9bc\u202ed\re\x07\n\x00ü ✓"


def test_what_does_not_print_is_shown_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    line(HOSTILE)
    assert capsys.readouterr().out == (
        "a\\x1b[2Jb\\x9bc\\u202ed\\re\\x07\n\\x00ü ✓\na\\x1b[2Jb\\x9bc\\u202ed\\re\\x07\\n\\x00ü ✓\n"
    )


def test_json_holds_the_text_and_moves_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"text": HOSTILE, "far": "\U000e0001", "half": "\ud800"})
    out = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in out)
    assert json.loads(out) == {"text": HOSTILE, "far": "\U000e0001", "half": "\\ud800"}


def test_model_values_become_json() -> None:
    key = ObjectKey("g", "Kind", "ns", "name")
    finding = Finding("rule", Severity.ERROR, "wrong", "a.yaml", pointer=("spec", 0), object=key)
    told = plain({key: [finding, Fraction(1, 3), Path("/x"), None, True, {"b"}]})
    assert told["Kind ns/name"][0]["severity"] == "error"
    assert told["Kind ns/name"][0]["pointer"] == ["spec", 0]
    assert told["Kind ns/name"][0]["object"] == {"group": "g", "kind": "Kind", "namespace": "ns", "name": "name"}
    assert told["Kind ns/name"][1:] == ["1/3", "/x", None, True, ["b"]]


def test_errors_name_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    fail(ConfigError("it is wrong", remedy="do this"))
    fail(OSError(28, "No space left on device", "/state/x"))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: it is wrong\n→ do this\nerror: /state/x: No space left on device\n"


def on_a_terminal(env: dict[str, str]) -> str:
    """What `--version`-like output looks like on a terminal."""
    leader, follower = pty.openpty()
    code = "from gitops_mesh.cli.output import say; say('hello', colour='red')"
    base = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run([sys.executable, "-c", code], stdout=follower, env={**base, **env}, check=True)
    os.close(follower)
    with io.FileIO(leader) as read:
        return read.read(1000).decode()


def test_colour_is_for_terminals_without_no_color(capsys: pytest.CaptureFixture[str]) -> None:
    assert on_a_terminal({}) == "\x1b[31mhello\x1b[0m\r\n"
    assert on_a_terminal({"NO_COLOR": "1"}) == "hello\r\n"
    say("hello", colour="red")
    assert capsys.readouterr().out == "hello\n"


def test_a_reader_who_has_had_enough_gets_no_traceback(tmp_path: Path) -> None:
    for index in range(300):
        (tmp_path / f"{index}.yaml").write_text("kind: " + "x" * 400)
    command = [sys.executable, "-m", "gitops_mesh", "validate", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(10)
        child.stdout.close()
        assert child.stderr.read() == b""


def test_a_terminal_without_utf_8_is_served(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: ünïcode ✓\n")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "gitops_mesh", "validate", str(tmp_path)]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
