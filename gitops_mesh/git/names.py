"""What may be a URL, a branch, a revision; how text from outside is made fit for a message."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gitops_mesh.errors import GitOpsMeshError

PROTOCOLS = ("file", "https", "ssh", "git")
"""The transports that are allowed; everything else, `ext::` above all, is refused."""

_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?:[^@/:\s]+@)?([^/:@\s]+):(?!//).+")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]*(?:@[^/\s@]*)*@")
_REF = re.compile(r"[ ~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$|^[-/.]|^@$|^$")


def checked_url(url: str, error: type[GitOpsMeshError], what: str = "the repository") -> str:
    """`url` if it is safe to hand to git: file, https, ssh or git, `host:path`, or an absolute path."""
    choices = "use an https://, ssh://, git:// or file:// URL, host:path, or an absolute path"
    if not url or url.startswith("-") or is_unprintable(url):
        raise error(f"{what} has no usable address: {shown_url(url)!r}", remedy=choices)
    if _HELPER.match(url):
        helper = url.split("::", 1)[0]
        raise error(f"{what} uses the transport `{clean_line(helper)}::`, which is never allowed", remedy=choices)
    scheme = _SCHEME.match(url)
    if scheme:
        if scheme[1].lower() not in PROTOCOLS:
            raise error(f"{what} uses {scheme[1]}://, which is not allowed", remedy=choices)
        host = _host(url, error, what)
    else:
        scp = None if url.startswith("/") else _SCP.fullmatch(url)
        if scp is None and not url.startswith("/"):
            raise error(f"{what} is at {shown_url(url)!r}, which is neither a URL nor an absolute path", remedy=choices)
        host = scp[1] if scp else ""
    if host.startswith("-"):
        raise error(f"{what} is on a host whose name begins with `-`: {shown_url(url)!r}", remedy=choices)
    return url


def _host(url: str, error: type[GitOpsMeshError], what: str) -> str:
    try:
        parts = urlsplit(url)
        return (parts.netloc.rpartition("@")[2] if parts.scheme != "file" else "") or ""
    except ValueError as problem:
        raise error(f"{what} is at {shown_url(url)!r}, which is no URL: {problem}") from problem


def local_path(url: str) -> Path | None:
    """The folder that a URL names on this machine, `None` for a remote one."""
    if url.startswith("/"):
        return Path(url)
    if url.lower().startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    return None


def checked_branch(branch: str, error: type[GitOpsMeshError]) -> str:
    """`branch` if git would take it as a branch's name."""
    if is_unprintable(branch) or _REF.search(branch):
        raise error(
            f"{clean_line(branch)!r} cannot be a branch's name",
            remedy="name it without spaces, `..`, and any of ~ ^ : ? * [ \\",
        )
    return branch


def checked_revision(revision: str, error: type[GitOpsMeshError]) -> str:
    """`revision` if it is a full commit or blob id."""
    if not _REVISION.fullmatch(revision):
        raise error(f"{clean_line(revision)[:80]!r} is not a full commit id")
    return revision


def shown_url(url: str) -> str:
    """A URL for messages: without user name, password and query, on one line."""
    return clean_line(redacted(url)).split("?", 1)[0]


def redacted(text: str, url: str = "") -> str:
    """`text` with the credentials of every URL in it replaced, and those of `url` wherever they stand."""
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    return _USERINFO.sub(r"\1***@", text)


def _secrets(url: str) -> list[str]:
    found = _USERINFO.match(url)
    if not found:
        return []
    user, colon, password = found[0].removeprefix(found[1])[:-1].partition(":")
    secrets = {password} if colon else set()
    if not colon and found[1].lower() != "ssh://":  # a token that stands alone; `ssh://git@` is no secret
        secrets.add(user)
    secrets |= {unquote(secret) for secret in secrets}
    return sorted((secret for secret in secrets if secret), key=len, reverse=True)


def clean_line(text: str, limit: int = 0) -> str:
    """One line of printable text: whitespace runs become one space, control and bidi characters vanish."""
    line = " ".join(_printable(text).split())
    return line if not limit or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def clean_text(text: str) -> str:
    """Several lines of printable text; no trailing whitespace, no control characters."""
    lines = [
        _printable(line.replace("\t", " ")).rstrip() for line in re.split(r"\r\n|[\r\n\v\f\x85\u2028\u2029]", text)
    ]
    return "\n".join(lines).strip("\n")


def clean_path(raw: bytes) -> str:
    """A path of a tree as text; bytes that are no printable UTF-8 are shown with a backslash, in hexadecimal."""
    text = raw.decode("utf-8", "backslashreplace")
    if not is_unprintable(text):
        return text
    return "".join(c.encode("unicode_escape").decode() if is_unprintable(c) else c for c in text)


def nearest(name: str, names: Iterable[str], limit: int = 10) -> str:
    """`names` as a list for a message, those most like `name` first."""
    ranked = sorted(names, key=lambda other: (-difflib.SequenceMatcher(None, name, other).ratio(), other))
    more = f" and {len(ranked) - limit} more" if len(ranked) > limit else ""
    return ", ".join(clean_line(other, 80) for other in ranked[:limit]) + more


def is_unprintable(text: str) -> bool:
    """Whether a value holds a control character, a line break, a bidi override or half a surrogate."""
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    kept = (c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else _gap(c) for c in text)
    return "".join(kept)


def _gap(character: str) -> str:
    return " " if character in "\t\n\r\v\f\x85\u2028\u2029" else ""
