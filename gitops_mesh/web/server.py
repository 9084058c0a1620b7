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
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gitops_mesh.errors import Busy
from gitops_mesh.model.status import Status
from gitops_mesh.web.exposition import CONTENT_TYPE, exposition
from gitops_mesh.web.guard import Guard
from gitops_mesh.web.health import Health

CONNECTIONS = 100
"""Connections at a time; more are told to come back."""


def application(status: Callable[[], Status], health: Health, address: str) -> Starlette:
    """The routes. `address` is the configured one, without its port."""

    def index(_: Request) -> Response:
        return PlainTextResponse("gitops-mesh\n\n/healthz\n/readyz\n/metrics\n/api/status\n")

    def healthz(_: Request) -> Response:
        if health.alive:
            return PlainTextResponse("ok\n")
        return PlainTextResponse(f"the decision loop has stood still for {health.age:.0f} s\n", 503)

    def readyz(_: Request) -> Response:
        return PlainTextResponse("ok\n") if health.ready else PlainTextResponse("no cluster was reached yet\n", 503)

    def metrics(_: Request) -> Response:
        return Response(exposition(status(), health), media_type=CONTENT_TYPE)

    def api_status(_: Request) -> Response:
        return Response(orjson.dumps(status(), default=str), media_type="application/json")

    pages = {"/": index, "/healthz": healthz, "/readyz": readyz, "/metrics": metrics, "/api/status": api_status}
    return Starlette(
        routes=[Route(path, page, methods=["GET"]) for path, page in pages.items()],
        middleware=[Middleware(Guard, address=address)],
    )


@contextmanager
def serve(address: str, status: Callable[[], Status], health: Health) -> Iterator[int]:
    """Serve on `ADDRESS:PORT` in a thread; yields the port (that of `:0` is any free one). Raises Busy."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    listener = _bind(host, int(port), address)
    config = uvicorn.Config(
        application(status, health, host),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
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
        reason = str(error.strerror).partition(" (while")[0]  # which only says the address again
        raise Busy(f"the server cannot listen on {address}: {reason}", remedy=remedy) from error
