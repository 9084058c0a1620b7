"""What Envoy is told of hosts, clusters, listeners; whether it does so is asked in tests/e2e."""

from __future__ import annotations

import pytest

from gitops_mesh.cluster.standalone.translate.hosts import full_name
from gitops_mesh.cluster.standalone.translate.mesh import endpoints_of
from gitops_mesh.manifests.normal import key_of
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import StandaloneSettings
from tests.fakes.translation import HOST, RULE, SETTINGS, TO, addresses, config, made, name, only, routes


def test_each_destination_of_a_route_is_a_cluster_of_its_own_with_the_subsets_endpoints() -> None:
    entries = (
        "[{destination: {host: reviews, subset: v1}, weight: 3}, {destination: {host: reviews, subset: v2}, weight: 1}]"
    )
    service = made("VirtualService", f"{{hosts: [reviews], http: [{{name: main, route: {entries}}}, {{{TO}}}]}}")
    found = config(service, RULE)
    first, second = routes(found, HOST)
    weighted = first["route"]["weighted_clusters"]["clusters"]
    assert weighted == [{"name": name("v1"), "weight": 3}, {"name": name("v2"), "weight": 1}]
    assert addresses(found.clusters[name("v1")]) == [9001]
    assert addresses(found.clusters[name("v2")]) == [9002]
    assert addresses(found.clusters[second["route"]["cluster"]]) == [9001, 9002, 9003]
    assert all("." not in cluster["alt_stat_name"] for cluster in found.clusters.values())


def test_a_subsets_policy_goes_over_its_hosts_part_by_part() -> None:
    entries = (
        "[{destination: {host: reviews, subset: v1}, weight: 3}, {destination: {host: reviews, subset: v2}, weight: 1}]"
    )
    found = config(made("VirtualService", f"{{hosts: [reviews], http: [{{name: main, route: {entries}}}]}}"), RULE)
    first, second = found.clusters[name("v1")], found.clusters[name("v2")]
    assert (first["lb_policy"], second["lb_policy"]) == ("ROUND_ROBIN", "LEAST_REQUEST")
    for cluster in (first, second):
        (limits,) = cluster["circuit_breakers"]["thresholds"]
        assert (limits["max_connections"], limits["max_requests"]) == (7, 4294967295)


def test_a_weight_of_0_is_left_out_and_a_single_destination_gets_everything() -> None:
    both = "route: [{destination: {host: reviews, subset: v1}, weight: 5}, {destination: {host: reviews, subset: v2}}]"
    assert only(both, RULE)["route"]["cluster"] == name("v1")
    assert only("route: [{destination: {host: reviews, subset: v1}, weight: 0}]", RULE)["route"]["cluster"] == name(
        "v1"
    )


def test_a_host_without_a_virtual_service_has_all_its_endpoints() -> None:
    found = config()
    (route,) = routes(found, HOST)
    assert addresses(found.clusters[route["route"]["cluster"]]) == [9001, 9002, 9003]


def test_the_names_of_a_service_and_of_other_hosts() -> None:
    service = made("VirtualService", f"{{hosts: [reviews, api.example.com, '*.wild.example.com'], http: [{{{TO}}}]}}")
    domains = {h["name"]: h["domains"] for h in config(service).routes["mesh"]["virtual_hosts"]}
    assert domains == {
        HOST: [HOST, "reviews.shop.svc", "reviews.shop", "reviews"],
        "api.example.com": ["api.example.com"],
        "*.wild.example.com": ["*.wild.example.com"],
    }


@pytest.mark.parametrize(
    ("hosts", "own", "served"),
    [
        ("['*']", "[a.example.com]", ["a.example.com"]),
        ("['*.example.com']", "['*']", ["*.example.com"]),
        ("[b.example.com]", "['*.example.com']", ["b.example.com"]),
        ("['*.example.com']", "[a.other.com]", []),
        ("[shop/a.example.com]", "[a.example.com]", ["a.example.com"]),
        ("[./a.example.com]", "[a.example.com]", ["a.example.com"]),
        ("[lab/a.example.com]", "[a.example.com]", []),
        ("['*/a.example.com', a.example.com]", "[a.example.com]", ["a.example.com"]),
    ],
)
def test_a_gateway_serves_what_both_name(hosts: str, own: str, served: list[str]) -> None:
    server = f"{{hosts: {hosts}, port: {{number: 80, name: http, protocol: HTTP}}}}"
    gateway = made("Gateway", f"{{selector: {{a: b}}, servers: [{server}, {server}]}}", name="web")
    service = made("VirtualService", f"{{hosts: {own}, gateways: [web], http: [{{{TO}}}]}}")
    found = config(gateway, service, chosen=StandaloneSettings(ports={80: 8080}, endpoints=SETTINGS.endpoints))
    assert (found.listeners["gateway_8080"].port, found.listeners["gateway_8080"].edge) == (8080, True)
    assert [h["name"] for h in found.routes["gateway_8080"]["virtual_hosts"]] == served
    assert all(len(h["routes"]) == 1 for h in found.routes["gateway_8080"]["virtual_hosts"])


def test_http2_ports_are_spoken_to_in_http2() -> None:
    ports = "[{number: 80, name: grpc, protocol: GRPC, targetPort: 9999}]"
    endpoints = "[{address: x.example.com, weight: 3}]"
    spec = f"{{hosts: [a.example.com], resolution: DNS, ports: {ports}, endpoints: {endpoints}}}"
    (cluster,) = config(made("ServiceEntry", spec), chosen=StandaloneSettings()).clusters.values()
    (options,) = cluster["typed_extension_protocol_options"].values()
    assert options["explicit_http_config"] == {"http2_protocol_options": {}}
    assert cluster["type"] == "STRICT_DNS"
    assert addresses(cluster) == [9999]


@pytest.mark.parametrize(
    ("resolution", "endpoints", "kind"),
    [("DNS", "[]", "STRICT_DNS"), ("DNS_ROUND_ROBIN", "[]", "LOGICAL_DNS"), ("STATIC", "[{address: '::1'}]", "STATIC")],
)
def test_how_endpoints_are_found(resolution: str, endpoints: str, kind: str) -> None:
    port = "[{number: 80, name: http, protocol: HTTP}]"
    spec = f"{{hosts: [a.example.com], resolution: {resolution}, ports: {port}, endpoints: {endpoints}}}"
    (cluster,) = config(made("ServiceEntry", spec), chosen=StandaloneSettings()).clusters.values()
    assert cluster["type"] == kind


def test_the_first_rule_that_says_something_of_a_host_counts_and_wildcards_come_last() -> None:
    first = made("DestinationRule", "{host: reviews, subsets: [{name: a, labels: {version: v1}}]}", name="a")
    balanced = "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
    subsets = "[{name: a}, {name: b, labels: {version: v2}}]"
    second = made("DestinationRule", f"{{host: reviews, {balanced}, subsets: {subsets}}}", name="b")
    wild = made(
        "DestinationRule", "{host: '*.cluster.local', trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}", name="c"
    )
    wider = made("DestinationRule", "{host: '*.local', trafficPolicy: {loadBalancer: {simple: RANDOM}}}", name="d")
    entries = ", ".join(f"{{destination: {{host: reviews, subset: {subset}}}, weight: 1}}" for subset in "ab")
    service = made("VirtualService", f"{{hosts: [reviews], http: [{{name: main, route: [{entries}]}}]}}")
    found = config(service, first, second, wild, wider)
    assert addresses(found.clusters[name("a")]) == [9001]
    assert addresses(found.clusters[name("b")]) == [9002]
    assert found.clusters[name("a")]["lb_policy"] == "RANDOM"
    (cluster,) = config(wild, wider).clusters.values()
    assert cluster["lb_policy"] == "ROUND_ROBIN"


def test_the_same_objects_in_any_order_give_the_same_configuration() -> None:
    one, two = made("VirtualService", f"{{hosts: [reviews], http: [{{{TO}}}]}}"), RULE
    assert config(one, two) == config(two, one)


def test_endpoints_of_destinations() -> None:
    wanted = [Destination(HOST, "v2"), Destination(HOST), Destination("nobody"), Destination(HOST, "gone")]
    found = endpoints_of([(key_of(RULE), RULE)], SETTINGS, wanted)
    assert [[port for _, port in found[d]] for d in wanted] == [[9002], [9001, 9002, 9003], [], []]


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("reviews", "reviews.default.svc.cluster.local"),
        ("reviews.shop", HOST),
        ("Reviews.Shop.svc.", HOST),
        (HOST, HOST),
        ("api.example.com", "api.example.com"),
    ],
)
def test_the_full_names_of_configured_hosts(written: str, full: str) -> None:
    assert full_name(written) == full


def test_outlier_detection_and_the_rest_of_a_policy() -> None:
    outliers = (
        "{consecutive5xxErrors: 3, consecutiveGatewayErrors: 0, interval: 5s, baseEjectionTime: 1m, "
        "maxEjectionPercent: 50, minHealthPercent: 10, splitExternalLocalOriginErrors: true}"
    )
    pool = "{tcp: {connectTimeout: 2s}, http: {maxRequestsPerConnection: 7, idleTimeout: 30s}}"
    rule = made(
        "DestinationRule", f"{{host: reviews, trafficPolicy: {{connectionPool: {pool}, outlierDetection: {outliers}}}}}"
    )
    (cluster,) = config(rule).clusters.values()
    assert cluster["outlier_detection"] == {
        "enforcing_success_rate": 0,
        "consecutive_5xx": 3,
        "enforcing_consecutive_5xx": 100,
        "consecutive_gateway_failure": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "interval": "5s",
        "base_ejection_time": "60s",
        "max_ejection_percent": 50,
        "split_external_local_origin_errors": True,
    }
    assert cluster["common_lb_config"] == {"healthy_panic_threshold": {"value": 10}}
    assert cluster["connect_timeout"] == "2s"
    (options,) = cluster["typed_extension_protocol_options"].values()
    assert options["common_http_protocol_options"] == {"max_requests_per_connection": 7, "idle_timeout": "30s"}


def test_outlier_detection_that_says_nothing_ejects_by_envoys_defaults() -> None:
    rule = made("DestinationRule", "{host: reviews, trafficPolicy: {outlierDetection: {interval: 1s}}}")
    (cluster,) = config(rule).clusters.values()
    assert cluster["outlier_detection"] == {"enforcing_success_rate": 0, "interval": "1s"}
    assert cluster["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}}
