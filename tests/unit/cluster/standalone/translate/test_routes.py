"""What Envoy is told of routes; whether it does so is asked in tests/e2e/test_standalone_features.py."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_mesh.cluster.standalone.translate.delegates import merged
from gitops_mesh.manifests.normal import key_of
from gitops_mesh.mesh.series import series
from gitops_mesh.model.routes import Destination, RouteRef
from tests.fakes.translation import HOST, RULE, TO, config, made, name, only, routes


def test_what_a_route_does_not_say_is_as_in_istio() -> None:
    route = only(TO)["route"]
    assert route["timeout"] == "0s"
    assert route["retry_policy"]["num_retries"] == 2
    assert "connect-failure" in route["retry_policy"]["retry_on"]
    assert "5xx" not in route["retry_policy"]["retry_on"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{attempts: 0}", None),
        ("{attempts: 3, retryOn: '5xx,503'}", {"num_retries": 3, "retry_on": "5xx,retriable-status-codes"}),
        ("{attempts: 1, perTryTimeout: 250ms}", {"per_try_timeout": "0.25s"}),
        ("{attempts: 1, retryOn: reset, retryIgnorePreviousHosts: false}", {"retry_on": "reset", "num_retries": 1}),
    ],
)
def test_retries(said: str, expected: dict[str, Any] | None) -> None:
    policy = only(f"{TO}, retries: {said}")["route"].get("retry_policy")
    if expected is None:
        assert policy is None
    else:
        assert expected.items() <= policy.items()
        assert ("retry_host_predicate" in policy) == ("PreviousHosts" not in said)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1h", "3600s"),
        ("1m30s", "90s"),
        ("1.5s", "1.5s"),
        ("1ms", "0.001s"),
        ("0s", "0s"),
        ("2h0m0.25s", "7200.25s"),
        ("10s", "10s"),
    ],
)
def test_durations_are_gos(written: str, seconds: str) -> None:
    assert only(f"{TO}, timeout: {written}")["route"]["timeout"] == seconds


@pytest.mark.parametrize(
    ("match", "envoy"),
    [
        ("{uri: {exact: /a}}", {"path": "/a"}),
        ("{uri: {prefix: /a}}", {"prefix": "/a"}),
        ("{uri: {prefix: ''}}", {"prefix": "/"}),
        ("{uri: {regex: /a+}}", {"safe_regex": {"regex": "/a+"}}),
        ("{uri: {regex: /a+}, ignoreUriCase: true}", {"safe_regex": {"regex": "(?i)/a+"}}),
        ("{uri: {exact: /a}, ignoreUriCase: true}", {"path": "/a", "case_sensitive": False}),
        ("{method: {exact: GET}}", {"headers": [{"name": ":method", "string_match": {"exact": "GET"}}]}),
        ("{scheme: {exact: http}}", {"headers": [{"name": ":scheme", "string_match": {"exact": "http"}}]}),
        ("{headers: {a: {}}}", {"headers": [{"name": "a", "present_match": True}]}),
        ("{withoutHeaders: {a: {}}}", {"headers": [{"name": "a", "present_match": True, "invert_match": True}]}),
        (
            "{withoutHeaders: {a: {exact: x}}}",
            {
                "headers": [
                    {
                        "name": "a",
                        "string_match": {"exact": "x"},
                        "invert_match": True,
                        "treat_missing_header_as_empty": True,
                    }
                ]
            },
        ),
        ("{queryParams: {q: {}}}", {"query_parameters": [{"name": "q", "present_match": True}]}),
        ("{queryParams: {q: {exact: x}}}", {"query_parameters": [{"name": "q", "string_match": {"exact": "x"}}]}),
    ],
)
def test_matches(match: str, envoy: dict[str, Any]) -> None:
    found = only(f"{TO}, match: [{match}]")["match"]
    assert found == {**({} if found.keys() & {"path", "safe_regex"} else {"prefix": "/"}), **envoy}


def test_mirrors_have_clusters_of_their_own_and_0_is_off() -> None:
    one = "mirror: {host: reviews, subset: v2}, mirrorPercentage: {value: 12.5}"
    none = "mirrors: [{destination: {host: reviews}, percentage: {value: 0}}]"
    found = only(f"{TO}, {one}, {none}", RULE)
    (mirror,) = found["route"]["request_mirror_policies"]
    assert mirror["cluster"] == name("v2", mirror=True) != name("v2")
    assert mirror["runtime_fraction"]["default_value"] == {"numerator": 125000, "denominator": "MILLION"}


@pytest.mark.parametrize(
    ("root", "delegate", "match"),
    [
        ({}, {}, []),
        ({"match": [{"uri": {"prefix": "/a"}}]}, {}, [{"uri": {"prefix": "/a"}}]),
        ({}, {"match": [{"uri": {"exact": "/a"}}]}, [{"uri": {"exact": "/a"}}]),
        ({"match": [{"uri": {"prefix": "/a"}}]}, {"match": [{"uri": {"exact": "/a/b"}}]}, [{"uri": {"exact": "/a/b"}}]),
        ({"match": [{"uri": {"prefix": "/a"}}]}, {"match": [{"uri": {"prefix": "/b"}}]}, None),
        ({"match": [{"uri": {"exact": "/a"}}]}, {"match": [{"uri": {"prefix": "/a"}}]}, None),
        ({"match": [{"port": 80}]}, {"match": [{"port": 81}]}, None),
        ({"match": [{"port": 80}]}, {"match": [{"port": 80}]}, [{"port": 80}]),
        ({"match": [{"uri": {"prefix": "/"}}]}, {"match": [{"uri": "/"}]}, None),
        (
            {"match": [{"headers": {"a": {"exact": "1"}}}]},
            {"match": [{"headers": {"b": {"exact": "2"}}}]},
            [{"headers": {"a": {"exact": "1"}, "b": {"exact": "2"}}}],
        ),
        ({"match": [{"headers": {"a": {"exact": "1"}}}]}, {"match": [{"headers": {"a": {"exact": "2"}}}]}, None),
        (
            {"match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}]},
            {"match": [{"name": "n", "uri": {"prefix": "/b/c"}}]},
            [{"name": "n", "uri": {"prefix": "/b/c"}}],
        ),
    ],
)
def test_a_delegates_match_has_to_fit_its_roots(root: Any, delegate: Any, match: Any) -> None:
    found = merged({"timeout": "1s", "delegate": {}, **root}, {"retries": {}, **delegate})
    assert found == (None if match is None else {"timeout": "1s", "retries": {}, "match": match})


def test_replies_and_faults() -> None:
    assert only("redirect: {uri: /x, authority: a.b, port: 8443, scheme: https, redirectCode: 302}")["redirect"] == {
        "path_redirect": "/x",
        "host_redirect": "a.b",
        "port_redirect": 8443,
        "scheme_redirect": "https",
        "response_code": "FOUND",
    }
    assert only("redirect: {prefixRewrite: /y}, timeout: 1s")["redirect"]["prefix_rewrite"] == "/y"
    text = {"status": 200, "body": {"inline_string": "hi"}}
    assert only("directResponse: {status: 200, body: {string: hi}}")["direct_response"] == text
    (fault,) = only(f"{TO}, fault: {{abort: {{httpStatus: 500}}}}")["typed_per_filter_config"].values()
    assert fault["abort"]["http_status"] == 500
    assert only("directResponse: {status: 204}")["direct_response"] == {"status": 204}
    body = {"inline_bytes": "aGk="}
    assert only("directResponse: {status: 200, body: {bytes: aGk=}}")["direct_response"] == {
        "status": 200,
        "body": body,
    }
    (fault,) = only(f"{TO}, fault: {{abort: {{grpcStatus: unavailable}}, delay: {{}}}}")[
        "typed_per_filter_config"
    ].values()
    assert fault["abort"] == {"grpc_status": 14, "percentage": {"numerator": 0, "denominator": "MILLION"}}
    assert "delay" not in fault
    (fault,) = only(f"{TO}, fault: {{abort: {{}}, delay: {{fixedDelay: 2s}}}}")["typed_per_filter_config"].values()
    assert "abort" not in fault
    assert fault["delay"] == {"fixed_delay": "2s", "percentage": {"numerator": 0, "denominator": "MILLION"}}


def test_headers_of_a_route_and_of_a_destination() -> None:
    request = "{set: {x-a: '1', Host: a.b}, add: {x-b: '2'}, remove: [x-c]}"
    found = only(f"{TO}, headers: {{request: {request}, response: {{add: {{x-d: '3'}}}}}}")
    assert found["route"]["host_rewrite_literal"] == "a.b"
    assert found["request_headers_to_remove"] == ["x-c"]
    added = {h["header"]["key"]: h["append_action"] for h in found["request_headers_to_add"]}
    assert added == {"x-a": "OVERWRITE_IF_EXISTS_OR_ADD", "x-b": "APPEND_IF_EXISTS_OR_ADD"}
    assert [h["header"]["value"] for h in found["response_headers_to_add"]] == ["3"]
    entry = "route: [{destination: {host: reviews}, headers: {request: {set: {':authority': c.d}}}}]"
    (weighted,) = only(entry)["route"]["weighted_clusters"]["clusters"]
    assert weighted == {"name": name(), "weight": 1, "host_rewrite_literal": "c.d"}


def test_a_match_by_port_or_gateway_holds_only_there() -> None:
    server = "{hosts: ['*'], port: {number: 80, name: http, protocol: HTTP}}"
    gateway = made("Gateway", f"{{selector: {{a: b}}, servers: [{server}]}}", name="web")
    matches = ("{port: 81}", "{gateways: [web]}", "{gateways: [mesh], port: 80}")
    http = ", ".join(f"{{match: [{match}], {TO}}}" for match in matches)
    service = made("VirtualService", f"{{hosts: [a.b], gateways: [web, mesh], http: [{http}]}}")
    found = config(gateway, service)
    assert len(routes(found, "a.b", "gateway_80")) == 1
    first, second = routes(found, "a.b")
    assert first["match"]["headers"] == [{"name": ":authority", "string_match": {"safe_regex": {"regex": ".+:81"}}}]
    assert second["match"]["headers"] == [
        {"name": ":authority", "string_match": {"safe_regex": {"regex": "[^:]+(:80)?"}}}
    ]


def test_rewrites() -> None:
    route = only(f"{TO}, rewrite: {{uri: /a, authority: a.b}}, retries: {{attempts: 1, backoff: 5ms}}")["route"]
    assert (route["prefix_rewrite"], route["host_rewrite_literal"]) == ("/a", "a.b")
    assert route["retry_policy"]["retry_back_off"] == {"base_interval": "0.005s"}
    route = only(f"{TO}, rewrite: {{uriRegexRewrite: {{match: a, rewrite: b}}}}")["route"]
    assert route["regex_rewrite"] == {"pattern": {"regex": "a"}, "substitution": "b"}


def test_a_delegate_serves_its_http_routes_and_its_matches_are_its_own() -> None:
    root = made("VirtualService", "{hosts: [a.b], http: [{timeout: 9s, delegate: {name: d}}]}", name="root")
    inner = made("VirtualService", f"{{http: [{{name: x, {TO}}}], tcp: []}}", name="d")
    (route,) = routes(config(root, inner), "a.b")
    assert route["route"]["timeout"] == "9s"
    assert route["route"]["cluster"] == series(RouteRef(key_of(inner), "http/x"), Destination(HOST))
