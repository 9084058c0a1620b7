"""Names of hosts, as Istio resolves them."""

from __future__ import annotations

DOMAIN = "cluster.local"


def fqdn(host: str, namespace: str) -> str:
    """The full name of `host` as written in an object of `namespace`.

    A name without a dot is a Service of that namespace; any other stands as it is, and so do wildcards
    and IPv6 addresses (https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination).
    """
    host = host.rstrip(".").lower()
    if not host or "." in host or ":" in host or host.startswith("*"):
        return host
    return f"{host}.{namespace}.svc.{DOMAIN}"


def covers(pattern: str, host: str) -> bool:
    """Whether the host `pattern` (`*`, `*.example.com`, `*-eu.example.com`, or a name) covers `host`."""
    return pattern == host or (pattern.startswith("*") and host.endswith(pattern[1:]))
