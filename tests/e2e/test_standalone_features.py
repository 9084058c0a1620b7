"""Each feature that the standalone mesh honours, asked of a real Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.backend import Answer, Backend, ask
from tests.fakes.standalone import Mesh, mesh, rule, until

pytestmark = pytest.mark.e2e

HTTP = """
- name: redirected
  match: [{uri: {exact: /old}}]
  redirect: {uri: /new, authority: new.example.com, redirectCode: 308}
- name: answered
  match: [{uri: {prefix: /answer}}]
  directResponse: {status: 418, body: {string: teapot}}
  headers: {response: {set: {x-pot: tea}}}
- name: by-header
  match: [{headers: {x-user: {exact: ada}, x-any: {}}, withoutHeaders: {x-off: {exact: "yes"}}}]
  route: [{destination: {host: reviews, subset: v2}}]
- name: by-query
  match: [{queryParams: {v: {regex: "[0-9]+"}}}]
  route: [{destination: {host: reviews, subset: v2}}]
- name: by-method
  match: [{method: {exact: PUT}, uri: {regex: "/items/[a-z]+"}}, {method: {prefix: PAT}}]
  route: [{destination: {host: reviews, subset: v2}}]
- name: by-case
  match: [{uri: {prefix: /CASE}, ignoreUriCase: true}]
  route: [{destination: {host: reviews, subset: v2}}]
- name: by-port
  match: [{uri: {prefix: /port}, port: 9080}]
  route: [{destination: {host: reviews, subset: v2}}]
- name: by-authority
  match: [{authority: {prefix: reviews.shop.svc}}]
  route: [{destination: {host: reviews, subset: v2}}]
- name: rewritten
  match: [{uri: {prefix: /api/}}]
  rewrite: {uri: /, authority: inner.example.com}
  headers: {request: {set: {x-set: "1"}, add: {x-add: "2"}, remove: [x-drop]}}
  route: [{destination: {host: reviews, subset: v1}, headers: {response: {set: {x-from: v1}}}}]
- name: rewritten-by-regex
  match: [{uri: {prefix: /r/}}]
  rewrite: {uriRegexRewrite: {match: "^/r/([a-z]+)/(.*)$", rewrite: '/\\2/\\1'}}
  route: [{destination: {host: reviews, subset: v1}}]
- name: slow
  match: [{uri: {exact: /slow}}]
  timeout: 200ms
  route: [{destination: {host: reviews, subset: v1}}]
- name: retried
  match: [{uri: {prefix: /status/}}]
  retries: {attempts: 2, retryOn: "503", perTryTimeout: 1s, backoff: 10ms}
  route: [{destination: {host: reviews, subset: v1}}]
- name: broken
  match: [{uri: {prefix: /broken}}]
  fault: {abort: {httpStatus: 555, percentage: {value: 100}}, delay: {fixedDelay: 10ms, percentage: {value: 100}}}
  route: [{destination: {host: reviews, subset: v1}}]
- name: mirrored
  match: [{uri: {exact: /mirrored}}]
  mirror: {host: reviews, subset: v2}
  mirrors: [{destination: {host: reviews, subset: v3}, percentage: {value: 100}}]
  route: [{destination: {host: reviews, subset: v1}}]
- name: main
  route: [{destination: {host: reviews, subset: v1}}]
"""


def service(name: str, http: str, *, namespace: str = "shop", **spec: Any) -> str:
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**spec, "http": yaml.safe_load(http)},
    }
    return f"---\n{yaml.safe_dump(body)}"


def other(kind: str, name: str, spec: str) -> str:
    head = f"---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n"
    return f"{head}spec: {spec}\n"


@pytest.fixture(scope="module")
def backends() -> Iterator[dict[str, Backend]]:
    found = {name: Backend(name) for name in ("v1", "v2", "v3")}
    yield found
    for backend in found.values():
        backend.close()


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory, backends: dict[str, Backend]) -> Iterator[Mesh]:
    endpoints = {
        "reviews.shop": [(backend.port, name) for name, backend in backends.items()],
        "details.shop": [(backends["v3"].port, "v1")],
    }
    folder: Path = tmp_path_factory.mktemp("mesh")
    with mesh(folder, endpoints, ports=(80,)) as found:
        found.put(rule("v1", "v2", "v3") + service("reviews", HTTP, hosts=["reviews"]))
        yield found


@pytest.fixture
def get(standalone: Mesh) -> Any:
    def get(path: str, host: str = "reviews", **more: str) -> Answer:
        return ask(standalone.settings.mesh_port, host, path, **more)

    return get


@pytest.mark.parametrize(
    ("request_", "backend"),
    [
        ({"path": "/"}, "v1"),
        ({"path": "/", "x_user": "ada", "x_any": "1"}, "v2"),
        ({"path": "/", "x_user": "ada"}, "v1"),
        ({"path": "/", "x_user": "ada", "x_any": "1", "x_off": "yes"}, "v1"),
        ({"path": "/", "x_user": "ada", "x_any": "1", "x_off": "no"}, "v2"),
        ({"path": "/?v=12"}, "v2"),
        ({"path": "/?v=x"}, "v1"),
        ({"path": "/items/a", "method": "PUT"}, "v2"),
        ({"path": "/items/1", "method": "PUT"}, "v1"),
        ({"path": "/items/a"}, "v1"),
        ({"path": "/", "method": "PATCH"}, "v2"),
        ({"path": "/case/x"}, "v2"),
        ({"path": "/port", "host": "reviews:9080"}, "v2"),
        ({"path": "/port", "host": "reviews:80"}, "v1"),
        ({"path": "/port"}, "v1"),
        ({"path": "/", "host": "reviews.shop.svc.cluster.local"}, "v2"),
        ({"path": "/", "host": "reviews.shop.svc:80"}, "v2"),
        ({"path": "/", "host": "reviews.shop"}, "v1"),
        ({"path": "/", "host": "REVIEWS:9080"}, "v1"),
        ({"path": "/", "host": "details"}, "v3"),
        ({"path": "/", "host": "details.shop:9080"}, "v3"),
    ],
)
def test_a_request_finds_its_route(get: Any, request_: dict[str, str], backend: str) -> None:
    answer = get(**request_)
    assert (answer.status, answer.backend) == (200, backend)


def test_an_unknown_host_finds_nothing(get: Any) -> None:
    assert get("/", "nobody").status == 404


def test_redirect_and_direct_response(get: Any) -> None:
    moved, pot = get("/old"), get("/answer/x")
    assert (moved.status, moved.headers["location"]) == (308, "http://new.example.com/new")
    assert (pot.status, pot.body, pot.headers["x-pot"]) == (418, "teapot", "tea")


def test_rewrites_and_headers(get: Any) -> None:
    answer = get("/api/list?a=1", x_drop="1")
    head = answer.body.lower()
    assert head.startswith("get /list?a=1 ")
    assert "host: inner.example.com" in head
    assert "x-set: 1" in head
    assert "x-add: 2" in head
    assert "x-drop" not in head
    assert answer.headers["x-from"] == "v1"
    assert get("/r/abc/def").body.startswith("GET /def/abc ")


def test_timeouts_faults_and_retries(get: Any, backends: dict[str, Backend]) -> None:
    assert get("/slow").status == 504
    assert get("/broken").status == 555
    assert get("/status/503").status == 503
    assert backends["v1"].requests["/status/503"] == 3
    assert get("/status/500").status == 500
    assert backends["v1"].requests["/status/500"] == 1


def test_mirrors_get_copies_and_their_answers_go_nowhere(get: Any, backends: dict[str, Backend]) -> None:
    assert get("/mirrored").backend == "v1"
    until(lambda: backends["v2"].requests["/mirrored"] == 1 and backends["v3"].requests["/mirrored"] == 1)


def to(version: str, host: str = "reviews") -> str:
    return f"route: [{{destination: {{host: {host}, subset: {version}}}}}]"


def test_gateways_serve_their_hosts_on_their_ports(standalone: Mesh) -> None:
    server = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.example.com']}"
    gateway = other("Gateway", "web", f"{{selector: {{a: b}}, servers: [{server}]}}")
    http = f"[{{match: [{{port: 80, uri: {{prefix: /v2}}}}], {to('v2')}}}, {{{to('v1')}}}]"
    catch_all = f"[{{match: [{{uri: {{prefix: /v3}}}}], {to('v3')}}}]"
    standalone.put(
        gateway
        + service("a-web", http, hosts=["shop.example.com"], gateways=["web"])
        + service("b-web", catch_all, hosts=["shop.example.com", "*.example.com"], gateways=["shop/web"])
    )
    port = standalone.settings.ports[80]
    assert ask(port, "shop.example.com", "/").backend == "v1"
    assert ask(port, "shop.example.com", "/v2").backend == "v2"
    assert ask(port, "shop.example.com:8443", "/v3").backend == "v3"
    assert ask(port, "any.example.com", "/v3").backend == "v3"
    assert ask(port, "any.example.com", "/").status == 404
    assert ask(port, "reviews", "/").status == 404
    assert ask(standalone.settings.mesh_port, "shop.example.com", "/").status == 404


def test_delegates_serve_below_the_roots_matches(standalone: Mesh) -> None:
    root = "[{match: [{uri: {prefix: /team}}], timeout: 5s, delegate: {name: team, namespace: teams}}]"
    host = "reviews.shop.svc.cluster.local"
    team = f"[{{match: [{{uri: {{prefix: /team/a}}}}], {to('v2', host)}}}, {{{to('v3', host)}}}]"
    standalone.put(service("team", team, namespace="teams") + service("root", root, hosts=["root.example.com"]))
    port = standalone.settings.mesh_port
    assert ask(port, "root.example.com", "/team/a").backend == "v2"
    assert ask(port, "root.example.com", "/team/b").backend == "v3"
    assert ask(port, "root.example.com", "/").status == 404


def test_service_entries_have_endpoints_by_address_and_by_name(standalone: Mesh, backends: dict[str, Backend]) -> None:
    port = "[{number: 80, name: http, protocol: HTTP}, {number: 81, name: other, protocol: HTTP}]"
    static = f"[{{address: 127.0.0.1, ports: {{http: {backends['v1'].port}, other: {backends['v2'].port}}}}}]"
    named = static.replace("127.0.0.1", "localhost")
    for name, resolution, endpoints in (("fixed", "STATIC", static), ("named", "DNS", named)):
        spec = f"{{hosts: [{name}.example.com], resolution: {resolution}, ports: {port}, endpoints: {endpoints}}}"
        standalone.put(other("ServiceEntry", name, spec))
    mesh_port = standalone.settings.mesh_port
    assert ask(mesh_port, "fixed.example.com", "/").backend == "v1"
    assert ask(mesh_port, "fixed.example.com:81", "/").backend == "v2"
    assert ask(mesh_port, "named.example.com:80", "/").backend == "v1"
    assert ask(mesh_port, "named.example.com:81", "/").backend == "v2"


def test_traffic_policies_are_taken_by_envoy(standalone: Mesh) -> None:
    policy = (
        "{host: details, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, tls: {mode: DISABLE}, connectionPool: {"
        "tcp: {maxConnections: 10, connectTimeout: 2s}, http: {http1MaxPendingRequests: 5, http2MaxRequests: 6, "
        "maxRequestsPerConnection: 7, maxRetries: 8, idleTimeout: 30s}}, outlierDetection: {consecutive5xxErrors: 3, "
        "consecutiveGatewayErrors: 2, interval: 5s, baseEjectionTime: 1m, maxEjectionPercent: 50, "
        "minHealthPercent: 10, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4}}}"
    )
    standalone.put(other("DestinationRule", "details", policy))
    assert ask(standalone.settings.mesh_port, "details").backend == "v3"
