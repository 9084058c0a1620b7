"""YAML's merge key (`<<`), with the meaning that go-yaml v2 gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MERGE: Final = object()
"""Stands for the key `<<`."""
MERGE_TAG: Final = "tag:yaml.org,2002:merge"


def merged(value: Any) -> dict[str, Any] | None:
    """The fields that `<<: value` brings: of several mappings the first wins; `None` for anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    fields: dict[str, Any] = {}
    for item in reversed(value):
        fields.update(item)
    return fields
