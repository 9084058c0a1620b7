"""`gitops-mesh.yaml`: what it means, and that schema, settings and documentation agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh.config import load, schema, seconds, variables
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.settings import (
    ClusterSettings,
    EndpointSettings,
    ForgeSettings,
    IgnoredFields,
    KubernetesSettings,
    LeaseSettings,
    LedgerSettings,
    MetricsSettings,
    PolicySettings,
    PrometheusSettings,
    Scope,
    Settings,
    SourceSettings,
    StandaloneSettings,
    WebhookSettings,
)
from tests.fakes.configs import LEAST, given

ROOT = Path(__file__).parents[3]
OTHERS = (
    *("tokenEnv", "tokenFile", "passwordEnv"),
    *("queries", "queries.requests", "queries.errors", "queries.latency"),
)
"""Keys that exclude others, and have a test of their own."""


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
  - name: far
    kind: kubernetes
    kubernetes:
      kubeconfig: far.yaml
      context: far
      namespaces: [shop]
      force: [kubectl*, k9s]
      propagation: 500ms
      lease: {namespace: ops, name: mesh, duration: 9s}
policies: {shipped: [a]}
ledger: {branch: "audit/{cluster}", remote: ../ledger.git, push: false}
metrics:
  provider: prometheus
  timeout: 1s
  prometheus:
    url: https://prometheus.example.com
    preset: istio
    reporter: waypoint
    matchers: {cluster: east}
    username: u
    passwordFile: password
    insecure: false
    caFile: ca.pem
    certFile: cert.pem
    keyFile: /key.pem
drift: {action: report, ignore: [{kinds: [VirtualService], fields: [/spec/http/*/timeout]}]}
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
            ClusterSettings(
                "far",
                "kubernetes",
                kubernetes=KubernetesSettings(
                    str(tmp_path / "far.yaml"),
                    "far",
                    ("shop",),
                    ("kubectl*", "k9s"),
                    0.5,
                    LeaseSettings("ops", "mesh", 9.0),
                ),
            ),
        ),
        policies=PolicySettings(("a",)),
        ledger=LedgerSettings("audit/{cluster}", str(tmp_path.parent / "ledger.git"), push=False),
        metrics=MetricsSettings(
            "prometheus",
            1.0,
            PrometheusSettings(
                url="https://prometheus.example.com",
                preset="istio",
                reporter="waypoint",
                matchers={"cluster": "east"},
                username="u",
                password_file=str(tmp_path / "password"),
                ca_file=str(tmp_path / "ca.pem"),
                cert_file=str(tmp_path / "cert.pem"),
                key_file="/key.pem",
            ),
        ),
        drift="report",
        ignored=(IgnoredFields(("/spec/http/*/timeout",), ("VirtualService",)),),
        adopt="report",
        server="[::1]:80",
        notify=(WebhookSettings("https://example.com/x", ("Regressed",)),),
        forge=ForgeSettings("gitea", "https://git.example.com/api/v1", "a/b", "TOKEN"),
    )
    used = {key for key, _ in keys(schema())}
    others = {f"metrics.prometheus.{key}" for key in OTHERS}
    assert used == set(written(yaml.safe_load(text))) | others | {"source.repository"}


@pytest.mark.parametrize(
    ("text", "action", "ignored"),
    [
        ("ignore", "ignore", ()),
        ("{}", "correct", ()),
        ("{action: report}", "report", ()),
        ("{ignore: [{fields: [/spec/hosts]}]}", "correct", (IgnoredFields(("/spec/hosts",)),)),
    ],
)
def test_drift_is_a_word_or_a_mapping(
    tmp_path: Path, text: str, action: str, ignored: tuple[IgnoredFields, ...]
) -> None:
    found = given(tmp_path, f"{LEAST}drift: {text}")
    assert (found.drift, found.ignored) == (action, ignored)


@pytest.mark.parametrize(
    ("text", "given_"),
    [
        ("tokenEnv: T", PrometheusSettings("https://p", token_env="T")),
        ("tokenFile: /t", PrometheusSettings("https://p", token_file="/t")),
        ("{username: u, passwordEnv: P}", PrometheusSettings("https://p", username="u", password_env="P")),
        (
            "{preset: custom, queries: {requests: 'a{b=~\"{{ hosts }}\"}', errors: b, latency: c}}",
            PrometheusSettings(
                "https://p",
                "custom",
                queries={"requests": 'a{b=~"{{ hosts }}"}', "errors": "b", "latency": "c"},
            ),
        ),
    ],
)
def test_every_way_to_a_prometheus_is_read(tmp_path: Path, text: str, given_: PrometheusSettings) -> None:
    inner = text.removeprefix("{").removesuffix("}") if text.startswith("{") else text
    part = f"metrics: {{provider: prometheus, prometheus: {{url: 'https://p', {inner}}}}}"
    assert given(tmp_path, LEAST + part).metrics == MetricsSettings("prometheus", prometheus=given_)


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


@pytest.mark.parametrize("folder", ["repo-template", "deploy/kustomize/base"])
def test_what_ships_is_a_configuration(folder: str) -> None:
    assert load(ROOT / folder, {}).clusters[0].standalone.ports == {80: 8080}


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
            if not path.endswith((".endpoints", ".ports", ".labels", ".matchers")):
                yield key
            yield from written(inner, key)
