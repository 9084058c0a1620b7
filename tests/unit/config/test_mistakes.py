"""What is said when the configuration is wrong, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.config import load
from gitops_mesh.errors import ConfigError
from tests.fakes.configs import LEAST, given, refused


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
            f"{file}:5:3: unknown key `source.branh`; did you mean `branch`? (choose from: url, repository, branch, "
            "path, interval, timeout, scopes)"
        ),
        f"{file}:6:13: `source.interval` is 30; expected a text: a duration: 30s, 1m30s, 500ms",
        (
            f"{file}:7:9: `source.path` is '../elsewhere'; expected a folder inside the repository, from its root, "
            "without `..`"
        ),
        (
            f"{file}:9:11: `clusters[0].name` is 'Demo'; expected the cluster's name, in lower case letters, digits "
            "and hyphens; the ledger's branch is named after it"
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
        (LEAST + "drift: {acton: report}", "3:9: unknown key `drift.acton`; did you mean `action`? (choose from: act"),
        (LEAST + "drift: {action: keep}", "3:17: `drift.action` is 'keep'; choose from: correct, report, ignore"),
        (LEAST + "drift: {ignore: [{kinds: [Gateway]}]}", "3:18: `drift.ignore[0].fields` is missing"),
        (LEAST + "drift: {ignore: [{fields: []}]}", "3:19: `drift.ignore[0].fields` is a list; expected JSON pointers"),
        (
            LEAST + "drift: {ignore: [{kinds: [VirtalService], fields: [/spec/hosts]}]}",
            "3:27: `drift.ignore[0].kinds[0]` is 'VirtalService', which is no kind of the mesh; did you mean `Virt",
        ),
        (
            LEAST + "drift: {ignore: [{kinds: [Gateway], fields: [/spec/servers, spec.servers]}]}",
            "3:61: `drift.ignore[0].fields[1]` is 'spec.servers': a pointer begins with `/`; expected a field below",
        ),
        (
            LEAST + "drift: {ignore: [{fields: [/spec/http/*/route]}]}",
            "3:28: `drift.ignore[0].fields[0]` is '/spec/http/*/route': that is, or holds, /spec/http/*/route",
        ),
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
    ("part", "said"),
    [
        ("{provider: prometheus}", "3:1: `metrics.provider: prometheus` and `metrics.prometheus` go together"),
        (
            "{prometheus: {url: 'http://p'}}",
            "3:11: `metrics.provider: prometheus` and `metrics.prometheus` go together",
        ),
        ("URL: 'https://u:p@h'", "`metrics.prometheus.url` is not usable; expected its base URL, without a user"),
        ("URL: 'https://h?token=hunter2'", "`metrics.prometheus.url` is not usable; expected its base URL"),
        ("URL: 'https://[h'", "`metrics.prometheus.url` is no URL: Invalid IPv6 URL"),
        ("URL: 'https://h:99999'", "`metrics.prometheus.url` is no URL: Port out of range"),
        ("preset: istoi", "is 'istoi'; did you mean `istio`? (choose from: istio, envoy, custom)"),
        ("preset: custom", "`metrics.prometheus.queries` is missing: the preset `custom` asks nothing else"),
        ("queries: {requests: a, errors: b}", "queries` is for the preset `custom`; this one is `istio`"),
        (
            "preset: envoy, reporter: source",
            "`metrics.prometheus.reporter` is for the preset `istio`; this one is `env",
        ),
        (
            "preset: custom, queries: {requests: a, errors: b}, matchers: {a: b}",
            "`metrics.prometheus.matchers` is for the preset `istio` or `envoy`; this one is `custom`",
        ),
        ("matchers: {a-b: c}", "expected the name of a label"),
        (
            "preset: custom, queries: {requests: 'a{b=~\"{{ host }}\"}', errors: b}",
            "queries.requests` has an unknown variable 'host'; choose from {{ hosts }}, {{ versions }}",
        ),
        (
            "preset: custom, queries: {requests: a, errors: 'a{b=~{{ hosts }}}'}",
            'queries.errors` has {{ hosts }} outside of double quotes; write label=~"{{ hosts }}"',
        ),
        ("tokenEnv: A, passwordFile: b, username: u", "has `tokenEnv`, `passwordFile`; there is one way to sign in"),
        ("username: u", "`username` and `passwordEnv` or `passwordFile` go together"),
        ("passwordEnv: P", "`username` and `passwordEnv` or `passwordFile` go together"),
        ("certFile: c", "`certFile` and `keyFile` go together"),
        ("URL: 'http://h', caFile: c", "url` is http://, where `caFile` has no meaning"),
        (
            "URL: 'http://10.0.0.7:9090', tokenEnv: T",
            "url` would send `tokenEnv`'s secret over the network in clear; use https://, or set `insecure: true`",
        ),
    ],
)
def test_what_does_not_go_together_in_metrics_is_told(tmp_path: Path, part: str, said: str) -> None:
    inner = part.replace("URL", "url") if "URL" in part else f"url: 'https://h', {part}"
    whole = part if part.startswith("{") else f"{{provider: prometheus, prometheus: {{{inner}}}}}"
    message = refused(tmp_path, f"{LEAST}metrics: {whole}").message
    assert said in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "part",
    [
        "url: 'http://localhost:9090', tokenEnv: T",
        "url: 'http://[::1]:9090', tokenEnv: T",
        "url: 'http://far', tokenEnv: T, insecure: true",
        "url: 'https://far/prefix', username: u, passwordFile: f, certFile: c, keyFile: k",
    ],
)
def test_a_secret_may_go_over_tls_or_to_this_machine_or_where_that_is_said(tmp_path: Path, part: str) -> None:
    text = f"{LEAST}metrics: {{provider: prometheus, prometheus: {{{part}}}}}"
    assert given(tmp_path, text).metrics.provider == "prometheus"


def test_a_cluster_of_kind_kubernetes_needs_prometheus(tmp_path: Path) -> None:
    text = "source: {repository: r}\nclusters: [{name: a, kind: kubernetes}]"
    said = "2:28: `clusters[0]` is of kind kubernetes, which needs `metrics.provider: prometheus`"
    assert said in refused(tmp_path, text).message


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
