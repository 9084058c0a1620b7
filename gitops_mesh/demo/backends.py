"""The demo's shop: `reviews` in three versions and a `frontend` that calls it through the mesh.

Run as `python -m gitops_mesh.demo.backends --mesh-port N`. Each version listens on a free port of its
own, counts what it is asked, and marks its answers. One line of JSON on standard output names the
ports; `GET /counts` on the `control` port answers the counts so far.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from fractions import Fraction

import orjson

from gitops_mesh.demo import wire

FAILING = {"v1": Fraction(0), "v2": Fraction(0), "v3": Fraction(1, 6)}
"""The versions of `reviews`, each with the share of its requests that it answers with 500."""
REVIEWS_HOST = "reviews.shop.svc.cluster.local"

Handler = Callable[[wire.Message], Awaitable[bytes]]


class Shop:
    """The versions, what each was asked, and how often it failed."""

    def __init__(self, mesh_port: int) -> None:
        self._mesh_port = mesh_port
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def handlers(self) -> dict[str, Handler]:
        """By the name under which each one's port is announced."""
        return {
            **{version: self._reviews(version, failing) for version, failing in FAILING.items()},
            "frontend": self._frontend,
            "control": self._control,
        }

    def _reviews(self, version: str, failing: Fraction) -> Handler:
        async def handle(_: wire.Message) -> bytes:
            self.requests[version] += 1
            number = self.requests[version]
            # Evenly spread: the share holds for any stretch of requests, with nothing left to luck.
            if int(number * failing) > int((number - 1) * failing):
                self.errors[version] += 1
                return wire.answer(500, f"reviews-{version}", {"version": version, "error": "stars not found"})
            return wire.answer(200, f"reviews-{version}", {"version": version, "stars": 5})

        return handle

    async def _frontend(self, _: wire.Message) -> bytes:
        self.requests["frontend"] += 1
        reviews: object = "unavailable"
        with suppress(OSError, EOFError, TimeoutError, wire.Malformed):
            found = await wire.get(self._mesh_port, REVIEWS_HOST, "/reviews/1")
            reviews = orjson.loads(found.body) if found.status == 200 else f"unavailable ({found.status})"
        return wire.answer(200, "frontend", {"service": "frontend", "reviews": reviews})

    async def _control(self, asked: wire.Message) -> bytes:
        if asked.start[1] != "/counts":
            return wire.answer(404, "control", {"error": "ask for /counts"})
        names = [*FAILING, "frontend"]
        counts = {name: {"requests": self.requests[name], "errors": self.errors[name]} for name in names}
        return wire.answer(200, "control", counts)


async def _converse(handle: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer on one connection until the other side is done."""
    try:
        with suppress(OSError, EOFError, wire.Malformed):  # gone, or no HTTP: nobody is left to tell
            while True:
                asked = await wire.read(reader)
                writer.write(await handle(asked))
                await writer.drain()
                if asked.closes:
                    break
    finally:
        writer.close()


async def serve(shop: Shop, announce: Callable[[dict[str, int]], None]) -> None:
    """Listen on loopback for every version, say where, and serve until cancelled."""
    servers = {}
    for name, handler in shop.handlers().items():

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler = handler
        ) -> None:
            await _converse(handler, reader, writer)

        servers[name] = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=512)
    announce({name: server.sockets[0].getsockname()[1] for name, server in servers.items()})
    await asyncio.gather(*(server.serve_forever() for server in servers.values()))


def _announce(ports: dict[str, int]) -> None:
    sys.stdout.write(orjson.dumps(ports).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(description="The demo's services.")
    parser.add_argument("--mesh-port", type=int, required=True, help="where the mesh routes requests by Host")
    chosen = parser.parse_args()
    asyncio.run(serve(Shop(chosen.mesh_port), _announce))


if __name__ == "__main__":
    main()
