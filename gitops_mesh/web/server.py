"""The HTTP server: GET only, no cross-origin reading, and only for the names it is known by."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gitops_mesh.errors import Busy
from gitops_mesh.model.status import Status
from gitops_mesh.web.exposition import exposition
from gitops_mesh.web.health import Health

HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY = ("0.0.0.0", "[::]")  # noqa: S104 - compared with, not bound


def application(status: Callable[[], Status], health: Health, hosts: list[str]) -> Starlette:
    """The routes, for requests that name one of `hosts` (so that no page elsewhere can read them)."""

    def healthz(_: Request) -> Response:
        text = "ok" if health.alive else f"no tick for {health.age:.0f} s"
        return PlainTextResponse(text, 200 if health.alive else 503, HEADERS)

    def readyz(_: Request) -> Response:
        return PlainTextResponse("ok" if health.ready else "no tick yet", 200 if health.ready else 503, HEADERS)

    def metrics(_: Request) -> Response:
        return Response(exposition(status(), health), media_type="text/plain; version=0.0.4", headers=HEADERS)

    def api_status(_: Request) -> Response:
        return Response(orjson.dumps(status()), media_type="application/json", headers=HEADERS)

    paths = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics, "/api/status": api_status}
    return Starlette(
        routes=[Route(path, endpoint, methods=["GET"]) for path, endpoint in paths.items()],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
    )


@contextmanager
def serve(address: str, status: Callable[[], Status], health: Health) -> Iterator[None]:
    """Serve on `address:port` in a thread. Raises Busy when it cannot be bound."""
    host, _, port = address.rpartition(":")
    listener = _bind(host.strip("[]"), int(port), address)
    hosts = ["*"] if host in ANY else [*LOOPBACK, host]
    config = uvicorn.Config(application(status, health, hosts), log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


def _bind(host: str, port: int, address: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        remedy = "choose another address under `server` in gitops-mesh.yaml, or end what listens there"
        raise Busy(f"the server cannot listen on {address}: {error.strerror}", remedy=remedy) from error
