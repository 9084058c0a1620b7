"""New commits as a stream for `git fast-import`: exact byte counts, so that no text can become a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gitops_mesh.git.names import is_unprintable

AUTHOR = "gitops-mesh"


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be written: what it changes in the tree before it. `at` in seconds since the epoch."""

    message: str
    at: float
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    """Path → content, `None` removes. The caller has checked that each component is safe."""


def stream(ref: str, tip: str | None, mail: str, commits: Sequence[NewCommit]) -> bytes:
    """Commits on top of `tip`; git answers with the id of the last."""
    parts: list[bytes] = []
    for number, commit in enumerate(commits, 1):
        parts += _one(ref, mail, number, commit, tip if number == 1 else None)
    parts.append(f"get-mark :{len(commits)}\ndone\n".encode())
    return b"".join(parts)


def _one(ref: str, mail: str, number: int, commit: NewCommit, tip: str | None) -> Iterator[bytes]:
    yield f"commit {ref}\nmark :{number}\ncommitter {AUTHOR} <{mail}> {max(0, int(commit.at))} +0000\n".encode()
    yield _data(commit.message.encode("utf-8", "replace"))
    if tip is not None:
        yield f"from {tip}\n".encode()
    for path, content in sorted(commit.files.items()):
        if is_unprintable(path) or path.startswith('"'):
            raise ValueError(f"unsafe path {path!r}")
        if content is None:
            yield f"D {path}\n".encode()
        else:
            yield f"M 100644 inline {path}\n".encode()
            yield _data(content)
    yield b"\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
