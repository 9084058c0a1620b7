"""What every request passes first, and every answer gets: the Host check and the security headers."""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def is_known(header: str, address: str) -> bool:
    """Whether a Host header names a host that no web page elsewhere can take on (DNS rebinding).

    An attacker's page has a public name, and can make it resolve to us. It has no IP address for a name,
    no name without a dot, and none within a Kubernetes cluster (`.svc`). `address` is the configured one.
    """
    host = _host(header)
    if not host:
        return False
    if host == address.strip("[]").lower() or "." not in host:
        return True
    return _is_ip(host) or host.endswith((".localhost", ".svc", ".svc.cluster.local"))


def _host(header: str) -> str:
    """The host without its port; empty when it is none."""
    text = header.strip().lower()
    host, bracket, port = text.removeprefix("[").partition("]") if text.startswith("[") else (text, "", "")
    if not bracket:
        host, _, port = text.partition(":")
    port = port.removeprefix(":") if bracket else port
    fits = all(c.isalnum() or c in "-._" for c in host) if not bracket else _is_ip(host)
    return host.removesuffix(".") if fits and (not port or port.isdigit()) else ""


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware: answers 421 to hosts that are not ours, adds the headers to everything."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if is_known(Headers(scope=scope).get("host", ""), self._address):
            await self._app(scope, receive, sent)
            return
        text = "this server is not known by that host name; ask by IP address, or set `server` in gitops-mesh.yaml\n"
        await PlainTextResponse(text, 421)(scope, receive, sent)
