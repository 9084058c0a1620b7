"""`http[].match[]` as Envoy's RouteMatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops_mesh.cluster.standalone.translate.fields import Fields
from gitops_mesh.cluster.standalone.translate.values import string_match

HTTP_PORT = 80
"""The port that a Host header without one means."""


@dataclass(frozen=True, slots=True)
class Match:
    """One match; what depends on the listener it is used on is left open."""

    envoy: dict[str, Any]
    gateways: tuple[str, ...] = ()
    """As written; empty: wherever the VirtualService is."""
    port: int = 0
    """0: any."""

    @property
    def catches_all(self) -> bool:
        return self.envoy == {"prefix": "/"} and not self.port


EVERYTHING = Match({"prefix": "/"})


def match(fields: Fields) -> Match:
    """One entry of `match`."""
    fields.take("name")  # names nothing that traffic depends on
    envoy = _path(fields)
    headers = [
        {"name": pseudo, "string_match": wanted}
        for name, pseudo in (("method", ":method"), ("authority", ":authority"), ("scheme", ":scheme"))
        if name in fields and (wanted := string_match(fields.fields(name))) is not None
    ]
    headers += [_header(name, inner) for name, inner in fields.under("headers")]
    headers += [_without(name, inner) for name, inner in fields.under("withoutHeaders")]
    parameters = [_parameter(name, inner) for name, inner in fields.under("queryParams")]
    if headers:
        envoy["headers"] = headers
    if parameters:
        envoy["query_parameters"] = parameters
    return Match(envoy, tuple(fields.strings("gateways")), fields.whole("port") or 0)


def on_port(envoy: dict[str, Any], port: int) -> dict[str, Any]:
    """The same match for requests whose Host header names this port, by which a mesh tells ports apart."""
    pattern = rf"[^:]+(:{HTTP_PORT})?" if port == HTTP_PORT else rf".+:{port}"
    wanted = {"name": ":authority", "string_match": {"safe_regex": {"regex": pattern}}}
    return {**envoy, "headers": [*envoy.get("headers", ()), wanted]}


def _path(fields: Fields) -> dict[str, Any]:
    ignore_case = bool(fields.flag("ignoreUriCase"))
    uri = fields.fields("uri")
    wanted = string_match(uri)
    if wanted is None:
        return {"prefix": "/"}
    if "safe_regex" in wanted:
        if ignore_case:
            wanted["safe_regex"]["regex"] = f"(?i){wanted['safe_regex']['regex']}"
        return wanted
    path = {"path": wanted["exact"]} if "exact" in wanted else {"prefix": wanted["prefix"] or "/"}
    return {**path, "case_sensitive": False} if ignore_case else path


def _header(name: str, fields: Fields) -> dict[str, Any]:
    wanted = string_match(fields)
    return {"name": name, "present_match": True} if wanted is None else {"name": name, "string_match": wanted}


def _without(name: str, fields: Fields) -> dict[str, Any]:
    """A request without the header passes, so a missing one is compared as if it were empty."""
    wanted = string_match(fields)
    if wanted is None or wanted == {"safe_regex": {"regex": "*"}}:
        return {"name": name, "present_match": True, "invert_match": True}
    return {"name": name, "string_match": wanted, "invert_match": True, "treat_missing_header_as_empty": True}


def _parameter(name: str, fields: Fields) -> dict[str, Any]:
    wanted = string_match(fields)
    return {"name": name, "present_match": True} if wanted is None else {"name": name, "string_match": wanted}
