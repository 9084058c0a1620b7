"""`gitops-mesh.yaml`: what it means, and what is said when it is wrong."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh.config import load, schema, seconds, variables
from gitops_mesh.errors import ConfigError
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.settings import (
    ClusterSettings,
    EndpointSettings,
    ForgeSettings,
    LedgerSettings,
    MetricsSettings,
    PolicySettings,
    Scope,
    Settings,
    SourceSettings,
    StandaloneSettings,
    WebhookSettings,
)

LEAST = "source: {repository: repo}\nclusters: [{name: demo}]\n"
ROOT = Path(__file__).parents[2]


def test_the_least_file_gets_every_default(tmp_path: Path) -> None:
    assert given(tmp_path, LEAST) == Settings(
        file=tmp_path / "gitops-mesh.yaml",
        state=tmp_path / ".gitops-mesh",
        source=SourceSettings(str(tmp_path / "repo")),
        clusters=(ClusterSettings("demo"),),
    )


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """
state: /var/lib/gitops-mesh
source:
  url: git@git.example.com:shop/mesh.git
  branch: release
  path: ./mesh/
  interval: 1m30s
  timeout: 500ms
  scopes: [{name: shop, paths: [mesh/shop/, mesh/pay]}]
clusters:
  - name: edge
    kind: standalone
    standalone:
      meshPort: 1
      adminPort: 2
      address: ::1
      ports: {80: 8080}
      endpoints: {reviews.shop: [{address: 10.0.0.1, port: 9080, labels: {version: v1}}]}
policies: {shipped: [a]}
ledger: {branch: audit, remote: ../ledger.git, push: false}
metrics: {provider: envoy, timeout: 1s}
drift: report
adopt: report
server: "[::1]:80"
notify: [{url: "https://example.com/x", events: [Regressed]}]
forge: {kind: gitea, url: "https://git.example.com/api/v1", repository: a/b, tokenEnv: TOKEN}
"""
    assert given(tmp_path, text) == Settings(
        file=tmp_path / "gitops-mesh.yaml",
        state=Path("/var/lib/gitops-mesh"),
        source=SourceSettings(
            "git@git.example.com:shop/mesh.git",
            "release",
            "mesh",
            90.0,
            0.5,
            (Scope("shop", ("mesh/shop", "mesh/pay")),),
        ),
        clusters=(
            ClusterSettings(
                "edge",
                "standalone",
                StandaloneSettings(
                    1, 2, {80: 8080}, {"reviews.shop": (EndpointSettings("10.0.0.1", 9080, {"version": "v1"}),)}, "::1"
                ),
            ),
        ),
        policies=PolicySettings(("a",)),
        ledger=LedgerSettings("audit", str(tmp_path.parent / "ledger.git"), push=False),
        metrics=MetricsSettings("envoy", 1.0),
        drift="report",
        adopt="report",
        server="[::1]:80",
        notify=(WebhookSettings("https://example.com/x", ("Regressed",)),),
        forge=ForgeSettings("gitea", "https://git.example.com/api/v1", "a/b", "TOKEN"),
    )
    used = {key for key, _ in keys(schema())}
    assert used == set(written(yaml.safe_load(text))) | {"source.repository"}


def test_every_key_and_variable_is_documented() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    documented = {row[0].strip("|` "): row for row in rows}
    sections = {"source", "policies", "ledger", "metrics"}
    of_schema = dict(keys(schema()))
    assert documented.keys() == of_schema.keys() - sections
    overriding = {".".join(path): name for name, (path, _) in variables().items()}
    for key, row in documented.items():
        assert re.findall(r"GITOPS_MESH_\w+(?=` \|$)", row[-1]) == ([overriding[key]] if key in overriding else []), key
        default = of_schema[key].get("default", "")
        if default not in ("", []):
            assert row[2] == f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_defaults_of_the_schema_are_those_in_force(tmp_path: Path) -> None:
    settings = given(tmp_path, LEAST)
    for key, part in keys(schema()):
        if "default" not in part or key.startswith(("notify[]", "clusters[].kind")):
            continue
        value: Any = settings
        for name in key.replace("clusters[]", "clusters").split("."):
            value = value[0] if isinstance(value, tuple) and value else value
            value = getattr(value, re.sub(r"([A-Z])", r"_\1", name).lower())
        default = part["default"]
        default = seconds(default) if part.get("$ref", "").endswith("duration") else default
        assert value == (tuple(default) if isinstance(default, list) else default), key


def test_every_key_says_what_it_is() -> None:
    assert [key for key, part in keys(schema()) if not part.get("description")] == []


def test_events_are_those_of_the_ledger() -> None:
    hook = schema()["properties"]["notify"]["items"]["properties"]["events"]
    assert hook["items"]["enum"] == [str(event) for event in Event]


def test_the_template_is_a_configuration() -> None:
    assert load(ROOT / "repo-template", {}).clusters[0].standalone.ports == {80: 8080}


def test_a_page_of_mistakes_is_told_at_once(tmp_path: Path) -> None:
    text = """
sorce: 1
source:
  repository: repo
  branh: main
  interval: 30
  path: ../elsewhere
clusters:
  - name: Demo
    standalone:
      meshPort: 70000
      ports: {-1: 80}
      endpoints: {a: [{port: 1, labels: {version: 1}}]}
drift: off
ledger: {push: maybe}
"""
    file = tmp_path / "gitops-mesh.yaml"
    lines = refused(tmp_path, text).message.splitlines()
    assert lines == [
        (
            f"{file}:2:1: unknown key `sorce`; did you mean `source`? (choose from: state, source, clusters, policies, "
            "ledger, metrics, drift, adopt, server, notify, forge)"
        ),
        (
            f"{file}:5:3: unknown key `source.branh`; did you mean `branch`? (choose from: url, repository, branch, path, "
            "interval, timeout, scopes)"
        ),
        f"{file}:6:13: `source.interval` is 30; expected a text: a duration: 30s, 1m30s, 500ms",
        (
            f"{file}:7:9: `source.path` is '../elsewhere'; expected a folder inside the repository, from its root, "
            "without `..`"
        ),
        (
            f"{file}:9:11: `clusters[0].name` is 'Demo'; expected the cluster's name, in lower case letters, digits and "
            "hyphens; the ledger's branch is named after it"
        ),
        f"{file}:11:17: `clusters[0].standalone.meshPort` is 70000; expected a port from 1 to 65535",
        f"{file}:12:7: `clusters[0].standalone.ports` has the key '-1'; expected a port's number",
        f"{file}:13:23: `clusters[0].standalone.endpoints.a[0].address` is missing",
        (
            f"{file}:13:51: `clusters[0].standalone.endpoints.a[0].labels.version` is 1; expected a text "
            "(write it in quotes)"
        ),
        f"{file}:14:8: `drift` is false; choose from: correct, report, ignore",
        f"{file}:15:16: `ledger.push` is 'maybe'; expected true or false: whether to push at all",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: {url: 'https://h/r', repository: r}\nclusters: [{name: a}]", "1:1: `source` needs `url` or"),
        ("source: {}\nclusters: [{name: a}]", "1:1: `source` needs `url` or `repository`, and not both"),
        ("source: {url: /srv/r}\nclusters: [{name: a}]", "1:15: `source.url` is not usable; expected URL of the rep"),
        ("source: {repository: r}", "1:1: `clusters` is missing"),
        ("source:\nclusters: [{name: a}]", "1:8: `source` is empty; expected a mapping: the repository of manifests"),
        (LEAST + "drift: ignor", "3:8: `drift` is 'ignor'; did you mean `ignore`? (choose from: correct, report, ign"),
        (LEAST + "server: here", "3:9: `server` is 'here'; expected ADDRESS:PORT of the HTTP server; empty: none"),
        (LEAST + "server: 'h:70000'", "3:9: `server` is 'h:70000'; expected a port from 0 to 65535"),
        (LEAST + "metrics: {timeout: 0s}", "3:20: `metrics.timeout` is 0s; expected 100ms to 168h"),
        (LEAST + "metrics: {timeout: 99999999h}", "3:20: `metrics.timeout` is 99999999h; expected 100ms to 168h"),
        (LEAST + "drift: correct\ndrift: report", "4:1: the key `drift` is given twice"),
        (LEAST + "forge: {kind: gitea, repository: a/b}", "3:1: `forge.url` is missing: gitea has no public API"),
        (
            "source: {repository: r}\nclusters: [{name: a}, {name: a}]",
            "2:30: `clusters[1].name` is 'a', which is taken",
        ),
        (
            "source: {repository: r}\nclusters: [{name: a, standalone: {meshPort: 15000}}]",
            "2:22: `clusters[0].standalone.adminPort` is 15000, as is `clusters[0].standalone.meshPort`; each listener",
        ),
        (
            "source: {repository: r}\nclusters: [{name: a, standalone: {address: here, ports: {70000: 1}}}]",
            "2:44: `clusters[0].standalone.address` is 'here'; expected an IP address",
        ),
        (
            (
                "source: {repository: r}\nclusters: [{name: a}, {name: b, standalone: {meshPort: 1, adminPort: 2}}]\n"
                "ledger: {branch: audit}"
            ),
            "3:18: `ledger.branch` needs {cluster} in it",
        ),
        ("a: &x 1\nb: *x", "2:4: anchors and aliases are not read here; write the value out"),
        ("a: &x [*x]", "1:8: anchors and aliases are not read here; write the value out"),
        ("? [a]\n: b", "1:3: a key must be a plain word"),
        ("a: !!python/object:os.system {}", "1:4: could not determine a constructor for the tag"),
        ("\ta: 1", "1:1: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 1", "2:1: but found another document"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert f"{tmp_path / 'gitops-mesh.yaml'}:{said}" in refused(tmp_path, text).message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a mapping of settings"),
        ("- a", "expected a mapping of settings"),
        ("a: " + "[" * 5000, "is nested too deeply"),
        ("a: " + "9" * 5000, "is not YAML: Exceeds the limit"),
        ("a: 2001-99-99", "is not YAML: month must be in 1..12"),
        ("a: \x07", "is not YAML: unacceptable character"),
        ("#" * 1_048_577, "has more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text).message


def test_no_message_repeats_what_may_be_a_secret(tmp_path: Path) -> None:
    error = refused(tmp_path, LEAST + "notify: [{url: hooks.example.com/T0/hunter2}]\nledger: {remote: [hunter2]}")
    assert "notify[0].url" in error.message
    assert "ledger.remote" in error.message
    assert "hunter2" not in str(error)


def test_a_file_that_is_not_there_names_the_way_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "none.yaml", {})
    assert error.value.message == f"{tmp_path / 'none.yaml'} cannot be read: No such file or directory"
    assert "gitops-mesh init" in error.value.remedy


def test_many_mistakes_are_cut(tmp_path: Path) -> None:
    lines = refused(tmp_path, LEAST + "\n".join(f"x{i}: 1" for i in range(30))).message.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 10 more"


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


def test_every_variable_has_a_value_that_text_can_be() -> None:
    kinds = {leaf.get("type", "enum" if "enum" in leaf else leaf.get("$ref")) for _, leaf in variables().values()}
    assert kinds == {"string", "boolean", "enum", "#/$defs/duration", "#/$defs/inside"}


def given(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Settings:
    (folder / "gitops-mesh.yaml").write_text(text)
    settings = load(folder, env or {})
    assert dataclasses.is_dataclass(settings)
    return settings


def refused(folder: Path, text: str, env: Mapping[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        given(folder, text, env)
    return error.value


def keys(part: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key of the schema, as the documentation writes it."""
    for name, inner in part.get("properties", {}).items():
        key = f"{path}.{name}" if path else name
        yield key, inner
        items, values = inner.get("items", {}), inner.get("additionalProperties")
        yield from keys(inner, key)
        yield from keys(items, f"{key}[]")
        if isinstance(values, dict) and "items" in values:
            yield from keys(values["items"], f"{key}.HOST[]")


def written(tree: Any, path: str = "") -> Iterator[str]:
    """Every key of a file, likewise."""
    if isinstance(tree, list):
        for item in tree:
            yield from written(item, f"{path}[]")
    elif isinstance(tree, dict):
        for name, inner in tree.items():
            key = f"{path}.HOST" if path.endswith(".endpoints") else f"{path}.{name}" if path else str(name)
            if not path.endswith((".endpoints", ".ports", ".labels")):
                yield key
            yield from written(inner, key)
