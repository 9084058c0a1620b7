"""`gitops-mesh.yaml` → Settings: read safely, overridden by the environment, checked by `config.schema.json`.

Every mistake is told at once, with file, line and column (or the environment variable), the field, what
was expected, and the nearest known name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gitops_mesh.config.building import settings
from gitops_mesh.config.checking import check
from gitops_mesh.config.environment import override, variables
from gitops_mesh.config.reading import read
from gitops_mesh.config.rules import schema, seconds
from gitops_mesh.model.settings import Settings

__all__ = ["NAME", "found", "load", "schema", "seconds", "variables"]

NAME = "gitops-mesh.yaml"


def load(path: Path | None, env: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file, or of the `gitops-mesh.yaml` of a folder (default: here or above).

    `env` overrides single values; by default it is the environment of this process. Raises ConfigError.
    """
    file = (path or found()).absolute()
    file = file / NAME if file.is_dir() else file
    tree, content = read(file)
    overridden = override(tree, os.environ if env is None else env)
    check(tree, content, file, overridden)
    return settings(tree, file)


def found() -> Path:
    """The nearest `gitops-mesh.yaml`, here or in a folder above; else where it would be."""
    here = Path.cwd()
    return next((folder / NAME for folder in (here, *here.parents) if (folder / NAME).is_file()), here / NAME)
