"""A generic webhook: each entry of the ledger as one JSON document."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from gitops_mesh.errors import ConfigError, Unreachable
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.rollouts import Event


class Webhook:
    """Posts entries to `url` (http or https), those of `events` only, or all where none are named.

    `timeout` in seconds. Redirects are not followed: they could lead anywhere. Errors name the host alone,
    since the path of a webhook's URL is often its secret.
    """

    def __init__(self, url: str, *, events: Iterable[str] = (), timeout: float = 5.0) -> None:
        self._url = url
        self._host = _host(url)
        self._events = frozenset(_event(name) for name in events)
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout), retries=False, maxsize=1)

    def notify(self, cluster: str, entry: Entry) -> None:
        if self._events and entry.event not in self._events:
            return
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "gitops-mesh",
            "X-Gitops-Mesh-Event": str(entry.event),
        }
        body = orjson.dumps(document(cluster, entry))
        try:
            answer = self._http.request(
                "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
            )
        except (urllib3.exceptions.HTTPError, ValueError) as problem:  # ValueError: a URL that http.client refuses
            late = isinstance(problem, urllib3.exceptions.TimeoutError)
            refused = isinstance(
                problem, urllib3.exceptions.NewConnectionError
            )  # which urllib3 calls a timeout as well
            why = "no answer in time" if late and not refused else "no connection"
            raise Unreachable(f"the webhook at {self._host} was not told of {entry.event}: {why}") from None
        # Nothing in the answer's body matters, so it is not read and the connection not used again.
        answer.close()
        if not 200 <= answer.status < 300:
            remedy = "redirects are not followed: name the final URL" if 300 <= answer.status < 400 else ""
            message = f"the webhook at {self._host} answered {answer.status} to {entry.event}"
            raise Unreachable(message, remedy=remedy)


def document(cluster: str, entry: Entry) -> dict[str, Any]:
    """An entry as the webhook's JSON document. `operation` and `sequence` tell a repeated one."""
    keys = [{"group": k.group, "kind": k.kind, "namespace": k.namespace, "name": k.name} for k in entry.objects]
    return {
        "cluster": cluster,
        "event": str(entry.event),
        "sentence": entry.sentence,
        "at": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds"),
        "objects": keys,
        "operation": entry.operation,
        "sequence": entry.sequence,
        "sourceCommit": entry.source_commit,
        "rollout": entry.rollout,
        "verdict": entry.verdict,
        "weights": entry.weights,
        "evidence": entry.evidence,
        "by": entry.by,
    }


def _event(name: str) -> Event:
    names = [str(event) for event in Event]
    if name not in names:
        ranked = sorted(names, key=lambda other: -difflib.SequenceMatcher(None, name, other).ratio())
        raise ConfigError(f"notify: there is no event {name!r}", remedy=f"choose from: {', '.join(ranked)}")
    return Event(name)


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
    except ValueError as problem:
        raise ConfigError("notify: a webhook's URL is none", remedy="write https://HOST/PATH") from problem
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ConfigError("notify: a webhook's URL must be http or https", remedy="write https://HOST/PATH")
    return host
