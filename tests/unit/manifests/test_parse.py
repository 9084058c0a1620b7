import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.parse import ParsedFile, parse
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import ObjectKey

HEAD = b"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a, namespace: shop}\n"
KEY = ObjectKey("networking.istio.io", "Gateway", "shop", "a")
ITEM = HEAD.replace(b"\n", b"\n  ").rstrip(b" ")


def spec_of(text: bytes) -> Any:
    parsed = parse(HEAD + text, "a.yaml")
    assert not parsed.findings
    (manifest,) = parsed.manifests
    return manifest.body["spec"]


def said(parsed: ParsedFile) -> list[tuple[str, int, int]]:
    return [(f.rule, f.line, f.column) for f in parsed.findings]


def test_a_manifest_knows_its_object_and_its_file() -> None:
    (manifest,) = parse(HEAD + b"spec: {servers: []}\n", "mesh/a.yaml", "blob1").manifests
    assert (manifest.key, manifest.path, manifest.document, manifest.inside, manifest.blob) == (
        KEY,
        "mesh/a.yaml",
        0,
        (),
        "blob1",
    )
    assert manifest.body == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {"servers": []},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"spec: {a: y, n: yes, on: 'on', 1: 0644}", {"a": True, "false": True, "true": "on", "1": 420}),
        (b"spec: [1:30, 12:30:45, 2001-01-01, 1e3, =, !foo x]", ["1:30", "12:30:45", "2001-01-01", 1000, "=", "x"]),
        (b"spec: {a: !!binary aGk=, b: !!str 1, c: ! 12}", {"a": "hi", "b": "1", "c": "12"}),
        (b"spec: {a: &x {b: 1}, c: *x, &k d: *k}", {"a": {"b": 1}, "c": {"b": 1}, "d": "d"}),
        (b"spec: {a: &k key, *k : 1}", {"a": "key", "key": 1}),
        (b"x: &x {a: 1, b: 2}\nspec: {<<: *x, b: 3}", {"a": 1, "b": 3}),
        (b"x: &x {a: 1}\ny: &y {a: 2, c: 3}\nspec: {!!merge <<: [*x, *y], d: 4}", {"a": 1, "c": 3, "d": 4}),
        (b"x: &x {a: 1}\nspec: {<<: *x, <<: {b: 2}}", {"a": 1, "b": 2}),
        (b"spec: {'<<': 1}", {"<<": 1}),
    ],
)
def test_yaml_means_what_kubernetes_says(text: bytes, value: Any) -> None:
    assert spec_of(text) == value


def test_documents_are_counted_and_empty_ones_skipped() -> None:
    parsed = parse(
        b"---\n# nothing\n--- # a comment\n" + HEAD + b"---\nnull\n---\n" + HEAD.replace(b"a,", b"b,"), "a.yaml"
    )
    assert [(m.key.name, m.document) for m in parsed.manifests] == [("a", 1), ("b", 3)]
    assert not parsed.findings
    assert parse(b"", "a.yaml") == ParsedFile((), ())


@pytest.mark.parametrize("kind", [b"List", b"GatewayList"])
def test_lists_are_expanded(kind: bytes) -> None:
    text = (
        b"apiVersion: networking.istio.io/v1\nkind: "
        + kind
        + b"\nitems:\n- "
        + ITEM
        + b"- "
        + ITEM.replace(b"a,", b"b,")
    )
    first, second = parse(text, "a.yaml").manifests
    assert (first.key, first.inside) == (KEY, ("items", 0))
    assert (second.key.name, second.inside, second.document) == ("b", ("items", 1), 0)


def test_entries_of_a_typed_list_take_its_kind() -> None:
    text = (
        b"apiVersion: networking.istio.io/v1\nkind: GatewayList\nitems:\n- metadata: {name: a, namespace: shop}\n- 7\n"
    )
    parsed = parse(text, "a.yaml")
    assert [m.key for m in parsed.manifests] == [KEY]
    assert said(parsed) == [("not-a-manifest", 5, 3)]


def test_byte_order_mark_carriage_returns_and_json_are_read() -> None:
    assert parse(b"\xef\xbb\xbf" + HEAD.replace(b"\n", b"\r\n"), "a.yaml").manifests[0].key == KEY
    json = (
        b'{"apiVersion": "networking.istio.io/v1",\n\t"kind": "Gateway", "metadata": {"name": "a", "namespace": "shop",'
        b' "annotations": {"x": "\\ud83d\\ude00 \\\\ud83d\\/"}}}'
    )
    (manifest,) = parse(json, "a.json").manifests
    assert manifest.body["metadata"]["annotations"] == {"x": "😀 \\ud83d/"}


def test_the_namespace_is_written_for_namespaced_kinds_only() -> None:
    (gateway,) = parse(HEAD.replace(b", namespace: shop", b""), "a.yaml").manifests
    assert gateway.key.namespace == gateway.body["metadata"]["namespace"] == "default"
    cluster = b"apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: a}\n"
    (gateway_class,) = parse(cluster, "a.yaml").manifests
    assert gateway_class.key.namespace == ""
    assert "namespace" not in gateway_class.body["metadata"]


def test_our_state_and_the_servers_fields_are_not_part_of_a_manifest() -> None:
    text = HEAD.replace(b"shop}", b"shop, uid: x, annotations: {gitops-mesh.io/accepted: x, a: b}}") + b"status: {}\n"
    (manifest,) = parse(text, "a.yaml").manifests
    assert manifest.body["metadata"] == {"name": "a", "namespace": "shop", "annotations": {"a": "b"}}
    assert "status" not in manifest.body


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (
            HEAD + b"spec:\n  a: 1\n  b:\n  - c: 1\n    c: 2\n  a: 3\n",
            [("duplicate-key", 8, 5), ("duplicate-key", 9, 3)],
        ),
        (HEAD + b"spec: {n: 1, false: 2}\n", [("duplicate-key", 4, 14)]),
        (HEAD + b"x: &x {a: 1}\nspec: {<<: *x, a: 2, a: 3}\n", [("duplicate-key", 5, 22)]),
        (HEAD + b"x: &x {a: 1}\nspec:\n  a: 2\n  <<: *x\n", [("merge-order", 7, 3)]),
        (HEAD + b"spec: {<<: 3}\n", [("yaml-syntax", 4, 8)]),
        (HEAD + b"spec: {<<: [3]}\n", [("yaml-syntax", 4, 8)]),
        (HEAD + b"spec: {~: 1}\n", [("null-key", 4, 8)]),
        (HEAD + b"spec: {1.5: 1}\n", [("bad-scalar", 4, 8)]),
        (HEAD + b"spec: {a: .nan, b: !!int x}\n", [("bad-scalar", 4, 11), ("bad-scalar", 4, 20)]),
        (HEAD + b"spec:\n\ta: 1\n", [("tab", 5, 1)]),
        (HEAD + b"spec: [a\n", [("yaml-syntax", 5, 1)]),
        (HEAD + b"spec: [fe80::]\n", [("yaml-syntax", 4, 13)]),
        (HEAD + b"spec: \x07\n", [("yaml-syntax", 4, 7)]),
        (HEAD + b"spec: *a\n", [("yaml-syntax", 4, 7)]),
        (HEAD + b"spec: &a [*a]\n", [("yaml-limit", 4, 11)]),
        (HEAD + b"spec: {[a]: b}\n", [("complex-key", 4, 8)]),
        (HEAD + b"spec: {a: &a [1], *a : b}\n", [("complex-key", 4, 19)]),
        (b"\x00\x01\x02", [("binary-file", 1, 1)]),
        (b"a: 1\nb: \xff\n", [("binary-file", 2, 1)]),
        (b"hello\n", [("not-a-manifest", 1, 1)]),
        (b"- a\n", [("not-a-manifest", 1, 1)]),
        (b"kind: Gateway\nmetadata: {name: a}\n", [("not-a-manifest", 1, 1)]),
        (b"apiVersion: v1\nkind: 3\nmetadata: {name: a}\n", [("not-a-manifest", 2, 7)]),
        (b"apiVersion: [1]\nkind: A\nmetadata: {name: a}\n", [("not-a-manifest", 1, 1)]),
        (b"apiVersion: v1\nkind: A\n", [("not-a-manifest", 1, 1)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {generateName: a}\n", [("not-a-manifest", 3, 1)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: ../../a}\n", [("bad-metadata", 3, 18)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: 7}\n", [("bad-metadata", 3, 18)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: yes}\n", [("bad-metadata", 3, 18)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: {}}\n", [("bad-metadata", 3, 21)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: a, labels: [a]}\n", [("bad-metadata", 3, 21)]),
        (b"apiVersion: v1\nkind: A\nmetadata: {name: a, labels: {v: 1.5}}\n", [("bad-metadata", 3, 33)]),
        (b"apiVersion: kustomize.config.k8s.io/v1\nresources: []\n", [("kustomization", 1, 1)]),
        (HEAD + b"spec:\n  {{- if .Values.x }}\n  a: 1\n  {{- end }}\n", [("helm-template", 5, 1)]),
        (HEAD + b"spec: {{ .Values.x }}\n", [("helm-template", 4, 1)]),
        (b"a: [\n# {{ .Values }}\nb: 1\n", [("helm-template", 2, 1)]),
        (b"a: [\nb: 1\n---\n# {{ .Values }}\n", [("yaml-syntax", 3, 1)]),
    ],
)
def test_bad_files_give_findings_with_their_place(text: bytes, findings: list[tuple[str, int, int]]) -> None:
    assert said(parse(text, "a.yaml")) == findings


def test_a_merge_that_replaces_is_a_warning_and_has_kubernetes_meaning() -> None:
    parsed = parse(HEAD + b"x: &x {a: 1}\nspec:\n  a: 2\n  <<: *x\n", "a.yaml")
    assert parsed.manifests[0].body["spec"] == {"a": 1}
    assert parsed.findings[0].severity is Severity.WARNING


def test_files_of_other_tools_are_said_as_such() -> None:
    assert parse(b"resources: [a.yaml]\n", "base/kustomization.yaml").findings[0].rule == "kustomization"
    assert parse(b"apiVersion: v2\nname: a\n", "chart/Chart.yaml").findings[0].rule == "helm-template"


def test_a_duplicate_names_the_first_line() -> None:
    finding = parse(HEAD + b"spec:\n  a: 1\n  a: 2\n", "a.yaml").findings[0]
    assert "first on line 5" in finding.message
    assert finding.pointer == ("spec", "a")


def test_documents_before_an_error_are_kept() -> None:
    parsed = parse(HEAD + b"---\na: [\n", "a.yaml")
    assert [m.key for m in parsed.manifests] == [KEY]
    assert [(f.rule, f.document) for f in parsed.findings] == [("yaml-syntax", 1)]


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(ord("b"), ord("k"))
)


@pytest.mark.parametrize(
    ("text", "limits", "what"),
    [
        (BOMB, Limits(), "larger"),
        (BOMB, Limits(free=10**9, nodes=10_000), "values"),
        (b"[" * 10_000, Limits(), "deeper"),
        (b"- " * 10_000 + b"x", Limits(), "deeper"),
        (b"".join(b"- " + b" " * 0 + b"\n" + b" " * n for n in range(1, 300)) + b"- x", Limits(), "deeper"),
        (b"- &a [[[[[x]]]]]\n- [[[[*a]]]]\n", Limits(depth=8), "deeper"),
        (b"[a,b,c,d]", Limits(nodes=4), "values"),
        (b"- &a b\n" + b"- *a\n" * 5, Limits(aliases=4), "aliases"),
        (b"--- 1\n" * 4, Limits(documents=3), "documents"),
        (b"a" * 101, Limits(bytes=100), "101 bytes"),
    ],
)
def test_limits_hold(text: bytes, limits: Limits, what: str) -> None:
    before = time.process_time()
    finding = parse(text, "a.yaml", limits=limits).findings[-1]
    assert finding.rule == "yaml-limit"
    assert what in finding.message
    assert time.process_time() - before < 2


def test_what_is_said_about_one_file_is_bounded() -> None:
    text = HEAD + b"spec:\n" + b"  a: 1\n" * 30_000
    assert len(parse(text, "a.yaml").findings) == Limits().findings
    many = parse(b"--- 1\n" * 1_000, "a.yaml")
    assert len(many.findings) == Limits().findings


NOISE = st.text(alphabet="abc:-[]{},&*!|>'\"#%@?<~ \t\n0123456789.", max_size=60)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80), st.text(max_size=80).map(lambda s: s.encode(errors="replace")), NOISE.map(str.encode)
    )
)
@example(b"{{a}: b}")
@example(b"--- !!map\n... \n%TAG ! x\n---\n")
@example(b"%YAML 9.9\n---\na")
@example(b"kind: List\nitems: [{kind: List, items: [3]}]")
def test_parse_never_raises(content: bytes) -> None:
    parsed = parse(content, "a.yaml")
    assert all(f.line > 0 and f.column > 0 for f in parsed.findings)
    assert not parse(HEAD + b"---\n" + content, "a.yaml").manifests[1:] or parsed.manifests
