"""What a translation gives: Envoy's resources by name, and what could not be honoured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_mesh.model.findings import Finding

Resource = Mapping[str, Any]
"""An Envoy resource as JSON."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where requests come in; its routes are the route configuration of the same name."""

    address: str
    port: int
    edge: bool = False
    """Clients are outside the mesh: their address is the truth, their forwarding headers are not."""


@dataclass(frozen=True, slots=True)
class MeshConfig:
    """The whole configuration of one Envoy, by name."""

    clusters: Mapping[str, Resource] = field(default_factory=dict)
    listeners: Mapping[str, Listener] = field(default_factory=dict)
    routes: Mapping[str, Resource] = field(default_factory=dict)
    """Route configurations, each by the name of the listener that asks for it."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A configuration, and what of the objects is not in it."""

    config: MeshConfig
    findings: tuple[Finding, ...] = ()
    """Pointers are from the object's own root; `object` is set, `path` and `document` are not."""
