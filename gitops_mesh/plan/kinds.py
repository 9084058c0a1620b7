"""What each kind's fields mean for traffic, and when its objects are written.

Fields below `spec` that are named here decide where requests go, or whether they are let through, so
that changing one is a Cutover; every other field is an Update. Routes (VirtualService `http`, `tls`,
`tcp`, Gateway API `rules`) and DestinationRule `subsets` are compared in finer ways, in
`plan.routing` and `plan.rules`.

    kind                                cutover                                    why
    VirtualService                      hosts, gateways, exportTo                  who gets these routes at all
    HTTPRoute, GRPCRoute, TCPRoute,     parentRefs, hostnames, useDefaultGateways  likewise
      TLSRoute
    UDPRoute                            parentRefs, rules                          no weights of ours to walk
    DestinationRule                     host, exportTo, workloadSelector           whose subsets these are
    Gateway (Istio)                     servers, selector                          which proxies listen for what
    Gateway, ListenerSet (Gateway API)  listeners, addresses, class, parent        likewise
    GatewayClass                        controllerName, parametersRef              who serves its Gateways
    ReferenceGrant                      from, to                                   cross-namespace routes stop without
    BackendTLSPolicy                    targetRefs, validation                     no trust, no requests
    ServiceEntry                        hosts, addresses, ports, location,         what the host is, its endpoints
                                        resolution, endpoints, workloadSelector,
                                        exportTo
    WorkloadEntry                       address, ports, labels, weight, network,   an endpoint and its share
                                        locality
    WorkloadGroup                       metadata, template                         what endpoints it registers
    Sidecar                             workloadSelector, ingress, egress,         what a workload sees of the mesh
                                        outboundTrafficPolicy
    AuthorizationPolicy,                everything                                 requests let in may be refused
      PeerAuthentication,
      RequestAuthentication
    EnvoyFilter, WasmPlugin,            everything                                 its own code on each request
      TrafficExtension
    Telemetry, ProxyConfig              nothing                                    observes; applies at a restart
    Service (where configured)          selector, ports, type, clusterIP,          which endpoints a host has
                                        externalName
    other kinds of the mesh's groups    everything                                 not known, so not called harmless
    other groups                        nothing
"""

from __future__ import annotations

from collections.abc import Mapping

from gitops_mesh.mesh.references import is_delegate
from gitops_mesh.mesh.routes import GATEWAY_API, ISTIO
from gitops_mesh.mesh.trees import kind_of
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.plan import Wave

SECURITY = "security.istio.io"
TELEMETRY = "telemetry.istio.io"
EXTENSIONS = "extensions.istio.io"
_MESH_GROUPS = (ISTIO, SECURITY, TELEMETRY, EXTENSIONS, GATEWAY_API)

EVERYTHING = frozenset({"*"})
_ROUTE = frozenset({"parentRefs", "hostnames", "useDefaultGateways"})

CUTOVER_FIELDS: Mapping[tuple[str, str], frozenset[str]] = {
    (ISTIO, "VirtualService"): frozenset({"hosts", "gateways", "exportTo"}),
    (GATEWAY_API, "HTTPRoute"): _ROUTE,
    (GATEWAY_API, "GRPCRoute"): _ROUTE,
    (GATEWAY_API, "TCPRoute"): _ROUTE,
    (GATEWAY_API, "TLSRoute"): _ROUTE,
    (GATEWAY_API, "UDPRoute"): frozenset({"parentRefs", "useDefaultGateways", "rules"}),
    (ISTIO, "DestinationRule"): frozenset({"host", "exportTo", "workloadSelector"}),
    (ISTIO, "Gateway"): frozenset({"servers", "selector"}),
    (GATEWAY_API, "Gateway"): frozenset(
        {"gatewayClassName", "listeners", "addresses", "allowedListeners", "defaultScope"}
    ),
    (GATEWAY_API, "ListenerSet"): frozenset({"parentRef", "listeners"}),
    (GATEWAY_API, "GatewayClass"): frozenset({"controllerName", "parametersRef"}),
    (GATEWAY_API, "ReferenceGrant"): frozenset({"from", "to"}),
    (GATEWAY_API, "BackendTLSPolicy"): frozenset({"targetRefs", "validation"}),
    (ISTIO, "ServiceEntry"): frozenset(
        {"hosts", "addresses", "ports", "location", "resolution", "endpoints", "workloadSelector", "exportTo"}
    ),
    (ISTIO, "WorkloadEntry"): frozenset({"address", "ports", "labels", "weight", "network", "locality"}),
    (ISTIO, "WorkloadGroup"): frozenset({"metadata", "template"}),
    (ISTIO, "Sidecar"): frozenset({"workloadSelector", "ingress", "egress", "outboundTrafficPolicy"}),
    (ISTIO, "ProxyConfig"): frozenset(),
    (TELEMETRY, "Telemetry"): frozenset(),
    ("", "Service"): frozenset({"selector", "ports", "type", "clusterIP", "externalName"}),
}
"""The table above as (group, kind) → fields; a kind that is missing here follows its group."""

_WAVES: Mapping[tuple[str, str], Wave] = {
    (ISTIO, "DestinationRule"): Wave.DESTINATION_RULES,
    (GATEWAY_API, "BackendTLSPolicy"): Wave.DESTINATION_RULES,
    (ISTIO, "ServiceEntry"): Wave.ENTRIES_AND_GATEWAYS,
    (ISTIO, "WorkloadEntry"): Wave.ENTRIES_AND_GATEWAYS,
    (ISTIO, "WorkloadGroup"): Wave.ENTRIES_AND_GATEWAYS,
    (ISTIO, "Sidecar"): Wave.ENTRIES_AND_GATEWAYS,
    (ISTIO, "Gateway"): Wave.ENTRIES_AND_GATEWAYS,
    (GATEWAY_API, "Gateway"): Wave.ENTRIES_AND_GATEWAYS,
    (GATEWAY_API, "ListenerSet"): Wave.ENTRIES_AND_GATEWAYS,
    (GATEWAY_API, "ReferenceGrant"): Wave.GRANTS,
    (ISTIO, "VirtualService"): Wave.ROUTES,
    (GATEWAY_API, "HTTPRoute"): Wave.ROUTES,
    (GATEWAY_API, "GRPCRoute"): Wave.ROUTES,
    (GATEWAY_API, "TCPRoute"): Wave.ROUTES,
    (GATEWAY_API, "TLSRoute"): Wave.ROUTES,
    (GATEWAY_API, "UDPRoute"): Wave.ROUTES,
}

_PRUNE: Mapping[Wave, Wave] = {
    Wave.PREREQUISITES: Wave.PRUNE_PREREQUISITES,
    Wave.DESTINATION_RULES: Wave.PRUNE_DESTINATION_RULES,
    Wave.ENTRIES_AND_GATEWAYS: Wave.PRUNE_ENTRIES_AND_GATEWAYS,
    Wave.DELEGATES: Wave.PRUNE_DELEGATES,
    Wave.GRANTS: Wave.PRUNE_DELEGATES,
    Wave.ROUTES: Wave.PRUNE_ROUTES,
}


def cutover_fields(kind: tuple[str, str]) -> frozenset[str]:
    """The fields of `spec` whose change moves traffic; `EVERYTHING` for kinds not known to be harmless."""
    return CUTOVER_FIELDS.get(kind, EVERYTHING if kind[0] in _MESH_GROUPS else frozenset())


def wave(body: Tree) -> Wave:
    """When an object is created or changed; kinds that nothing here depends on go first."""
    if is_delegate(body):
        return Wave.DELEGATES
    return _WAVES.get(kind_of(body), Wave.PREREQUISITES)


def prune_wave(body: Tree) -> Wave:
    """When an object is deleted: what refers to others goes before them."""
    return _PRUNE[wave(body)]


def routes_traffic(body: Tree) -> bool:
    """Whether an object is one of those that say where requests go (and so move them when it comes or goes)."""
    return wave(body) in (Wave.ROUTES, Wave.DELEGATES)
