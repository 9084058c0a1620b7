"""Names of hosts, as Istio resolves them."""

from __future__ import annotations

DOMAIN = "cluster.local"


def fqdn(host: str, namespace: str) -> str:
    """The full name of `host` as written in an object of `namespace`.

    A name without a dot is a Service of that namespace; any other stands as it is
    (https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination).
    """
    host = host.rstrip(".").lower()
    return host if "." in host or host == "*" else f"{host}.{namespace}.svc.{DOMAIN}"


def covers(pattern: str, host: str) -> bool:
    """Whether the host `pattern` (`*`, `*.example.com`, or a name) covers `host`."""
    if pattern == host or pattern == "*":  # noqa: PLR1714 - two meanings
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:])
