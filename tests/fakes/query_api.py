"""Prometheus' query API over real HTTP, with the answers and the faults that a test wants; or a proxy before one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import orjson
import urllib3


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as it came."""

    path: str
    query: str
    headers: Mapping[str, str]
    form: Mapping[str, list[str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say; `drops`: a byte at a time, until nobody listens, of the body if there is one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drops: bool = False


def vector(*series: tuple[Mapping[str, Any], Any]) -> Answer:
    """An instant vector of (labels, value)."""
    result = [{"metric": labels, "value": [1.0, str(value)]} for labels, value in series]
    return told({"resultType": "vector", "result": result})


def told(data: Any) -> Answer:
    """A successful answer with any data."""
    return Answer(body=orjson.dumps({"status": "success", "data": data}))


class QueryApi:
    """Answers each question by `answer`, or by the next of `faults` while there are any."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.answer = answer
        self.faults: list[Answer] = []
        self.asked: list[Asked] = []
        self._closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                form = parse_qs(body.decode())
                asked = Asked(self.path, form["query"][0], dict(self.headers), form, body)
                outer.asked.append(asked)
                outer.say(self, outer.faults.pop(0) if outer.faults else outer.answer(asked))

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def say(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        try:
            if answer.drops:
                if answer.body:
                    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                while not self._closed.wait(0.05):
                    handler.wfile.write(b"H")
                    handler.wfile.flush()
                return
            handler.send_response(answer.status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
        except OSError:
            return  # nobody listens any more

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def forwarding(url: str, authorization: str) -> Callable[[Asked], Answer]:
    """Answers of the Prometheus at `url`, for those who sign in."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("Authorization") != authorization:
            return Answer(401, b"who are you?")
        headers = {"content-type": "application/x-www-form-urlencoded"}
        found = urllib3.request("POST", url + asked.path, body=asked.body, headers=headers, retries=False, timeout=20)
        return Answer(found.status, found.data)

    return answer
