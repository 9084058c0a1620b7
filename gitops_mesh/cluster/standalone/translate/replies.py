"""What Envoy answers or breaks by itself: `redirect`, `directResponse`, `fault`."""

from __future__ import annotations

from typing import Any

from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.cluster.standalone.translate.values import duration, fraction

FAULT = "envoy.filters.http.fault"
FAULT_TYPE = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"

_REDIRECTS = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_GRPC = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
"""Names of gRPC's codes, in the order of their numbers."""


def redirect(fields: Fields) -> dict[str, Any]:
    """Envoy's RedirectAction."""
    out: dict[str, Any] = {}
    for name, envoy in (("uri", "path_redirect"), ("prefixRewrite", "prefix_rewrite"), ("authority", "host_redirect")):
        if name in fields:
            out[envoy] = fields.text(name)
    scheme = fields.text("scheme")
    if scheme:
        out["scheme_redirect"] = scheme
    port = fields.whole("port")
    if port:
        out["port_redirect"] = port
    code = fields.whole("redirectCode") or 301
    if code in _REDIRECTS:
        out["response_code"] = _REDIRECTS[code]
    else:
        fields.wrong("redirectCode", f"can only be one of {', '.join(map(str, _REDIRECTS))} on the standalone mesh")
    return out


def direct_response(fields: Fields) -> dict[str, Any]:
    """Envoy's DirectResponseAction."""
    body = fields.fields("body")
    out: dict[str, Any] = {"status": fields.whole("status") or 0}
    if "string" in body:
        out["body"] = {"inline_string": body.text("string")}
    elif "bytes" in body:
        out["body"] = {"inline_bytes": body.text("bytes")}
    return out


def fault(fields: Fields) -> dict[str, Any]:
    """Envoy's HTTPFault for one route; a fault without a percentage touches no request, as in Istio."""
    out: dict[str, Any] = {"@type": FAULT_TYPE}
    if "delay" in fields:
        delay = fields.fields("delay")
        fixed, share = duration(delay, "fixedDelay"), fraction(delay, "percentage", omitted=0)
        if fixed:
            out["delay"] = {"fixed_delay": fixed, "percentage": share}
    if "abort" in fields:
        abort = fields.fields("abort")
        share = fraction(abort, "percentage", omitted=0)
        if "httpStatus" in abort:
            out["abort"] = {"http_status": abort.whole("httpStatus") or 0, "percentage": share}
        elif "grpcStatus" in abort:
            out["abort"] = {"grpc_status": _grpc(abort), "percentage": share}
    return out


def _grpc(fields: Fields) -> int:
    name = fields.text("grpcStatus").upper()
    if name in _GRPC:
        return _GRPC.index(name)
    fields.wrong("grpcStatus", f"is none of {', '.join(_GRPC)}")
    return 0
