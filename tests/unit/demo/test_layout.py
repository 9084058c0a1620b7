from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from gitops_mesh.config import load
from gitops_mesh.demo import layout
from gitops_mesh.demo.team import git
from gitops_mesh.errors import GitOpsMeshError

TEMPLATE = Path(__file__).parents[3] / "repo-template"


def test_the_origin_has_the_template_with_the_demos_policy(tmp_path: Path) -> None:
    where, team = layout.make(tmp_path / "demo", TEMPLATE, layout.FAST)
    tracked = git(where.origin, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {str(p.relative_to(TEMPLATE)) for p in TEMPLATE.rglob("*") if p.is_file()} <= set(tracked)
    policy = yaml.safe_load(git(where.origin, "show", f"main:{layout.POLICY}"))
    assert [step["fraction"] for step in policy["spec"]["steps"]] == [*layout.FAST.steps, 1]
    assert team.read(layout.ROUTE) == (TEMPLATE / layout.ROUTE).read_text()


def test_the_configuration_names_the_backends_and_the_ports(tmp_path: Path) -> None:
    where, _ = layout.make(tmp_path / "demo", TEMPLATE, layout.FAST)
    layout.configure(where, {"v1": 1, "v2": 2, "v3": 3, "frontend": 4, "control": 5}, layout.FAST)
    content = yaml.safe_load(where.config.read_text())
    mesh = content["clusters"][0]["standalone"]
    assert [(e["port"], e["labels"]) for e in mesh["endpoints"]["reviews.shop"]] == [
        (1, {"version": "v1"}), (2, {"version": "v2"}), (3, {"version": "v3"}),
    ]  # fmt: skip
    assert mesh["endpoints"]["frontend.shop"] == [{"address": "127.0.0.1", "port": 4}]
    settings = load(where.config, env={})
    assert settings.source.url == str(where.origin)
    assert settings.clusters[0].standalone.ports == {80: where.ports.gateway}
    assert len({mesh["meshPort"], mesh["adminPort"], mesh["ports"][80], where.ports.server}) == 4


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(GitOpsMeshError, match="is not empty"):
        layout.make(tmp_path, TEMPLATE, layout.FAST)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_free_ports_are_free_and_differ() -> None:
    ports = layout.free_ports(6)
    assert len(set(ports)) == 6
    for port in ports:
        assert port in layout.BELOW_EPHEMERAL
        socket.create_server(("127.0.0.1", port)).close()
