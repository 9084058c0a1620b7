"""What ships beside the code: the policy library and the starter repository.

In a wheel they stand below the package (`_shipped/`), in a checkout beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def policy_names() -> tuple[str, ...]:
    """The names of the policies that ship, sorted."""
    return tuple(sorted(path.stem for path in _folder("policies").glob("*.yaml")))


def policy_text(name: str) -> bytes:
    """The manifests of one shipped policy. Raises KeyError for a name that is not in `policy_names()`."""
    if name not in policy_names():
        raise KeyError(name)
    return (_folder("policies") / f"{name}.yaml").read_bytes()


def repo_template() -> Path:
    """The folder of the starter repository that `init` lays out."""
    return _folder("repo-template")


def _folder(name: str) -> Path:
    shipped = _PACKAGE / "_shipped" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
