"""Calls to one Kubernetes API server: JSON in, JSON out, each with a deadline, errors as ours.

The package `kubernetes` finds the server and signs requests in (kubeconfig with its plugins and refreshed
tokens, or the ServiceAccount of the Pod); requests and answers are raw JSON, since its typed models cost ten times as
much on large lists.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes import client, config

from gitops_mesh.errors import ConfigError, GitOpsMeshError, Unreachable

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_RETRIED = (429, 500, 502, 503, 504)
_UNKNOWN_FIELD = "field not declared in schema"
"""Server-side apply answers an unknown field with status 500 and this; asking again would not help."""


class ApiError(GitOpsMeshError):
    """The API server said no. `reason` is Kubernetes' word for it (`Conflict`, `NotFound`, `Invalid`, `Forbidden`)."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer.get("message") or f"status {status}"))
        self.status = status
        self.reason = str(answer.get("reason") or "")
        details = answer.get("details") or {}
        self.causes: tuple[Mapping[str, Any], ...] = tuple(details.get("causes") or ())


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: of one connection, of one call, and how long a watch may say nothing."""

    connect: float = 3.0
    call: float = 10.0
    watch: float = 90.0


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    path: str
    query: Mapping[str, str]
    data: bytes | None = None
    content: str = JSON


class Api:
    """One API server. Safe to share between threads."""

    def __init__(self, kubeconfig: str = "", context: str = "", deadlines: Deadlines | None = None) -> None:
        self.deadlines = deadlines or Deadlines()
        self._configuration = _configuration(kubeconfig, context)
        self._pool = _pool(self._configuration)
        self.host = str(self._configuration.host).rstrip("/")
        self.calls = 0
        """How many requests were sent."""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Read. Raises ApiError, Unreachable."""
        return self.call("GET", path, query)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = JSON,
        *,
        seconds: float = 0.0,
    ) -> dict[str, Any]:
        """One request, tried again within its deadline while the server is busy. Raises ApiError, Unreachable.

        A connection that breaks is not tried again: the write may have happened.
        """
        deadline = time.monotonic() + (seconds or self.deadlines.call)
        data = orjson.dumps(body) if body is not None else None
        asked = _Asked(method, path, query or {}, data, content)
        tries = 0
        while True:
            answer = self._send(asked, deadline)
            if answer.status < 300:
                return _decoded(answer.data)
            error = ApiError(answer.status, _decoded(answer.data))
            wait = _pause(answer, tries)
            busy = answer.status in _RETRIED and _UNKNOWN_FIELD not in error.message
            if busy and time.monotonic() + wait > deadline:
                raise Unreachable(f"the API server at {self.host} is not well: {error.message}")
            if not busy:
                raise error
            tries += 1
            time.sleep(wait)

    def watch(self, path: str, version: str, **query: str) -> Iterator[dict[str, Any]]:
        """Events since `version`, bookmarks included, until the server ends the watch; an empty one comes first.

        Raises ApiError, Unreachable.
        """
        asked = {
            **query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(int(random.uniform(240, 300))),  # noqa: S311 - so that not all end at once
        }
        timeout = urllib3.Timeout(connect=self.deadlines.connect, read=self.deadlines.watch)
        try:
            answer = self._request(_Asked("GET", path, asked), timeout, preload=False)
            with closing(answer):
                if answer.status >= 300:
                    raise ApiError(answer.status, _decoded(answer.data))
                yield {}  # connected: the server has taken the request, though nothing may happen for long
                yield from _lines(answer)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"the API server at {self.host} cut a watch off: {error}") from error

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()

    def _send(self, asked: _Asked, deadline: float) -> urllib3.BaseHTTPResponse:
        left = max(deadline - time.monotonic(), 0.1)
        timeout = urllib3.Timeout(connect=min(self.deadlines.connect, left), total=left)
        try:
            return self._request(asked, timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"the API server at {self.host} does not answer: {_brief(error)}") from error

    def _request(self, asked: _Asked, timeout: urllib3.Timeout, *, preload: bool = True) -> urllib3.BaseHTTPResponse:
        self.calls += 1
        url = f"{self.host}{asked.path}" + (f"?{urlencode(asked.query)}" if asked.query else "")
        headers = {"Accept": JSON, "Content-Type": asked.content, "User-Agent": "gitops-mesh"} | self._signed()
        return self._pool.request(
            asked.method, url, body=asked.data, headers=headers, timeout=timeout, retries=False, preload_content=preload
        )

    def _signed(self) -> dict[str, str]:
        """The header that signs in; a token is read again when it is due."""
        found = self._configuration.auth_settings().get("BearerToken")
        return {"Authorization": str(found["value"])} if found and found.get("value") else {}


def _configuration(kubeconfig: str, context: str) -> client.Configuration:
    found = client.Configuration()
    try:
        if not kubeconfig and not context and _in_cluster():
            config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
        else:
            config.load_kube_config(kubeconfig or None, context or None, found, persist_config=False)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError, ValueError) as error:
        remedy = "set `kubernetes.kubeconfig` and `kubernetes.context`, or run in a Pod with a ServiceAccount"
        raise ConfigError(f"no way to the Kubernetes API server: {error}", remedy=remedy) from error
    return found


def _in_cluster() -> bool:
    try:
        config.load_incluster_config(client_configuration=client.Configuration())  # type: ignore[no-untyped-call]
    except config.ConfigException:
        return False
    return True


def _pool(found: client.Configuration) -> urllib3.PoolManager:
    tls = {"cert_reqs": "CERT_REQUIRED" if found.verify_ssl else "CERT_NONE", "ca_certs": found.ssl_ca_cert}
    signed = {"cert_file": found.cert_file, "key_file": found.key_file, "server_hostname": found.tls_server_name}
    options: dict[str, Any] = {name: value for name, value in (tls | signed).items() if value}
    return urllib3.PoolManager(num_pools=2, maxsize=32, block=False, **options)


def _pause(answer: urllib3.BaseHTTPResponse, tries: int) -> float:
    told = answer.headers.get("Retry-After", "")
    backoff = min(0.2 * 2.0**tries, 5.0) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
    return max(float(told), backoff) if told.isdigit() else backoff


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in answer.stream(1 << 16, decode_content=True):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (_decoded(line) for line in whole if line.strip())


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {"message": data[:500].decode(errors="replace")}
    return found if isinstance(found, dict) else {}


def _brief(error: Exception) -> str:
    return str(error.__cause__ or error)[:300]
