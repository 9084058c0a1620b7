"""What the values of `metrics` mean together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gitops_mesh.config.rules import Mistake, dotted
from gitops_mesh.metrics.prometheus.promql import misused
from gitops_mesh.model.objects import Pointer

_PART: Pointer = ("metrics", "prometheus")
_SECRETS = ("tokenEnv", "tokenFile", "passwordEnv", "passwordFile")
_OF_PRESETS: Mapping[str, tuple[str, ...]] = {
    "reporter": ("istio",),
    "queries": ("custom",),
    "matchers": ("istio", "envoy"),
}


def metrics_mistakes(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong with `metrics` in a tree that the schema found nothing wrong with."""
    part = tree.get("metrics", {})
    wanted, asked = part.get("provider", "envoy"), part.get("prometheus")
    if (wanted == "prometheus") != (asked is not None):
        said = "`metrics.provider: prometheus` and `metrics.prometheus` go together"
        yield Mistake(_PART if asked is not None else ("metrics",), said)
    for index, cluster in enumerate(tree["clusters"]):
        if cluster.get("kind") == "kubernetes" and wanted == "envoy":
            said = f"`clusters[{index}]` is of kind kubernetes, which needs `metrics.provider: prometheus`"
            yield Mistake(("clusters", index, "kind"), said)
    if asked is not None:
        yield from _of_preset(asked)
        yield from _signing_in(asked)


def _of_preset(asked: Mapping[str, Any]) -> Iterator[Mistake]:
    preset = asked.get("preset", "istio")
    for name, presets in _OF_PRESETS.items():
        if name in asked and preset not in presets:
            at = (*_PART, name)
            choices = " or ".join(f"`{choice}`" for choice in presets)
            yield Mistake(at, f"`{dotted(at)}` is for the preset {choices}; this one is `{preset}`")
    if preset == "custom" and "queries" not in asked:
        yield Mistake(_PART, f"`{dotted((*_PART, 'queries'))}` is missing: the preset `custom` asks nothing else")
    for name, query in asked.get("queries", {}).items():
        at = (*_PART, "queries", name)
        for said in misused(query):
            yield Mistake(at, f"`{dotted(at)}` {said}")


def _signing_in(asked: Mapping[str, Any]) -> Iterator[Mistake]:
    given = [name for name in _SECRETS if name in asked]
    if len(given) > 1:
        names = ", ".join(f"`{name}`" for name in given)
        yield Mistake(_PART, f"`{dotted(_PART)}` has {names}; there is one way to sign in, so leave one")
    if ("username" in asked) != bool({"passwordEnv", "passwordFile"} & asked.keys()):
        yield Mistake(_PART, "`username` and `passwordEnv` or `passwordFile` go together")
    if ("certFile" in asked) != ("keyFile" in asked):
        yield Mistake(_PART, "`certFile` and `keyFile` go together")
    yield from _in_clear(asked, given)


def _in_clear(asked: Mapping[str, Any], given: Sequence[str]) -> Iterator[Mistake]:
    """TLS is asked for where it would be missed."""
    at = (*_PART, "url")
    try:
        url = urlsplit(asked["url"])
        _ = url.port
    except ValueError as error:
        yield Mistake(at, f"`{dotted(at)}` is no URL: {error}")
        return
    if url.scheme == "https":
        return
    files = [name for name in ("caFile", "certFile", "keyFile") if name in asked]
    if files:
        yield Mistake(at, f"`{dotted(at)}` is http://, where `{files[0]}` has no meaning")
    if given and not asked.get("insecure") and not _is_here(url.hostname or ""):
        said = f"would send `{given[0]}`'s secret over the network in clear; use https://, or set `insecure: true`"
        yield Mistake(at, f"`{dotted(at)}` {said}")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
