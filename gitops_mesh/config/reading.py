"""The file's bytes → a tree of plain values.

The file may come with a repository that somebody else wrote (`validate PATH` in CI), so nothing in it is
trusted: no tags that make objects, no anchors (a page of them can mean gigabytes), no key given twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gitops_mesh.errors import ConfigError

LIMIT = 1024 * 1024
"""Bytes."""


def read(file: Path) -> tuple[dict[str, Any], bytes]:
    """The tree of a file, and its bytes; every key is a string, as written. Raises ConfigError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LIMIT + 1)
    except OSError as error:
        remedy = "name one with --config, or lay out a repository with `gitops-mesh init DIR`"
        raise ConfigError(f"{file} cannot be read: {error.strerror}", remedy=remedy) from error
    if len(content) > LIMIT:
        raise ConfigError(f"{file} has more than {LIMIT:,} bytes, the limit for a configuration")
    try:
        tree = yaml.load(content, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        raise ConfigError(f"{place}: {error.problem}") from error
    except RecursionError as error:
        raise ConfigError(f"{file} is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of numbers and dates that there are none of
        raise ConfigError(f"{file} is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{file}: expected a mapping of settings", remedy="see docs/configuration.md")
    return tree, content


class _Loader(yaml.SafeLoader):
    """Refuses anchors and duplicate keys; keys are text, whatever they look like (`80`, `on`)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _refused(self.peek_event(), "anchors and aliases are not read here; write the value out")  # type: ignore[no-untyped-call] # of the stubs
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        out: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(key, "a key must be a plain word")
            if key.value in out:
                raise _refused(key, f"the key `{key.value}` is given twice")
            out[key.value] = self.construct_object(value, deep=True)
        return out


def _refused(place: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)
