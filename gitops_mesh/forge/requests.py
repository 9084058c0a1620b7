"""How each forge wants to be told of a commit's status: pure, so that the differences stand side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

CONTEXT = "gitops-mesh"
"""The status's name beside the commit."""


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """One POST: path below the API's base URL, headers, and the JSON body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, str]


Build = Callable[[str, str, str, bool, str], StatusRequest]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A kind of forge. `url` is its public API's base, empty where there is none."""

    kind: str
    url: str
    status: Build


def _github(repository: str, revision: str, token: str, ok: bool, summary: str) -> StatusRequest:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    body = {"state": "success" if ok else "failure", "context": CONTEXT, "description": _cut(summary, 140)}
    return StatusRequest(f"/repos/{quote(repository)}/statuses/{revision}", headers, body)


def _gitlab(repository: str, revision: str, token: str, ok: bool, summary: str) -> StatusRequest:
    body = {"state": "success" if ok else "failed", "name": CONTEXT, "description": _cut(summary, 255)}
    path = f"/projects/{quote(repository, safe='')}/statuses/{revision}"
    return StatusRequest(path, {"PRIVATE-TOKEN": token}, body)


def _gitea(repository: str, revision: str, token: str, ok: bool, summary: str) -> StatusRequest:
    body = {"state": "success" if ok else "failure", "context": CONTEXT, "description": _cut(summary, 255)}
    path = f"/repos/{quote(repository)}/statuses/{revision}"
    return StatusRequest(path, {"Authorization": f"token {token}"}, body)


DIALECTS = (
    Dialect("github", "https://api.github.com", _github),
    Dialect("gitlab", "https://gitlab.com/api/v4", _gitlab),
    Dialect("gitea", "", _gitea),
)


def _cut(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
