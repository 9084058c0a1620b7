from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.errors import SourceError
from gitops_mesh.git.names import (
    checked_branch,
    checked_revision,
    checked_url,
    clean_line,
    clean_path,
    clean_text,
    is_unprintable,
    local_path,
    nearest,
    redacted,
    shown_url,
)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/mesh.git",
        "https://token@example.org:8443/mesh.git",
        "ssh://git@example.org:2222/acme/mesh.git",
        "git://example.org/mesh",
        "file:///srv/mesh.git",
        "git@example.org:acme/mesh.git",
        "example.org:mesh",
        "/srv/a folder/mesh.git",
    ],
)
def test_addresses_that_git_may_have(url: str) -> None:
    assert checked_url(url, SourceError) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=touch x",
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "fd::17",
        "EXT::sh",
        "::sh",
        "http://example.org/x",
        "ftp://example.org/x",
        "javascript://x",
        "ssh://-oProxyCommand=x/y",
        "ssh://u@-oProxyCommand=x/y",
        "-host:path",
        "u@-host:path",
        "relative/path",
        "../mesh",
        "https://example.org/\nx",
        "/srv/a\x00b",
        "/srv/\u202efdp",
    ],
)
def test_addresses_that_git_never_sees(url: str) -> None:
    with pytest.raises(SourceError):
        checked_url(url, SourceError)


@pytest.mark.parametrize("branch", ["main", "gitops-mesh/ledger/east-1", "release-1.2", "ünï"])
def test_branches(branch: str) -> None:
    assert checked_branch(branch, SourceError) == branch


@pytest.mark.parametrize(
    "branch",
    [
        *(
            "",
            "-f",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a\nb",
            "@",
            "a@{1}",
            "/a",
            "a/",
            "a//b",
        ),
        *(".a", "a/.b", "a.lock", "a.lock/b", "a."),
    ],
)
def test_no_branches(branch: str) -> None:
    with pytest.raises(SourceError):
        checked_branch(branch, SourceError)


@pytest.mark.parametrize("revision", ["", "main", "HEAD", "--all", "a" * 39, "A" * 40, "a" * 40 + "\n"])
def test_only_full_ids_are_revisions(revision: str) -> None:
    with pytest.raises(SourceError):
        checked_revision(revision, SourceError)
    assert checked_revision("a" * 40, SourceError)


def test_local_paths() -> None:
    assert local_path("/srv/mesh") == Path("/srv/mesh")
    assert local_path("file:///srv/a%20b") == Path("/srv/a b")
    assert local_path("https://example.org/srv") is None
    assert local_path("example.org:srv") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ada:s3cret@example.org/x", "https://***@example.org/x"),
        ("https://s3cret@example.org/x?token=s3cret", "https://***@example.org/x"),
        ("ssh://ada:s3c@ret@example.org/x", "ssh://***@example.org/x"),
        ("/srv/mesh", "/srv/mesh"),
    ],
)
def test_a_shown_url_has_no_credentials(text: str, shown: str) -> None:
    assert shown_url(text) == shown


def test_credentials_are_found_wherever_they_stand() -> None:
    url = "https://ada:p%40ss@example.org/x"
    said = redacted("no route to ada:p@ss on p%40ss; see https://bob:x@other.org/", url)
    assert said == "no route to ada:*** on ***; see https://***@other.org/"
    assert redacted("token t0ken denied", "https://t0ken@example.org/") == "token *** denied"
    assert redacted("git@example.org denied", "ssh://git@example.org/x") == "git@example.org denied"


def test_the_nearest_comes_first_and_a_long_list_ends() -> None:
    assert nearest("mian", ["develop", "main", "release"]).startswith("main, ")
    assert nearest("b", [f"b{n}" for n in range(30)]).endswith(" and 20 more")


def test_bytes_that_are_no_text_are_shown() -> None:
    assert clean_path(b"a/\xff.yaml") == "a/\\xff.yaml"
    assert clean_path("ä/\n\x1b.yaml".encode()) == "ä/\\n\\x1b.yaml"


@settings(max_examples=50)
@given(st.text(st.characters(), max_size=60))
def test_a_clean_line_is_one_printable_line(text: str) -> None:
    line = clean_line(text, 20)
    assert not is_unprintable(line)
    assert len(line) <= 20
    assert line == line.strip()
    assert clean_line(line, 20) == line


@settings(max_examples=50)
@given(st.text(st.characters(), max_size=80))
def test_clean_text_keeps_lines_and_nothing_else_that_controls(text: str) -> None:
    cleaned = clean_text(text)
    assert not any(is_unprintable(line) for line in cleaned.split("\n"))
    assert clean_text(cleaned) == cleaned
    assert not cleaned.startswith("\n")
