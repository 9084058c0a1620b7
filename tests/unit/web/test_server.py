"""The server, over real HTTP on a free port."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from gitops_mesh.errors import Busy
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Phase
from gitops_mesh.model.status import ClusterStatus, ObjectStatus, RolloutStatus, Status
from gitops_mesh.web.guard import is_known
from gitops_mesh.web.health import STALE, Health
from gitops_mesh.web.server import serve
from tests.fakes.app import HEAD
from tests.fakes.clock import VirtualClock

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
ROLLOUT = RolloutStatus(
    "r1", "", Phase.BAKING, 2, 6, 1.0, (KEY,), "v1 100%", "v2 100%", "v1 90%, v2 10%", "", "pass", "", 120, 0.25, 80,
    None, HEAD, "Move",
)  # fmt: skip
DEMO = ClusterStatus(
    name="demo",
    problem="",
    ticked=True,
    diverges=True,
    reasons=("rollout r1 is Baking",),
    rollouts=(ROLLOUT,),
    objects=(
        ObjectStatus(
            KEY, "mesh/r.yaml", HEAD, "v1 90%", "weights differ", ("v3: failed",), (("http/main", "reviews:v2", 0.1),)
        ),
    ),
    findings=(Finding("unknown-field", Severity.ERROR, "no \x1b field", "a.yaml", line=3, column=5),),
    ledger_pushed=False,
    ledger_problem="",
)
STATUS = Status(HEAD, "Move reviews", "", (DEMO, replace(DEMO, name="away", problem="refused", rollouts=())))


@contextmanager
def server(health: Health | None = None, status: Callable[[], Status] = lambda: STATUS) -> Iterator[Asked]:
    with serve("127.0.0.1:0", status, health or Health(VirtualClock())) as port:
        yield Asked(port)


class Asked:
    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request(method, path, headers={"Host": host} if host is not None else {})
            answer = line.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            line.close()


def test_health_is_that_of_the_loop() -> None:
    clock = VirtualClock()
    health = Health(clock)
    with server(health) as ask:
        assert ask("/healthz")[:2] == (200, "ok\n")
        clock.advance(STALE + 1)
        assert ask("/healthz")[:2] == (503, "the decision loop has stood still for 121 s\n")
        health.passed()
        assert ask("/healthz")[0] == 200


def test_readiness_begins_with_the_first_cluster_reached() -> None:
    health = Health(VirtualClock())
    with server(health) as ask:
        health.ticked(0.1, reached=False)
        assert ask("/readyz")[:2] == (503, "no cluster was reached yet\n")
        health.ticked(0.1, reached=True)
        assert ask("/readyz")[0] == 200
        health.ticked(0.1, reached=False)
        assert ask("/readyz")[0] == 200, "a cluster that goes away later makes nobody restart the daemon"


def test_the_status_is_json() -> None:
    with server() as ask:
        code, body, headers = ask("/api/status")
    assert code == 200
    assert headers["content-type"] == "application/json"
    told = json.loads(body)
    assert told["head"] == HEAD
    assert told["clusters"][0]["rollouts"][0]["phase"] == "Baking"
    assert told["clusters"][0]["objects"][0]["key"]["name"] == "reviews"
    assert told["clusters"][0]["findings"][0]["line"] == 3
    assert "\x1b" not in body


def test_the_metrics_tell_it_all() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.ticked(0.5, reached=True)
    health.fetched()
    clock.advance(7)
    with server(health) as ask:
        code, body, headers = ask("/metrics")
    assert code == 200
    assert headers["content-type"].startswith("text/plain; version=")
    found = dict(re.findall(r"^(gitops_mesh_.+) (\S+)$", body, re.MULTILINE))
    expected = {
        "ticks_total": "1.0",
        "tick_seconds_total": "0.5",
        "loop_age_seconds": "7.0",
        "source_up": "1.0",
        "source_age_seconds": "7.0",
        'cluster_up{cluster="demo"}': "1.0",
        'cluster_up{cluster="away"}': "0.0",
        'diverges{cluster="demo"}': "1.0",
        'ledger_pending{cluster="demo"}': "1.0",
        'objects{cluster="demo"}': "1.0",
        'drifted_objects{cluster="demo"}': "1.0",
        'rejected_releases{cluster="demo"}': "1.0",
        'findings{cluster="demo",severity="error"}': "1.0",
        'findings{cluster="demo",severity="warning"}': "0.0",
        'rollouts{cluster="demo",phase="Baking"}': "1.0",
        'rollouts{cluster="demo",phase="Paused"}': "0.0",
        'rollout_step{cluster="demo",rollout="r1"}': "2.0",
        'rollout_steps{cluster="demo",rollout="r1"}': "6.0",
        'rollout_requests{cluster="demo",rollout="r1",side="stable"}': "80.0",
        'rollout_error_ratio{cluster="demo",rollout="r1",side="canary"}': "0.25",
    }
    assert {name: found.get(f"gitops_mesh_{name}") for name in expected} == expected
    weight = 'cluster="demo",destination="reviews:v2",object="VirtualService shop/reviews",route="http/main"'
    assert found[f"gitops_mesh_weight_ratio{{{weight}}}"] == "0.1"
    assert 'gitops_mesh_rollout_error_ratio{cluster="demo",rollout="r1",side="stable"}' not in found


def test_it_only_answers_get() -> None:
    with server() as ask:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
            code, _, headers = ask("/api/status", method)
            assert code == 405, method
            assert "access-control-allow-origin" not in headers
        assert ask("/nothing")[0] == 404
        assert "/api/status" in ask("/")[1]


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/status", "/nothing"])
def test_every_answer_has_the_security_headers(path: str) -> None:
    with server() as ask:
        headers = ask(path)[2]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_page_elsewhere_cannot_read_it_by_rebinding_its_name() -> None:
    with server() as ask:
        for host in (f"127.0.0.1:{ask.port}", "localhost", f"[::1]:{ask.port}"):
            assert ask("/api/status", host=host)[0] == 200, host
        code, body, headers = ask("/api/status", host="evil.example.com")
    assert code == 421
    assert HEAD not in body
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8642", True),
        ("LOCALHOST", True),
        ("10.1.2.3:8642", True),
        ("[fe80::1]:8642", True),
        ("gitops-mesh:8642", True),
        ("gitops-mesh.mesh.svc", True),
        ("gitops-mesh.mesh.svc.cluster.local:8642", True),
        ("mesh.example.com", True),
        ("mesh.example.com.:80", True),
        ("evil.example.com", False),
        ("mesh.example.com.evil.org", False),
        ("127.0.0.1.evil.org", False),
        ("evil.org:80:80", False),
        ("evil.org@localhost", False),
        ("[evil.org]", False),
        ("[::1", False),
        ("localhost:x", False),
        ("", False),
    ],
)
def test_hosts(host: str, known: bool) -> None:
    assert is_known(host, "mesh.example.com") is known


def test_a_status_that_fails_is_a_plain_500() -> None:
    def broken() -> Status:
        raise ZeroDivisionError("secret")

    with server(status=broken) as ask:
        code, body, _ = ask("/api/status")
        assert code == 500
        assert "secret" not in body
        assert ask("/healthz")[0] == 200


def test_a_port_in_use_names_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Busy) as error, serve(address, lambda: STATUS, Health(VirtualClock())):
            pass
    assert error.value.message == f"the server cannot listen on {address}: Address already in use"
    assert error.value.remedy.startswith("choose another address under `server` in gitops-mesh.yaml")


def test_a_name_that_is_none_names_the_key() -> None:
    with pytest.raises(Busy) as error, serve("no.such.invalid:1", lambda: STATUS, Health(VirtualClock())):
        pass
    assert error.value.message.startswith("the server cannot listen on no.such.invalid:1: ")
