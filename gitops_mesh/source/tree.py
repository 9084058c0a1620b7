"""The files of a revision, from one `git ls-tree`."""

from __future__ import annotations

from pathlib import PurePosixPath

from gitops_mesh.errors import SourceError
from gitops_mesh.git.names import clean_line, clean_path, is_unprintable, nearest
from gitops_mesh.git.repository import Repository
from gitops_mesh.model.revisions import FileKind, SourceFile

_KINDS = {b"120000": FileKind.SYMLINK, b"160000": FileKind.SUBMODULE}
_WORDS = {FileKind.FILE: "a file", FileKind.SYMLINK: "a symlink", FileKind.SUBMODULE: "a submodule"}


def checked_path(path: str) -> str:
    """A folder of the repository without slashes around it, `""` for its root. Raises SourceError."""
    parts = PurePosixPath(path.strip("/")).parts
    if path.startswith("/") or ".." in parts or is_unprintable(path):
        remedy = "name a folder relative to the repository's root, without `..`"
        raise SourceError(f"the source's path {clean_line(path)!r} leads outside the repository", remedy=remedy)
    return "/".join(part for part in parts if part != ".")


def files_of(repository: Repository, revision: str, path: str) -> tuple[SourceFile, ...]:
    """Every file below the folder `path`, sorted. Raises SourceError."""
    words = ("ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", revision)
    where = (f"{path}/",) if path else ()
    out = repository.git(*words, *where, doing=f"listing the files of {revision[:12]}")
    return tuple(sorted((_file(line) for line in out.split(b"\0") if line), key=lambda file: file.path))


def require_folder(repository: Repository, revision: str, path: str) -> None:
    """Raise SourceError if `path` is no folder of the revision."""
    if not path:
        return
    said = _entry(repository, revision, path)
    if said == "a folder":
        return
    found = repository.git(
        "ls-tree", "-r", "-d", "-z", "--name-only", "--full-tree", revision, doing="listing its folders"
    )
    folders = [clean_path(name) for name in found.split(b"\0") if name]
    choices = (
        f"set `path` to a folder: {nearest(path, folders)}" if folders else "leave `path` empty: it has no folders"
    )
    raise SourceError(f"the source's path {path!r} is {said} at revision {revision[:12]}", remedy=choices)


def _entry(repository: Repository, revision: str, path: str) -> str:
    out = repository.git("ls-tree", "-z", "--full-tree", revision, path, doing=f"looking for {path}")
    if not out:
        return "not there"
    mode, kind, *_ = out.split(b"\t", 1)[0].split()
    return "a folder" if kind == b"tree" else _WORDS[_KINDS.get(mode, FileKind.FILE)]


def _file(line: bytes) -> SourceFile:
    meta, _, path = line.partition(b"\t")
    mode, _, blob, size = meta.split()
    kind = _KINDS.get(mode, FileKind.FILE)
    return SourceFile(clean_path(path), blob.decode(), int(size) if size.isdigit() else 0, kind)
