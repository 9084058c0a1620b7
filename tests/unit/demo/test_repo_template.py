"""The starter repository that ships is clean, and means what it teaches."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitops_mesh import config, shipped, views
from gitops_mesh.demo import layout
from gitops_mesh.demo.team import weighed


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    return shutil.copytree(shipped.repo_template(), tmp_path / "shop")


def test_it_has_no_findings_not_even_warnings(starter: Path) -> None:
    assert views.validate(starter, config.load(starter / "gitops-mesh.yaml", env={})) == ()


def test_with_the_demos_policy_it_has_none_either(starter: Path) -> None:
    for pace in (layout.FAST, layout.SHOWN):
        layout.put_policy(starter, pace)
        assert views.validate(starter, config.load(starter / "gitops-mesh.yaml", env={})) == ()


def test_its_own_rule_is_enforced(starter: Path) -> None:
    route = starter / layout.ROUTE
    route.write_text(route.read_text().replace("      timeout: 5s\n", ""))
    (finding,) = views.validate(starter, config.load(starter / "gitops-mesh.yaml", env={}))
    assert finding.is_error
    assert "give the route a timeout" in finding.message


def test_the_edit_that_its_readme_teaches_is_clean(starter: Path) -> None:
    route = starter / layout.ROUTE
    route.write_text(weighed(route.read_text(), {"v1": 0, "v2": 100}))
    assert views.validate(starter, config.load(starter / "gitops-mesh.yaml", env={})) == ()


def test_editors_get_the_schema_that_ships(starter: Path) -> None:
    first = (starter / "gitops-mesh.yaml").read_text().splitlines()[0]
    named = starter / first.removeprefix("# yaml-language-server: $schema=")
    assert named.read_bytes() == Path(config.__file__).parents[1].joinpath("config.schema.json").read_bytes()


def test_every_file_that_its_readme_names_is_there(starter: Path) -> None:
    rows = [line for line in (starter / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert rows
    for row in rows:
        assert (starter / row.split("`")[1]).exists(), row
