"""Real HTTP on loopback: backends that count what reaches them, and clients that count what they get."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

MARK = "x-backend"
"""The header that every answer of a backend has, with the backend's name; Envoy's own answers lack it."""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Backend:
    """One instance of a service, on an asyncio loop in a thread.

    `/status/503` answers with that status, `/slow` after two seconds, `/cut` with half of an answer,
    `/open` with one that ends when the connection does; all else with 200 and a body that repeats the
    request's head.
    """

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self.requests: Counter[str] = Counter()
        """By path."""
        self._failing = self._owed = 0.0
        self._serving: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._take, "127.0.0.1", port))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def fail(self, share: float) -> None:
        """Answer that share of the requests from now on with status 500."""
        self._failing, self._owed = share, 0.0

    @property
    def count(self) -> int:
        return self.requests.total()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _end(self) -> None:
        for listening in self._server.sockets:
            self._loop.remove_reader(listening.fileno())
        await _turns()  # connections that were just taken are served; a server that is closed would drop them open
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await _turns()  # and close their sockets

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._serving.append(self._loop.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        self.requests[path] += 1
        if path == "/slow":
            await asyncio.sleep(2)
        status = int(path.rsplit("/", 1)[1]) if path.startswith("/status/") else 200
        self._owed += self._failing
        if self._owed >= 1:
            self._owed -= 1
            status = 500
        body = head.encode()
        length = len(body) * (2 if path == "/cut" else 1)
        sized = f"content-length: {length}\r\n" if path != "/open" else ""
        answer = f"HTTP/1.1 {status} Said\r\n{MARK}: {self.name}\r\n{sized}\r\n"
        writer.write(answer.encode() + body)
        await writer.drain()
        return path not in ("/cut", "/open")


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Answer:
    """What a client got."""

    def __init__(self, status: int, headers: Mapping[str, str], body: str) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def backend(self) -> str:
        """The backend that answered, empty when it was Envoy."""
        return self.headers.get(MARK, "")


def ask(port: int, host: str, path: str = "/", *, method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own. Underscores in names of headers mean dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        return _ask(connection, host, path, method, {k.replace("_", "-"): v for k, v in headers.items()})
    finally:
        connection.close()


def _ask(
    connection: http.client.HTTPConnection, host: str, path: str, method: str, headers: Mapping[str, str]
) -> Answer:
    connection.request(method, path, headers={"host": host, **headers})
    response = connection.getresponse()
    body = response.read().decode()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)


class Load:
    """Clients that ask without a pause, on connections that they keep. A connection that breaks is a loss."""

    def __init__(self, port: int, host: str, path: str = "/") -> None:
        self.got: Counter[tuple[int, str]] = Counter()
        """(status, backend) → answers."""
        self.lost: list[str] = []
        self._target = (port, host, path)
        self._lock = threading.Lock()
        self._ending = threading.Event()

    @property
    def total(self) -> int:
        return self.got.total()

    def not_from_backends(self) -> dict[tuple[int, str], int]:
        return {got: count for got, count in self.got.items() if not got[1]}

    def run(self) -> None:
        port, host, path = self._target
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not self._ending.wait(0.001):
            try:
                answer = _ask(connection, host, path, "GET", {})
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.lost.append(repr(error))
                connection.close()
                continue
            with self._lock:
                self.got[answer.status, answer.backend] += 1
        connection.close()

    def end(self) -> None:
        self._ending.set()


@contextmanager
def load(port: int, host: str, path: str = "/", *, clients: int = 3) -> Iterator[Load]:
    """Load for as long as the block runs; complete when it ends."""
    running = Load(port, host, path)
    threads = [threading.Thread(target=running.run, name=f"client-{i}") for i in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.end()
        for thread in threads:
            thread.join(15)
