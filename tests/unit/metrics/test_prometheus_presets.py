"""What is asked, and which destination an answer is about."""

from __future__ import annotations

import re

import pytest

from gitops_mesh.metrics.prometheus import istio
from gitops_mesh.metrics.prometheus.preset import LOST, Counted, Identity, Unclear, process_of
from gitops_mesh.metrics.prometheus.presets import PRESETS
from gitops_mesh.metrics.prometheus.promql import LONGEST, alternation, filled, misused, quoted
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import PrometheusSettings

HOST = "reviews.shop.svc.cluster.local"
V2: Identity = (HOST, "version", "v2")
REVISION: Identity = (HOST, "revision", "v2")
ALL = frozenset({(HOST, "", ""), (HOST, "version", "v1"), V2, REVISION, (HOST, LOST, "")})
WORKLOAD = {"destination_service": HOST, "destination_workload": "reviews-v2"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((("app", "reviews"), ("version", "v2")), V2),
        ((("app.kubernetes.io/version", "v2"),), REVISION),
        ((("app.kubernetes.io/version", "1"), ("service.istio.io/canonical-revision", "v2")), REVISION),
    ],
)
def test_istio_tells_a_subset_by_its_version_or_revision(
    labels: tuple[tuple[str, str], ...], expected: Identity
) -> None:
    assert istio.identity(Destination(HOST, "canary", 80), labels) == expected
    assert istio.identity(Destination(HOST), labels) == (HOST, "", "")


@pytest.mark.parametrize(("labels", "by"), [((("tier", "gold"),), "tier"), ((), "nothing, or no live Destination")])
def test_a_subset_that_no_metric_tells_is_unclear(labels: tuple[tuple[str, str], ...], by: str) -> None:
    with pytest.raises(Unclear, match=rf"no metric tells reviews:gold: its subset selects by {by}.*; let it select by"):
        istio.identity(Destination(HOST, "gold"), labels)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ({**WORKLOAD, "destination_version": "v2", "destination_canonical_revision": "7"}, {(HOST, "", ""), V2}),
        (
            {**WORKLOAD, "destination_version": "v2", "destination_canonical_revision": "v2"},
            {(HOST, "", ""), V2, REVISION},
        ),
        (
            {**WORKLOAD, "destination_version": "unknown", "destination_canonical_revision": "v2"},
            {(HOST, "", ""), V2, REVISION},
        ),
        (
            {
                "destination_service": HOST,
                "destination_version": "unknown",
                "destination_workload": "unknown",
                "destination_canonical_revision": "v2",
            },
            {(HOST, "", ""), (HOST, LOST, "")},
        ),
        ({**WORKLOAD, "destination_service": "other", "destination_version": "v2"}, set()),
        ({}, set()),
    ],
    ids=["by version", "both", "connection refused", "no endpoint", "another host", "no labels"],
)
def test_which_destination_istio_means(series: dict[str, str], expected: set[Identity]) -> None:
    assert set(istio.of(series, ALL)) == expected


@pytest.mark.parametrize(
    ("code", "protocol", "status", "failed"),
    [
        ("200", "http", "", False),
        ("404", "http", "", False),
        ("500", "http", "", True),
        ("0", "http", "", True),
        ("", "http", "", False),
        ("200", "grpc", "0", False),
        ("200", "http", "14", False),
        *(("200", "grpc", str(code), True) for code in (2, 4, 8, 12, 13, 14, 15)),
        *(("200", "grpc", str(code), False) for code in (1, 3, 5, 6, 7, 9, 10, 11, 16)),
    ],
)
def test_what_istio_counts_as_failed(code: str, protocol: str, status: str, failed: bool) -> None:
    series = {"response_code": code, "request_protocol": protocol, "grpc_response_status": status}
    assert istio.failed(series) is failed


def test_istio_asks_for_the_reporter_the_hosts_and_what_else_must_match() -> None:
    settings = PrometheusSettings("x", reporter="waypoint", matchers={"cluster": 'e"ast'})
    questions = PRESETS["istio"](settings).questions([V2, ("a.b", "", "")])
    assert [question.counted for question in questions] == [Counted.REQUESTS, Counted.BUCKETS]
    for question in questions:
        assert r'reporter="waypoint", destination_service=~"a\\.b|reviews\\.shop' in question.query
        assert r'cluster="e\"ast"' in question.query
        assert "source_workload" in question.query


def test_a_source_is_one_client() -> None:
    assert "source_" not in PRESETS["istio"](PrometheusSettings("x")).questions([V2])[0].query


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (V2, V2, True),
        (V2, (HOST, "version", "v1"), False),
        (V2, REVISION, True),
        (V2, (HOST, "", ""), True),
        (V2, ("other", "", ""), False),
    ],
)
def test_which_destinations_istio_cannot_tell_apart(one: Identity, other: Identity, overlap: bool) -> None:
    assert istio.overlap(one, other) is istio.overlap(other, one) is overlap


def test_clusters_are_told_by_port_subset_and_host() -> None:
    preset = PRESETS["envoy"](PrometheusSettings("x"))
    ported, any_port = preset.identity(Destination(HOST, "v2", 80), ()), preset.identity(Destination(HOST, "v2"), ())
    asked = frozenset({ported, any_port})
    for label in ("cluster_name", "envoy_cluster_name"):
        assert set(preset.of({label: f"outbound|80|v2|{HOST}"}, asked)) == asked
        assert set(preset.of({label: f"outbound|81|v2|{HOST}"}, asked)) == {any_port}
        for other in (f"inbound|80|v2|{HOST}", f"outbound|80||{HOST}", "outbound|80", "xds", ""):
            assert preset.of({label: other}, asked) == ()
    assert preset.overlap(ported, any_port)
    assert not preset.overlap(ported, (HOST, "81", "v2"))
    assert not preset.overlap(any_port, (HOST, "", ""))
    assert preset.failed({"response_code_class": "5xx"})
    assert preset.failed({"envoy_response_code_class": "5"})
    assert not preset.failed({"response_code_class": "4xx"})


def test_clusters_are_asked_for_by_their_whole_names() -> None:
    questions = PRESETS["envoy"](PrometheusSettings("x", matchers={"job": "envoy"})).questions
    query = questions([(HOST, "80", "v2")])[0].query
    matched = rf"outbound\|80\|v2\|{re.escape(HOST)}"
    assert f"envoy_cluster_upstream_rq{{cluster_name=~{quoted(matched)}, " in query
    assert f"envoy_cluster_upstream_rq_xx{{envoy_cluster_name=~{quoted(matched)}, " in query
    assert query.count('job="envoy"') == 2
    assert r'"outbound\\|.*"' in questions([("h" * LONGEST, "", "")])[0].query


def test_custom_queries_are_filled_in() -> None:
    queries = {"requests": 'a{h=~"{{hosts}}", v=~"{{ versions }}"}', "errors": "e", "latency": "l"}
    preset = PRESETS["custom"](PrometheusSettings("x", "custom", queries=queries))
    assert [(q.counted, q.query) for q in preset.questions([("a.b", "version", "v1"), ("a.b", LOST, "")])] == [
        (Counted.REQUESTS, r'a{h=~"(?:a\\.b)", v=~"(?:v1)"}'),
        (Counted.ERRORS, "e"),
        (Counted.BUCKETS, "l"),
    ]
    assert 'v=~"(?:.*)"' in preset.questions([("c", "", ""), ("a.b", "version", "v1")])[0].query
    assert preset.of({"host": HOST, "version": "v2"}, ALL) == ((HOST, "", ""), V2, REVISION)
    assert preset.of({"destination_service": HOST, "destination_version": "v1"}, ALL)[1] == (HOST, "version", "v1")
    assert not preset.failed({"response_code": "500"})


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ('a{b=~"{{ hosts }}", c=~"x{{ versions }}"}', []),
        ('a{b=~\'x\', c=~"\\"{{ hosts }}"}', []),
        ("a", []),
        ('a{b=~"{{ host }}"}', ["has an unknown variable 'host'; choose from {{ hosts }}, {{ versions }}"]),
        ("a{b=~'{{ hosts }}'}", ['has {{ hosts }} outside of double quotes; write label=~"{{ hosts }}"']),
        ("a{b=~`\\`, c=~{{hosts}}}", ['has {{hosts}} outside of double quotes; write label=~"{{hosts}}"']),
        ('a{b="x"} * {{ versions }}', ['has {{ versions }} outside of double quotes; write label=~"{{ versions }}"']),
    ],
)
def test_variables_stand_in_double_quotes(query: str, wrong: list[str]) -> None:
    assert list(misused(query)) == wrong


def test_values_are_literal() -> None:
    odd = ['a.b|c"d\\', "(x)*"]
    pattern = alternation(odd)
    assert all(re.fullmatch(pattern, one) for one in odd)
    assert not re.fullmatch(pattern, "axb")
    assert filled('{a=~"{{ hosts }}"}', {"hosts": pattern}).count('"') == 3, "two quotes, and an escaped one"
    assert alternation(["x" * (LONGEST + 1)]) == ".*"


def test_a_counter_without_a_process_is_unclear() -> None:
    assert process_of({"instance": "a"}) != process_of({"pod": "a"})
    with pytest.raises(Unclear, match="neither `instance` nor `pod`"):
        process_of({"job": "all", "cluster": "east"})
