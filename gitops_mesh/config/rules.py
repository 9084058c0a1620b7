"""The schema that ships, and what no schema can say: what values mean together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import orjson

from gitops_mesh.model.objects import Pointer

SHORTEST = 0.1
LONGEST = 7 * 24 * 3600.0
"""Seconds that any duration of the configuration may last."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATIONS: tuple[Pointer, ...] = (("source", "interval"), ("source", "timeout"), ("metrics", "timeout"))


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with one value; `on_key`: with its name."""

    pointer: Pointer
    said: str
    on_key: bool = False


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    loaded = orjson.loads(resources.files("gitops_mesh").joinpath("config.schema.json").read_bytes())
    return dict(loaded)


def seconds(duration: str) -> float:
    """`1m30s` → 90.0"""
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


def dotted(pointer: Pointer) -> str:
    """`clusters[0].standalone.meshPort`"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer)
    return text.lstrip(".") or "the file"


def mistakes(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong with a tree that the schema found nothing wrong with."""
    for pointer in _DURATIONS:
        duration = tree.get(str(pointer[0]), {}).get(pointer[1])
        if duration is not None and not SHORTEST <= seconds(duration) <= LONGEST:
            yield Mistake(pointer, f"`{dotted(pointer)}` is {duration}; expected 100ms to 168h")
    yield from _twice(tree["source"].get("scopes", ()), ("source", "scopes"))
    yield from _twice(tree["clusters"], ("clusters",))
    yield from _addresses(tree)
    yield from _kinds(tree["clusters"])
    yield from _listeners(tree["clusters"])
    branch = tree.get("ledger", {}).get("branch")
    if branch is not None and len(tree["clusters"]) > 1 and "{cluster}" not in branch:
        said = "`ledger.branch` needs {cluster} in it, since there are several clusters and each has a branch"
        yield Mistake(("ledger", "branch"), said)
    if tree.get("forge", {}).get("kind") == "gitea" and not tree["forge"].get("url"):
        yield Mistake(("forge",), "`forge.url` is missing: gitea has no public API")


def _twice(named: Any, pointer: Pointer) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, part in enumerate(named):
        if part["name"] in seen:
            at = (*pointer, index, "name")
            yield Mistake(at, f"`{dotted(at)}` is {part['name']!r}, which is taken; give each a name of its own")
        seen.add(part["name"])


def _addresses(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    for index, cluster in enumerate(tree["clusters"]):
        inside: Pointer = ("clusters", index, "standalone")
        mesh = cluster.get("standalone", {})
        found = [((*inside, "address"), mesh.get("address", "127.0.0.1"))]
        for host, endpoints in mesh.get("endpoints", {}).items():
            found += [((*inside, "endpoints", host, i, "address"), e["address"]) for i, e in enumerate(endpoints)]
        for pointer, address in found:
            if not _is_ip(address):
                yield Mistake(pointer, f"`{dotted(pointer)}` is {address!r}; expected an IP address")
        for port in mesh.get("ports", {}):
            if int(port) > 65535:
                at = (*inside, "ports", port)
                yield Mistake(at, f"`{dotted(at)}`: expected a port from 1 to 65535", on_key=True)
    port = tree.get("server", "").rpartition(":")[2]
    if port and int(port) > 65535:
        yield Mistake(("server",), f"`server` is {tree['server']!r}; expected a port from 0 to 65535")


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _kinds(clusters: Any) -> Iterator[Mistake]:
    """A cluster has settings of its own kind only, and a lease that is long enough to be renewed."""
    for index, cluster in enumerate(clusters):
        kind = cluster.get("kind", "standalone")
        for other in {"standalone", "kubernetes"} - {kind}:
            if other in cluster:
                at: Pointer = ("clusters", index, other)
                yield Mistake(at, f"`{dotted(at)}` is for clusters of kind {other}; this one is of kind {kind}")
        own = cluster.get("kubernetes", {})
        for way, least, most in ((("lease", "duration"), 1.0, "168h"), (("propagation",), 0.0, "30s")):
            duration = own.get("lease", {}).get("duration") if len(way) > 1 else own.get(way[0])
            if duration is not None and not least <= seconds(duration) <= seconds(most):
                at = ("clusters", index, "kubernetes", *way)
                yield Mistake(at, f"`{dotted(at)}` is {duration}; expected {least:.0f}s to {most}")


def _listeners(clusters: Any) -> Iterator[Mistake]:
    """Two listeners cannot share a port; Envoy would say so much later."""
    taken: dict[int, Pointer] = {}
    for index, cluster in enumerate(clusters):
        if cluster.get("kind", "standalone") != "standalone":
            continue
        inside: Pointer = ("clusters", index, "standalone")
        mesh = cluster.get("standalone", {})
        wanted = [((*inside, name), mesh.get(name, default)) for name, default in _MESH_PORTS]
        wanted += [((*inside, "ports", port), to) for port, to in mesh.get("ports", {}).items()]
        for pointer, port in wanted:
            if port in taken:
                said = f"`{dotted(pointer)}` is {port}, as is `{dotted(taken[port])}`; each listener needs its own"
                yield Mistake(pointer, said)
            taken.setdefault(port, pointer)


_MESH_PORTS = (("meshPort", 15001), ("adminPort", 15000))
"""The ports that every standalone mesh has, with their defaults."""
