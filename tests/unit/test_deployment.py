"""What `deploy/` grants is what the managed kinds need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh.validation.kinds import POLICY_GROUP, served

DEPLOY = Path(__file__).parents[2] / "deploy"
IRREGULAR = {"Gateway": "gateways", "ProxyConfig": "proxyconfigs"}


def plural(kind: str) -> str:
    if kind in IRREGULAR:
        return IRREGULAR[kind]
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}es" if lower.endswith("ss") else f"{lower}s"


def granted() -> dict[str, dict[str, set[str]]]:
    """Group → resource → verbs, of the ClusterRole."""
    documents = yaml.safe_load_all((DEPLOY / "kustomize" / "cluster" / "rbac.yaml").read_text())
    role = next(document for document in documents if document["kind"] == "ClusterRole")
    found: dict[str, dict[str, set[str]]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault(group, {}).setdefault(resource, set()).update(rule["verbs"])
    return found


def test_every_managed_kind_can_be_written_and_nothing_else() -> None:
    wanted = {
        group: {plural(kind): {"list", "watch", "create", "patch", "delete"} for kind in kinds}
        for group, kinds in served().items()
        if group != POLICY_GROUP
    }
    others = {
        "": {"pods": {"list", "watch"}},
        "discovery.k8s.io": {"endpointslices": {"list", "watch"}},
        "events.k8s.io": {"events": {"create"}},
    }
    assert granted() == wanted | others


def test_the_chart_grants_what_the_kustomize_base_does() -> None:
    base = (DEPLOY / "kustomize" / "cluster" / "rbac.yaml").read_text()
    chart = (DEPLOY / "helm" / "gitops-mesh" / "templates" / "rbac.yaml").read_text()
    rules = base.split("rules:\n", 1)[1].split("---", 1)[0].strip()
    assert rules in chart


@pytest.mark.parametrize("folder", ["base", "cluster"])
def test_the_kustomization_names_files_that_are_there(folder: str) -> None:
    home = DEPLOY / "kustomize" / folder
    tree: dict[str, Any] = yaml.safe_load((home / "kustomization.yaml").read_text())
    named = [*tree["resources"], *(file for made in tree["configMapGenerator"] for file in made["files"])]
    assert {path.name for path in home.iterdir()} == {*named, "kustomization.yaml"}
