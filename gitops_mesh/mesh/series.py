"""The name of a route's traffic to one destination in Envoy's clusters and statistics.

One Envoy cluster for each route and destination gives each its own series, so that two routes to one
subset can be told apart. The name has no dot, since Envoy would make it part of the metric's name.
"""

from __future__ import annotations

import hashlib

from gitops_mesh.model.routes import Destination, RouteRef


def series(ref: RouteRef, destination: Destination, *, mirror: bool = False) -> str:
    """A readable name, made unique by a digest: `reviews_v2_3f9a0c1d2e4b`."""
    parts = (*_key(ref), destination.host, destination.subset, str(destination.port), "mirror" if mirror else "")
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    words = (destination.host.split(".")[0], destination.subset, "mirror" if mirror else "")
    readable = "_".join(word for word in words if word)
    return f"{''.join(c if c.isascii() and c.isalnum() else '_' for c in readable)}_{digest}"


def _key(ref: RouteRef) -> tuple[str, ...]:
    return ref.key.group, ref.key.kind, ref.key.namespace, ref.key.name, ref.route
