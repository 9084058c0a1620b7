from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitops_mesh.errors import ConfigError, Unreachable
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event
from gitops_mesh.notify.webhook import Webhook
from tests.fakes.silence import silent_server
from tests.fakes.webserver import WebServer, web_server

ENTRY = Entry(
    operation="r-1",
    sequence=7,
    event=Event.ROLLED_BACK,
    sentence="reviews: back to v1",
    at=1_800_000_000.25,
    objects=(ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews"),),
    source_commit="abc",
    rollout="r-1",
    verdict="regress",
    weights="http/main: reviews:v1 100%",
    evidence="errors: 9 of 100",
)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def test_an_entry_is_one_json_document(server: WebServer) -> None:
    Webhook(f"{server.url}/hook?key=1").notify("east", ENTRY)
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/hook?key=1")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-gitops-mesh-event"] == "RolledBack"
    assert request.body == {
        "cluster": "east",
        "event": "RolledBack",
        "sentence": "reviews: back to v1",
        "at": "2027-01-15T08:00:00+00:00",
        "objects": [{"group": "networking.istio.io", "kind": "VirtualService", "namespace": "shop", "name": "reviews"}],
        "operation": "r-1",
        "sequence": 7,
        "sourceCommit": "abc",
        "rollout": "r-1",
        "verdict": "regress",
        "weights": "http/main: reviews:v1 100%",
        "evidence": "errors: 9 of 100",
        "by": "",
    }


def test_only_the_chosen_events_are_sent(server: WebServer) -> None:
    hook = Webhook(server.url, events=("RolledBack", "Regressed"))
    hook.notify("east", replace(ENTRY, event=Event.STEPPED))
    hook.notify("east", replace(ENTRY, event=Event.REGRESSED))
    hook.notify("east", ENTRY)
    assert [request.body["event"] for request in server.received] == ["Regressed", "RolledBack"]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_any_other_answer_is_unreachable(server: WebServer, status: int) -> None:
    server.status = status
    server.headers = {"Location": f"{server.url}/elsewhere"}
    with pytest.raises(Unreachable, match=str(status)):
        Webhook(f"{server.url}/T0/secret-path").notify("east", ENTRY)
    assert len(server.received) == 1, "no redirect is followed, nothing is sent twice"


def test_the_secret_path_stands_in_no_message(server: WebServer) -> None:
    server.status = 403
    with pytest.raises(Unreachable) as refused:
        Webhook(f"{server.url}/T0/secret-path").notify("east", ENTRY)
    with pytest.raises(Unreachable) as nobody:
        Webhook("http://127.0.0.1:1/T0/secret-path", timeout=2).notify("east", ENTRY)
    for raised in (refused, nobody):
        assert "secret" not in str(raised.value)
        assert raised.value.__cause__ is None


def test_one_that_never_answers_is_given_up() -> None:
    with silent_server() as port, pytest.raises(Unreachable, match="in time"):
        Webhook(f"http://127.0.0.1:{port}/", timeout=0.2).notify("east", ENTRY)


@pytest.mark.parametrize(
    "url", ["", "ftp://host/x", "file:///etc/passwd", "https://", "http://a b/", "http://h\n/", "http://[x"]
)
def test_a_url_that_cannot_be_one_is_said_at_once(url: str) -> None:
    with pytest.raises(ConfigError):
        Webhook(url)


def test_an_unknown_event_lists_the_choices_nearest_first() -> None:
    with pytest.raises(ConfigError, match="choose from: RolledBack,"):
        Webhook("https://example.org/", events=("Rolledback",))
