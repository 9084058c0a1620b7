from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_mesh.errors import ConfigError, Unreachable
from gitops_mesh.forge.status import ApiForge
from tests.fakes.silence import silent_server
from tests.fakes.webserver import WebServer, web_server

REVISION = "0123456789" * 4
TOKEN = "tok-s3cret"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        running.status = 201
        yield running


def test_github(server: WebServer) -> None:
    ApiForge("github", "acme/mesh", TOKEN, url=server.url).report(REVISION, ok=True, summary="1 shift\nplanned")
    (request,) = server.received
    assert request.path == f"/repos/acme/mesh/statuses/{REVISION}"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.body == {"state": "success", "context": "gitops-mesh", "description": "1 shift planned"}


def test_gitlab(server: WebServer) -> None:
    url = f"{server.url}/api/v4/"
    ApiForge("gitlab", "acme/team/mesh", TOKEN, url=url).report(REVISION, ok=False, summary="2 errors")
    (request,) = server.received
    assert request.path == f"/api/v4/projects/acme%2Fteam%2Fmesh/statuses/{REVISION}"
    assert request.headers["private-token"] == TOKEN
    assert request.body == {"state": "failed", "name": "gitops-mesh", "description": "2 errors"}


def test_gitea(server: WebServer) -> None:
    ApiForge("gitea", "acme/mesh", TOKEN, url=f"{server.url}/api/v1").report(REVISION, ok=False, summary="2 errors")
    (request,) = server.received
    assert request.path == f"/api/v1/repos/acme/mesh/statuses/{REVISION}"
    assert request.headers["authorization"] == f"token {TOKEN}"
    assert request.body == {"state": "failure", "context": "gitops-mesh", "description": "2 errors"}


def test_a_long_summary_is_cut_to_what_the_forge_takes(server: WebServer) -> None:
    for kind in ("github", "gitlab", "gitea"):
        ApiForge(kind, "acme/mesh", TOKEN, url=server.url).report(REVISION, ok=True, summary="x" * 1000)
    assert [len(request.body["description"]) for request in server.received] == [140, 255, 255]


@pytest.mark.parametrize("status", [301, 401, 403, 404, 422, 500])
def test_a_refusal_is_unreachable_and_keeps_the_token(server: WebServer, status: int) -> None:
    server.status = status
    server.headers = {"Location": f"{server.url}/elsewhere"}
    with pytest.raises(Unreachable, match=str(status)) as raised:
        ApiForge("github", "acme/mesh", TOKEN, url=server.url).report(REVISION, ok=True, summary="fine")
    assert TOKEN not in str(raised.value)
    assert len(server.received) == 1


def test_nobody_there_and_nobody_answering() -> None:
    with pytest.raises(Unreachable, match="no connection"):
        ApiForge("github", "acme/mesh", TOKEN, url="http://127.0.0.1:1").report(REVISION, ok=True, summary="fine")
    with silent_server() as port:
        forge = ApiForge("github", "acme/mesh", TOKEN, url=f"http://127.0.0.1:{port}", timeout=0.2)
        with pytest.raises(Unreachable, match="in time"):
            forge.report(REVISION, ok=True, summary="fine")


def test_what_is_no_revision_is_never_put_in_a_path(server: WebServer) -> None:
    with pytest.raises(Unreachable):
        ApiForge("github", "acme/mesh", TOKEN, url=server.url).report("../../x", ok=True, summary="fine")
    assert server.received == []


def test_an_unknown_forge_lists_the_choices_nearest_first() -> None:
    with pytest.raises(ConfigError, match="choose one of: github,"):
        ApiForge("githb", "acme/mesh", TOKEN)


@pytest.mark.parametrize(
    "url", ["http://example.org/api", "ftp://x", "https://user:pw@example.org", "https://", "https://h/?q=1"]
)
def test_a_url_that_would_leak_the_token_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"forge\.url") as raised:
        ApiForge("github", "acme/mesh", TOKEN, url=url)
    assert TOKEN not in str(raised.value)


def test_gitea_needs_a_url() -> None:
    with pytest.raises(ConfigError, match="api/v1"):
        ApiForge("gitea", "acme/mesh", TOKEN)


@pytest.mark.parametrize("repository", ["", "mesh", "acme/../x", "a/b?c", "/a/b", "a/b\n"])
def test_a_repository_that_is_none_is_refused(repository: str) -> None:
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        ApiForge("github", repository, TOKEN)


@pytest.mark.parametrize("token", ["", "two words", "new\nline", "smörgås"])
def test_a_malformed_token_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ApiForge("github", "acme/mesh", token)
    assert not token or token not in str(raised.value)
