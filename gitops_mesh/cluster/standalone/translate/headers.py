"""`headers` of a route or of one of its destinations."""

from __future__ import annotations

from typing import Any

from gitops_mesh.cluster.standalone.translate.fields import Fields

_HOST = ("host", ":authority")


def headers(fields: Fields) -> tuple[dict[str, Any], str]:
    """Envoy's header options (of a Route or a ClusterWeight), and the Host to set, empty where none is."""
    out: dict[str, Any] = {}
    host = ""
    inner = fields.fields("headers")
    for side in ("request", "response"):
        change = inner.fields(side)
        added = []
        for verb, action in (("set", "OVERWRITE_IF_EXISTS_OR_ADD"), ("add", "APPEND_IF_EXISTS_OR_ADD")):
            for name, value in change.texts(verb).items():
                if side == "request" and name.lower() in _HOST:
                    host = host or value
                else:
                    added.append({"header": {"key": name, "value": value}, "append_action": action})
        removed = change.strings("remove")
        if added:
            out[f"{side}_headers_to_add"] = added
        if removed:
            out[f"{side}_headers_to_remove"] = removed
    return out, host
