"""Which files are manifests, and which only look like it: Helm templates, charts, kustomizations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SUFFIXES = (".yaml", ".yml", ".json")
_OURS = frozenset({"gitops-mesh.yaml", "gitops-mesh.yml", "gitops-mesh.schema.json"})
_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_CHARTS = frozenset({"Chart.yaml", "Chart.yml"})
_TEMPLATE = re.compile(rb"\{\{-?[ \t]*(?:[.$]|/\*|[a-zA-Z]+\b)")

KUSTOMIZATION = (
    "this is a kustomization; gitops-mesh reads plain manifests and does not build it",
    "commit what `kustomize build` prints, and keep its sources outside the configured path",
)
HELM = (
    "this is a Helm template, not YAML; gitops-mesh reads plain manifests and does not render it",
    "commit what `helm template` prints, and keep the chart outside the configured path",
)


def is_manifest_path(path: str) -> bool:
    """Whether a file (its path from the repository's root, with `/`) is read as manifests.

    `.yaml`, `.yml` and `.json` are; not the configuration of gitops-mesh nor its schema, nor what is in folders or
    files whose name begins with a dot.
    """
    *_, name = parts = path.split("/")
    return name.endswith(_SUFFIXES) and name not in _OURS and not any(part.startswith(".") for part in parts)


def template_line(content: bytes) -> int:
    """The first line (from 1) that has an action of a Go template; 0 when none has."""
    found = _TEMPLATE.search(content)
    return content.count(b"\n", 0, found.start()) + 1 if found else 0


def foreign(path: str, value: Mapping[str, Any]) -> tuple[str, tuple[str, str]] | None:
    """The rule's id, and message with remedy, when a document belongs to another tool."""
    name = path.rpartition("/")[2]
    if name in _KUSTOMIZATIONS or str(value.get("apiVersion", "")).startswith("kustomize.config.k8s.io/"):
        return "kustomization", KUSTOMIZATION
    if name in _CHARTS:
        return "helm-template", HELM
    return None
