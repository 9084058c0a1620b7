"""What the standalone mesh cannot honour is told, field by field, and nothing else is."""

from __future__ import annotations

import pytest
import yaml

from gitops_mesh.cluster.standalone.translate.config import Translation
from gitops_mesh.cluster.standalone.translate.mesh import translate
from gitops_mesh.manifests.normal import key_of
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.settings import EndpointSettings, StandaloneSettings

ENDPOINTS = {
    "reviews.shop": tuple(EndpointSettings("127.0.0.1", 9000 + i, {"version": f"v{i}"}) for i in (1, 2)),
    "empty.shop": (),
}
SETTINGS = StandaloneSettings(endpoints=ENDPOINTS, ports={80: 8080})


def translated(*texts: str, chosen: StandaloneSettings = SETTINGS) -> Translation:
    bodies = [body for text in texts for body in yaml.safe_load_all(text)]
    return translate([(key_of(body), body) for body in bodies], chosen)


def manifest(kind: str, spec: str, *, name: str = "x", group: str = "networking.istio.io/v1") -> str:
    return f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"


def route(fields: str) -> str:
    return manifest(
        "VirtualService", f"{{hosts: [reviews], http: [{{route: [{{destination: {{host: reviews}}}}], {fields}}}]}}"
    )


RULE = manifest(
    "DestinationRule",
    f"{{host: reviews, subsets: [{', '.join(f'{{name: {v}, labels: {{version: {v}}}}}' for v in ('v1', 'v9'))}]}}",
)
PORTS = "[{number: 80, name: http, protocol: HTTP}]"
ENTRY = f"{{hosts: [a.example.com], resolution: STATIC, ports: {PORTS}, endpoints: [{{address: 10.0.0.1}}]"

HTTP = "spec.http.0"
TABLE = [
    # what is asked for, where, what is said
    (route("corsPolicy: {}"), f"{HTTP}.corsPolicy", "does not support `corsPolicy`"),
    (route("mirrorPercent: 5"), f"{HTTP}.mirrorPercent", "does not support `mirrorPercent`"),
    (route("match: [{sourceLabels: {a: b}}]"), f"{HTTP}.match.0.sourceLabels", "does not support `sourceLabels`"),
    (route("match: [{sourceNamespace: a}]"), f"{HTTP}.match.0.sourceNamespace", "does not support"),
    (route("match: [{statPrefix: a}]"), f"{HTTP}.match.0.statPrefix", "does not support"),
    (route("match: [{uri: {glob: a}}]"), f"{HTTP}.match.0.uri.glob", "does not support `glob`"),
    (route("match: [{headers: {a: {suffix: a}}}]"), f"{HTTP}.match.0.headers.a.suffix", "does not support"),
    (route("retries: {retryRemoteLocalities: true}"), f"{HTTP}.retries.retryRemoteLocalities", "does not support"),
    (route("fault: {abort: {http2Error: x}}"), f"{HTTP}.fault.abort.http2Error", "does not support"),
    (route("fault: {abort: {grpcStatus: NO}}"), f"{HTTP}.fault.abort.grpcStatus", "is none of OK,"),
    (route("fault: {delay: {exponentialDelay: 1s}}"), f"{HTTP}.fault.delay.exponentialDelay", "does not support"),
    (route("rewrite: {uri: 5}"), f"{HTTP}.rewrite.uri", "is not a string"),
    (route("retries: {attempts: -1}"), f"{HTTP}.retries.attempts", "is not a whole number"),
    (route("mirror: {host: reviews}, mirrorPercentage: {value: x}"), f"{HTTP}.mirrorPercentage.value", "not a number"),
    (route("match: [{ignoreUriCase: maybe}]"), f"{HTTP}.match.0.ignoreUriCase", "is not a boolean"),
    (route("match: [{gateways: web}]"), f"{HTTP}.match.0.gateways", "is not a list of strings"),
    (route("headers: {request: {set: {a: 1}}}"), f"{HTTP}.headers.request.set", "is not a mapping of strings"),
    (route("timeout: -1s"), f"{HTTP}.timeout", "is not a duration"),
    (route("timeout: soon"), f"{HTTP}.timeout", "is not a duration"),
    (route("timeout: 5"), f"{HTTP}.timeout", "is not a string"),
    (route("timeout: 999999999999h"), f"{HTTP}.timeout", "is not a duration"),
    (route("redirect: {redirectCode: 304}"), f"{HTTP}.redirect.redirectCode", "can only be one of 301"),
    (route("redirect: {derivePort: FROM_REQUEST_PORT}"), f"{HTTP}.redirect.derivePort", "does not support"),
    (route("mirror: {host: nobody}"), f"{HTTP}.mirror.host", "has no endpoints"),
    (manifest("VirtualService", "{hosts: [a.b], http: [{}]}"), f"{HTTP}.route", "sends traffic nowhere"),
    (
        manifest(
            "VirtualService",
            "{hosts: [a.b], http: [{route: [{destination: {host: reviews}}, {destination: {host: x}}]}]}",
        ),
        f"{HTTP}.route",
        "sends traffic nowhere",
    ),
    (manifest("VirtualService", "{hosts: [a.b], tcp: [{}]}"), "spec.tcp", "does not support `tcp`"),
    (manifest("VirtualService", "{hosts: [a.b], exportTo: [.]}"), "spec.exportTo", "can only be ['*']"),
    (manifest("VirtualService", "{hosts: [a.b], gateways: [web]}"), "spec.gateways", "no Gateway shop/web"),
    (
        manifest("VirtualService", "{hosts: [a.b], http: [{delegate: {name: gone}}]}"),
        f"{HTTP}.delegate",
        "no VirtualService shop/gone",
    ),
    (manifest("DestinationRule", "{host: a, workloadSelector: {}}"), "spec.workloadSelector", "does not support"),
    (
        manifest("DestinationRule", "{host: a, trafficPolicy: {tls: {mode: SIMPLE}}}"),
        "spec.trafficPolicy.tls.mode",
        "DISABLE",
    ),
    (
        manifest("DestinationRule", "{host: a, trafficPolicy: {portLevelSettings: [{}]}}"),
        "spec.trafficPolicy.portLevelSettings",
        "does not support",
    ),
    (
        manifest("DestinationRule", "{host: a, trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}}"),
        "spec.trafficPolicy.loadBalancer.simple",
        "choose one of LEAST_REQUEST",
    ),
    (
        manifest(
            "DestinationRule", "{host: a, subsets: [{name: b, trafficPolicy: {loadBalancer: {consistentHash: {}}}}]}"
        ),
        "spec.subsets.0.trafficPolicy.loadBalancer.consistentHash",
        "does not support",
    ),
    (
        manifest("DestinationRule", "{host: a, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}}"),
        "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy",
        "does not support",
    ),
    (
        manifest("Gateway", "{servers: [{hosts: [a.b], tls: {}, port: {number: 443, protocol: HTTPS}}]}"),
        "spec.servers.0.port.protocol",
        "HTTPS is not supported",
    ),
    (
        manifest("Gateway", "{servers: [{hosts: [a.b], bind: 1.2.3.4, port: {number: 81, protocol: HTTP}}]}"),
        "spec.servers.0.bind",
        "does not support `bind`",
    ),
    (
        manifest("Gateway", "{servers: [{hosts: [a.b], port: {number: 15001, protocol: HTTP}}]}"),
        "spec.servers.0.port.number",
        "where the mesh (`meshPort`) listens",
    ),
    (manifest("ServiceEntry", ENTRY.replace("STATIC", "NONE") + "}"), "spec.resolution", "use STATIC or DNS"),
    (manifest("ServiceEntry", ENTRY.replace("HTTP}", "TCP}") + "}"), "spec.ports.0.protocol", "TCP is not supported"),
    (manifest("ServiceEntry", ENTRY.replace("10.0.0.1", "unix:///x") + "}"), "spec.endpoints.0.address", "IP address"),
    (manifest("ServiceEntry", ENTRY + ", addresses: [1.2.3.4]}"), "spec.addresses", "does not support"),
    (manifest("ServiceEntry", ENTRY + ", workloadSelector: {}}"), "spec.workloadSelector", "does not support"),
    (
        manifest("AuthorizationPolicy", "{}", group="security.istio.io/v1"),
        "kind",
        "does not support AuthorizationPolicy",
    ),
    (manifest("Sidecar", "{}"), "kind", "does not support Sidecar"),
    (manifest("HTTPRoute", "{}", group="gateway.networking.k8s.io/v1"), "kind", "does not support HTTPRoute"),
]


@pytest.mark.parametrize(("text", "pointer", "said"), TABLE)
def test_what_cannot_be_honoured_is_told_at_its_place(text: str, pointer: str, said: str) -> None:
    found = {".".join(map(str, f.pointer)): f for f in translated(text).findings}
    assert pointer in found
    assert said in found[pointer].message
    assert found[pointer].is_error
    assert found[pointer].object == key_of(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("destination", "said", "remedy"),
    [
        (
            "{host: nobody}",
            "nobody.shop.svc.cluster.local has no endpoints",
            "clusters[].standalone.endpoints: nobody.shop",
        ),
        ("{host: empty}", "has no endpoints", "clusters[].standalone.endpoints: empty.shop"),
        (
            "{host: reviews, subset: v7}",
            "subset v7 of reviews.shop.svc.cluster.local is not defined",
            "defined: v1, v9",
        ),
        ("{host: reviews, subset: v9}", "no endpoint of reviews.shop.svc.cluster.local has the labels", "clusters[]."),
        ("{host: two.example.com}", "has several ports and the route names none", "80, 81"),
        ("{host: two.example.com, port: {number: 82}}", "has no port 82", "choose one of 80, 81"),
        ("{host: none.example.com}", "has no ports", "`ports`"),
    ],
)
def test_a_destination_without_endpoints_says_what_to_do(destination: str, said: str, remedy: str) -> None:
    two = ENTRY.replace("a.example.com", "two.example.com").replace(
        "HTTP}]", "HTTP}, {number: 81, name: b, protocol: HTTP}]"
    )
    none = ENTRY.replace("a.example.com", "none.example.com").replace(
        "[{number: 80, name: http, protocol: HTTP}]", "[]"
    )
    text = manifest("VirtualService", f"{{hosts: [a.b], http: [{{route: [{{destination: {destination}}}]}}]}}")
    entries = (manifest("ServiceEntry", two + "}", name="two"), manifest("ServiceEntry", none + "}", name="none"))
    (finding,) = translated(text, RULE, *entries).findings
    assert finding.rule == "standalone-no-endpoints"
    assert said in finding.message
    assert remedy in finding.remedy
    assert finding.pointer[:5] == ("spec", "http", 0, "route", 0)


def test_a_destination_of_weight_0_needs_no_endpoints() -> None:
    entries = "[{destination: {host: reviews}, weight: 1}, {destination: {host: nobody}, weight: 0}]"
    assert translated(manifest("VirtualService", f"{{hosts: [reviews], http: [{{route: {entries}}}]}}")).findings == ()


def test_kinds_of_nobodys_mesh_are_none_of_its_business() -> None:
    assert (
        translated(
            manifest("Service", "{}", group="v1"), manifest("Certificate", "{}", group="cert-manager.io/v1")
        ).findings
        == ()
    )


def test_two_virtual_services_of_one_mesh_host_are_an_error_for_the_second() -> None:
    one = manifest("VirtualService", "{hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}", name="a")
    (finding,) = translated(one, one.replace("name: a", "name: b")).findings
    assert finding.object is not None
    assert finding.object.name == "b"
    assert "is routed by VirtualService shop/a already" in finding.message


def test_two_gateway_ports_on_one_port_are_an_error() -> None:
    server = "{hosts: ['*'], port: {number: %d, protocol: HTTP}}"
    (finding,) = translated(
        manifest("Gateway", f"{{servers: [{server % 80}, {server % 8080}, {server % 80}]}}")
    ).findings
    assert finding.pointer == ("spec", "servers", 1, "port", "number")
    assert "port 80 of a Gateway listens already" in finding.message


def test_a_short_name_that_two_services_share_is_a_warning() -> None:
    chosen = StandaloneSettings(endpoints={**ENDPOINTS, "reviews.lab": ENDPOINTS["reviews.shop"]})
    (finding,) = translated(route("timeout: 1s"), chosen=chosen).findings
    assert finding.severity is Severity.WARNING
    assert "requests for `reviews` are not served" in finding.message


def test_a_delegate_that_never_fits_is_told_at_the_root() -> None:
    root = manifest("VirtualService", "{hosts: [a.b], http: [{match: [{uri: {prefix: /a}}], delegate: {name: d}}]}")
    inner = "{http: [{match: [{uri: {prefix: /b}}], route: [{destination: {host: reviews}}]}]}"
    (finding,) = translated(root, manifest("VirtualService", inner, name="d")).findings
    assert finding.pointer == (*("spec", "http", 0), "delegate")
    assert "never sees a request" in finding.message


def test_problems_of_a_delegates_routes_are_told_once_and_with_the_delegate() -> None:
    root = manifest("VirtualService", "{hosts: [a.b], http: [{timeout: x, corsPolicy: {}, delegate: {name: d}}]}")
    inner = "{http: [{corsPolicy: {}, route: [{destination: {host: nobody}}]}], tcp: [{}]}"
    found = translated(root, manifest("VirtualService", inner, name="d")).findings
    said = sorted((f.object.name, f.pointer[-1]) for f in found if f.object)
    assert said == [("d", "corsPolicy"), ("d", "host"), ("d", "tcp"), ("x", "corsPolicy"), ("x", "timeout")]
