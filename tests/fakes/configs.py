"""Configurations in a folder, read or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops_mesh.config import load
from gitops_mesh.errors import ConfigError
from gitops_mesh.model.settings import Settings

LEAST = "source: {repository: repo}\nclusters: [{name: demo}]\n"


def given(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Settings:
    (folder / "gitops-mesh.yaml").write_text(text)
    return load(folder, env or {})


def refused(folder: Path, text: str, env: Mapping[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        given(folder, text, env)
    return error.value
