"""The Forge port on a forge's HTTP API."""

from __future__ import annotations

import difflib
import re
from urllib.parse import urlsplit

import orjson
import urllib3

from gitops_mesh.errors import ConfigError, Unreachable
from gitops_mesh.forge.requests import DIALECTS, Dialect

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+")
_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ApiForge:
    """Sets commit statuses in `repository` (`owner/name`) of a forge of this `kind`.

    `url` is the API's base (empty: the public one), `token` the secret itself; it is sent in a header and
    stands in no message. `timeout` in seconds. Raises ConfigError for settings that cannot work.
    """

    def __init__(self, kind: str, repository: str, token: str, *, url: str = "", timeout: float = 10.0) -> None:
        self._dialect = _dialect(kind)
        self._url = _base(url or self._dialect.url, kind)
        if not _REPOSITORY.fullmatch(repository) or ".." in repository:
            raise ConfigError(f"forge.repository: {repository!r} is no repository", remedy="write OWNER/NAME")
        if not token or not (token.isascii() and token.isprintable()) or " " in token:
            raise ConfigError(
                "forge: the token is empty or malformed", remedy="set the variable named by forge.token_env"
            )
        self._repository = repository
        self._token = token
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout), retries=False, maxsize=1)

    def report(self, revision: str, ok: bool, summary: str) -> None:
        """Set the commit's status. Raises Unreachable, whatever the forge's reason."""
        where = f"the status of {revision[:12]} was not set at {self._host}"
        if not _REVISION.fullmatch(revision):
            raise Unreachable(f"{where}: it is no full commit id")
        request = self._dialect.status(self._repository, revision, self._token, ok, summary)
        headers = {"Content-Type": "application/json", "User-Agent": "gitops-mesh", **request.headers}
        try:
            answer = self._http.request(
                "POST",
                self._url + request.path,
                body=orjson.dumps(request.body),
                headers=headers,
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as problem:
            late = isinstance(problem, urllib3.exceptions.TimeoutError)
            refused = isinstance(
                problem, urllib3.exceptions.NewConnectionError
            )  # which urllib3 calls a timeout as well
            why = "no answer in time" if late and not refused else "no connection"
            raise Unreachable(f"{where}: {why}") from None
        answer.close()
        if not 200 <= answer.status < 300:
            raise Unreachable(f"{where}: it answered {answer.status}", remedy=_remedy(answer.status))

    @property
    def _host(self) -> str:
        return urlsplit(self._url).netloc


def _dialect(kind: str) -> Dialect:
    for dialect in DIALECTS:
        if dialect.kind == kind:
            return dialect
    names = sorted((d.kind for d in DIALECTS), key=lambda name: -difflib.SequenceMatcher(None, kind, name).ratio())
    raise ConfigError(f"forge.kind: there is no forge {kind!r}", remedy=f"choose one of: {', '.join(names)}")


def _base(url: str, kind: str) -> str:
    if not url:
        raise ConfigError(f"forge.url: {kind} has no public API", remedy="set it, as https://HOST/api/v1")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as problem:
        raise ConfigError("forge.url is no URL", remedy="write https://HOST/PATH") from problem
    if not host or not url.isprintable() or " " in url or parts.username or parts.query or parts.fragment:
        raise ConfigError("forge.url is no plain base URL", remedy="write https://HOST/PATH")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise ConfigError("forge.url: the token is only sent over https", remedy="write https://HOST/PATH")
    return url.rstrip("/")


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "check the token and that it may write commit statuses"
    if status == 404:
        return "check forge.repository, and that the token may see it"
    return "redirects are not followed: name the final URL" if 300 <= status < 400 else ""
