"""Writing loose blobs without a process: an accepted object is stored before each write of the mesh."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path


def store(git_dir: Path, content: bytes) -> str:
    """Write a blob into a SHA-1 repository; its id. Writing it again changes nothing. Raises OSError."""
    # Git's id, not a secret: the header, then the content.
    name = hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()
    place = git_dir / "objects" / name[:2] / name[2:]
    if place.is_file() and place.stat().st_size:
        return name
    place.unlink(missing_ok=True)  # empty after a power failure
    from git.db import GitDB  # noqa: PLC0415 - loaded where it is used; see `command`
    from gitdb import IStream  # type: ignore[import-untyped]  # noqa: PLC0415 - GitPython's own part, without types

    GitDB(str(git_dir / "objects")).store(IStream(b"blob", len(content), BytesIO(content)))
    return name
