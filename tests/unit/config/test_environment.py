"""Environment variables that override single values."""

from __future__ import annotations

from pathlib import Path

from gitops_mesh.config import variables
from gitops_mesh.model.settings import IgnoredFields, LedgerSettings, SourceSettings
from tests.fakes.configs import LEAST, given, refused


def test_the_environment_overrides_single_values(tmp_path: Path) -> None:
    env = {
        "GITOPS_MESH_SOURCE_URL": "https://git.example.com/x",
        "GITOPS_MESH_SOURCE_INTERVAL": "5s",
        "GITOPS_MESH_LEDGER_PUSH": "False",
        "GITOPS_MESH_LEDGER_REMOTE": "ssh://h/ledger",
        "GITOPS_MESH_SERVER": "",
        "PATH": "/bin",
    }
    settings = given(tmp_path, LEAST, env)
    assert settings.source == SourceSettings("https://git.example.com/x", interval=5.0)
    assert settings.ledger == LedgerSettings(remote="ssh://h/ledger", push=False)
    assert settings.server == ""


def test_a_variable_is_named_when_its_value_is_wrong(tmp_path: Path) -> None:
    env = {"GITOPS_MESH_LEDGER_PUSH": "maybe", "GITOPS_MESH_SOURCE_INTERVAL": "soon"}
    assert refused(tmp_path, LEAST, env).message.splitlines() == [
        "GITOPS_MESH_LEDGER_PUSH: `ledger.push` is 'maybe'; expected true or false: whether to push at all",
        "GITOPS_MESH_SOURCE_INTERVAL: `source.interval` is 'soon'; expected a duration: 30s, 1m30s, 500ms",
    ]


def test_a_variable_that_overrides_nothing_is_told(tmp_path: Path) -> None:
    message = refused(tmp_path, LEAST, {"GITOPS_MESH_SOURCE_BRANH": "x", "GITOPS_MESH_SEVER": "x"}).message
    assert "variable GITOPS_MESH_SOURCE_BRANH overrides nothing; did you mean `GITOPS_MESH_SOURCE_BRANCH`?" in message
    assert "variable GITOPS_MESH_SEVER overrides nothing; did you mean `GITOPS_MESH_SERVER`?" in message


def test_variables_that_are_not_for_overriding_are_let_be(tmp_path: Path) -> None:
    text = LEAST + "forge: {kind: github, repository: a/b, tokenEnv: GITOPS_MESH_GITHUB}"
    links = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8642_TCP", "PORT_8642_TCP_ADDR")
    env = {f"GITOPS_MESH_{name}": "10.0.0.1" for name in (*links, "GITHUB", "CONFIG", "FORGE_TOKEN")}
    assert given(tmp_path, text, env).forge.token_env == "GITOPS_MESH_GITHUB"


def test_a_variable_below_what_is_no_mapping_leaves_the_file_to_blame(tmp_path: Path) -> None:
    text = "source: 1\nclusters: [{name: a}]\n"
    env = {"GITOPS_MESH_SOURCE_BRANCH": "x", "GITOPS_MESH_DRIFT": "report"}
    assert "gitops-mesh.yaml:1:9: `source` is 1; expected a mapping" in refused(tmp_path, text, env).message


def test_a_variable_leaves_the_rest_of_a_mapping_that_has_its_value(tmp_path: Path) -> None:
    text = LEAST + "drift: {action: correct, ignore: [{fields: [/spec/hosts]}]}"
    found = given(tmp_path, text, {"GITOPS_MESH_DRIFT": "report"})
    assert (found.drift, found.ignored) == ("report", (IgnoredFields(("/spec/hosts",)),))
    said = refused(tmp_path, text, {"GITOPS_MESH_DRIFT": "keep"}).message
    assert said == "GITOPS_MESH_DRIFT: `drift.action` is 'keep'; choose from: correct, report, ignore"


def test_every_variable_has_a_value_that_text_can_be() -> None:
    leaves = [leaf.get("then", leaf) for _, leaf in variables().values()]
    kinds = {leaf.get("type", "enum" if "enum" in leaf else leaf.get("$ref")) for leaf in leaves}
    assert kinds == {"string", "boolean", "enum", "#/$defs/duration", "#/$defs/inside"}
