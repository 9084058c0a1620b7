"""Questions to Prometheus' HTTP API: signed in, bounded in time and size, tried twice.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import urllib3

from gitops_mesh.errors import Unreachable
from gitops_mesh.metrics.prometheus.answers import Odd, clean, refusal, vector
from gitops_mesh.metrics.prometheus.preset import Series
from gitops_mesh.metrics.prometheus.signing import Signature, signature
from gitops_mesh.model.settings import PrometheusSettings

LARGEST = 64 << 20
"""Bytes of an answer."""
MOST = 8
"""Questions under way at once; more only pile up when the other side answers by drops, for longer than a reading."""
_PAUSE = 0.2
"""Seconds before the second try."""
_RETRIED = frozenset({429, 500, 502, 503, 504})
_CHUNK = 1 << 20
_MEANING = {
    401: "it does not let us in; check the token or the password",
    403: "it does not let us in; check the token or the password, and what they may read",
    404: "it has no query API there; check the URL's path",
}

_Answer = bytes | Unreachable


class PrometheusClient:
    """Asks instant queries. `timeout` is of all questions of one reading together, in seconds."""

    def __init__(self, settings: PrometheusSettings, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout
        self._files = {"ca_certs": settings.ca_file, "cert_file": settings.cert_file, "key_file": settings.key_file}
        options: dict[str, Any] = {name: file for name, file in self._files.items() if file}
        self._pool = urllib3.PoolManager(maxsize=MOST, retries=False, **options)
        self._asking: list[Thread] = []
        self.asked = 0
        """How many queries were sent, second tries included."""

    def ask(self, queries: Sequence[str]) -> list[list[tuple[Series, float]]]:
        """The counters that each query gives, in order, all asked at once. Raises Unreachable, in time."""
        deadline = time.monotonic() + self._timeout
        self._asking = [thread for thread in self._asking if thread.is_alive()]
        if len(self._asking) + len(queries) > MOST:
            raise self._away("earlier questions are still being answered, by drops")
        try:
            signed = signature(self._settings)
        except Unreachable as error:
            raise self._away(error.message) from error
        answers: SimpleQueue[tuple[int, _Answer]] = SimpleQueue()
        for index, query in enumerate(queries):
            # A server that sends a byte now and then can hold whoever reads, but not whoever waits for that one.
            thread = Thread(target=self._work, args=(index, query, signed, deadline, answers), daemon=True)
            thread.start()
            self._asking.append(thread)
        return [self._read(content, signed) for content in self._gathered(len(queries), answers, deadline)]

    def _gathered(self, count: int, answers: SimpleQueue[tuple[int, _Answer]], deadline: float) -> list[bytes]:
        found: dict[int, bytes] = {}
        while len(found) < count:
            try:
                index, answer = answers.get(timeout=max(deadline - time.monotonic(), 0.001))
            except Empty:
                raise self._away(f"it did not answer within {self._timeout:g} s") from None
            if isinstance(answer, Unreachable):
                raise answer
            found[index] = answer
        return [found[index] for index in range(count)]

    def _read(self, content: bytes, signed: Signature) -> list[tuple[Series, float]]:
        try:
            return vector(content)
        except Odd as error:
            raise self._away(signed.hide(str(error))) from error

    def _work(
        self,
        index: int,
        query: str,
        signed: Signature,
        deadline: float,
        answers: SimpleQueue[tuple[int, _Answer]],
    ) -> None:
        try:
            answers.put((index, self._tried(query, signed, deadline)))
        except Unreachable as error:
            answers.put((index, error))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            answers.put((index, self._away(self._because(error))))

    def _tried(self, query: str, signed: Signature, deadline: float) -> bytes:
        """The answer to the first try, or the second one. Raises Unreachable, and what urllib3 raises."""
        try:
            status, content, place = self._sent(query, signed, deadline)
        except urllib3.exceptions.HTTPError:
            if time.monotonic() + _PAUSE >= deadline:
                raise
            status = 0
        if status == 0 or (status in _RETRIED and time.monotonic() + _PAUSE < deadline):
            time.sleep(_PAUSE)
            status, content, place = self._sent(query, signed, deadline)
        if status == 200:
            return content
        if 300 <= status < 400:
            raise self._away(f"it sends us elsewhere{signed.hide(place)} (status {status}); is a login page before it?")
        said = _MEANING.get(status) or signed.hide(refusal(content)) or "no answer of Prometheus'"
        raise self._away(f"{said} (status {status})")

    def _sent(self, query: str, signed: Signature, deadline: float) -> tuple[int, bytes, str]:
        """Status, content, and where a redirect leads to."""
        self.asked += 1
        left = max(deadline - time.monotonic(), 0.05)
        # Thanos would otherwise answer for the stores that it reaches, as if the others had counted nothing.
        asked = {"query": query, "timeout": f"{int(left * 1000)}ms", "partial_response": "false"}
        answer = self._pool.request(
            "POST",
            f"{self._settings.url.rstrip('/')}/api/v1/query",
            fields=asked,
            encode_multipart=False,
            headers=signed.headers,
            timeout=urllib3.Timeout(total=left),
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            content = self._content(answer, deadline)
        finally:
            answer.close()
        place = answer.headers.get("location", "")
        return answer.status, content, f" to {clean(place.partition('?')[0])}" if place else ""

    def _content(self, answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := answer.read1(_CHUNK, decode_content=False):  # what is there, where `read` waits for all of it
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise self._away(f"an answer has more than {LARGEST >> 20} MiB; let it scrape fewer labels")
            if time.monotonic() > deadline:
                raise self._away(f"it did not answer within {self._timeout:g} s")
        return b"".join(parts)

    def _because(self, error: Exception) -> str:
        """A failure in words; a file of ours that cannot be read is at fault before anything else."""
        for file in self._files.values():
            if file and not os.access(file, os.R_OK):
                return f"the file {file} cannot be read"
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            return f"it did not answer within {self._timeout:g} s"
        said = clean(str(error).rpartition("): ")[2] or type(error).__name__)
        broken_off = isinstance(error, urllib3.exceptions.SSLError | urllib3.exceptions.ProtocolError)
        if not broken_off or self._settings.cert_file or not self._settings.url.startswith("https:"):
            return said
        # Some servers tell of a missing client certificate by an alert, some by nothing.
        return said if "verify failed" in said else f"{said}; does it want a client certificate (`certFile`)?"

    def _away(self, said: str) -> Unreachable:
        return Unreachable(f"Prometheus at {self._settings.url} cannot be asked: {said}")
