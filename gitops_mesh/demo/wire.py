"""As much of HTTP/1.1 as the demo's service and its load need: small bodies with a Content-Length."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

SERVED_BY = "x-served-by"
"""The header by which a backend marks its answers (`reviews-v2`); Envoy's own answers do not have it."""

REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}
TIMEOUT = 10.0
"""Seconds that an answer may take."""


class Malformed(Exception):
    """The other side does not speak the HTTP that is spoken here."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: the first line's words, the headers in lower case, the body."""

    start: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.start[1])

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


async def read(reader: asyncio.StreamReader) -> Message:
    """The next message. Raises Malformed, and asyncio's and the system's errors when there is none."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if "transfer-encoding" in headers:
            raise Malformed("chunked bodies are not read here")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        start = tuple(first.split(" ", 2))
        if len(start) < 2:
            raise Malformed(f"no HTTP: {first!r}")
    except (ValueError, asyncio.LimitOverrunError) as error:
        raise Malformed(str(error)) from error
    return Message(start, headers, body)


def request(host: str, path: str, *, last: bool = False) -> bytes:
    """A GET request; `last` asks the other side to close the connection."""
    connection = "close" if last else "keep-alive"
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: {connection}\r\n\r\n".encode()


def answer(status: int, served_by: str, content: object) -> bytes:
    """An answer with a JSON body."""
    body = orjson.dumps(content)
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{SERVED_BY}: {served_by}\r\n\r\n"
    )
    return head.encode() + body


async def get(port: int, host: str, path: str) -> Message:
    """One request on a connection of its own, on loopback."""
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request(host, path, last=True))
            return await read(reader)
        finally:
            writer.close()
