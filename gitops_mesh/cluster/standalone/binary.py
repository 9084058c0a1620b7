"""Finding Envoy on this machine."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from gitops_mesh.errors import ClusterError

REMEDY = "install it with `pip install 'gitops-mesh[standalone]'`, or put an `envoy` on the PATH"


def find_envoy(explicit: Path | None = None) -> Path:
    """The Envoy to run: as told, of the wheel, beside this Python, on the PATH. Raises ClusterError."""
    if explicit is not None:
        if _runs(explicit):
            return explicit
        raise ClusterError(f"there is no Envoy that can be run at {explicit}", remedy=REMEDY)
    for candidate in _candidates():
        if _runs(candidate):
            return candidate
    raise ClusterError("there is no Envoy on this machine, and the standalone mesh needs one", remedy=REMEDY)


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("envoy")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(folder) / "_bin" / "envoy"
    yield Path(sys.executable).parent / "envoy"
    found = shutil.which("envoy")
    if found:
        yield Path(found)


def _runs(path: Path) -> bool:
    return path.is_file() and shutil.which(str(path)) is not None
