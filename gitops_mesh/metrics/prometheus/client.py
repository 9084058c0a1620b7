"""Questions to Prometheus' HTTP API: signed in, bounded in time and size, tried twice.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import urllib3

from gitops_mesh.errors import Unreachable
from gitops_mesh.model.settings import PrometheusSettings

LARGEST = 64 << 20
"""Bytes of an answer."""
_RETRIED = (429, 500, 502, 503, 504)


class PrometheusClient:
    """Asks instant queries. `timeout` is of one question with its second try, in seconds."""

    def __init__(self, settings: PrometheusSettings, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout
        files = {"ca_certs": settings.ca_file, "cert_file": settings.cert_file, "key_file": settings.key_file}
        options: dict[str, Any] = {name: file for name, file in files.items() if file}
        self._pool = urllib3.PoolManager(maxsize=2, retries=False, **options)
        self.asked = 0
        """How many questions were sent."""

    def ask(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """The answer's series: labels and value; those that are no number are left out. Raises Unreachable."""
        deadline = time.monotonic() + self._timeout
        try:
            answer = self._send(query, deadline)
            if answer.status in _RETRIED and time.monotonic() < deadline:
                answer = self._send(query, deadline)
        except (urllib3.exceptions.SSLError, OSError) as error:
            raise self._away(str(error)) from error
        except urllib3.exceptions.HTTPError:
            try:
                answer = self._send(query, deadline)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._away(str(error)) from error
        return self._series(answer)

    def _send(self, query: str, deadline: float) -> urllib3.BaseHTTPResponse:
        self.asked += 1
        left = max(deadline - time.monotonic(), 0.05)
        url = f"{self._settings.url.rstrip('/')}/api/v1/query"
        answer = self._pool.request(
            "POST",
            url,
            fields={"query": query, "timeout": f"{int(left * 1000)}ms"},
            encode_multipart=False,
            headers=self._signed(),
            timeout=urllib3.Timeout(total=left),
            redirect=False,
            preload_content=False,
        )
        try:
            data = answer.read(LARGEST + 1)
        finally:
            answer.release_conn()
        if len(data) > LARGEST:
            raise urllib3.exceptions.HTTPError(f"its answer has more than {LARGEST >> 20} MiB")
        return urllib3.HTTPResponse(data, answer.headers, answer.status, preload_content=True)

    def _signed(self) -> dict[str, str]:
        settings = self._settings
        if settings.token_file:
            return {"Authorization": f"Bearer {Path(settings.token_file).read_text(encoding='utf-8').strip()}"}
        if settings.token_env:
            return {"Authorization": f"Bearer {os.environ.get(settings.token_env, '')}"}
        if settings.username:
            word = os.environ.get(settings.password_env, "")
            return dict(urllib3.make_headers(basic_auth=f"{settings.username}:{word}"))
        return {}

    def _series(self, answer: urllib3.BaseHTTPResponse) -> list[tuple[Mapping[str, str], float]]:
        if answer.status in (401, 403):
            raise self._away(f"it does not let us in (status {answer.status}); check the token or the password")
        try:
            told = orjson.loads(answer.data)
            if told.get("status") != "success":
                raise self._away(f"{told.get('errorType')}: {str(told.get('error'))[:300]}")
            found = [(dict(one["metric"]), float(one["value"][1])) for one in told["data"]["result"]]
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise self._away(f"status {answer.status}, and no answer of Prometheus'") from error
        return [(labels, value) for labels, value in found if math.isfinite(value) and value >= 0]

    def _away(self, said: str) -> Unreachable:
        return Unreachable(f"Prometheus at {self._settings.url} cannot be asked: {said}")
