"""When a destination counts as ready."""

from __future__ import annotations

from gitops_mesh.cluster.standalone.readiness import Readiness, connects
from gitops_mesh.model.routes import Destination
from tests.fakes.backend import Backend, free_ports
from tests.fakes.clock import VirtualClock

V1, V2, V3 = (Destination("reviews.shop.svc.cluster.local", f"v{i}") for i in (1, 2, 3))


def test_one_endpoint_that_answers_is_enough() -> None:
    readiness = Readiness(lambda _, port: port == 2, VirtualClock().monotonic)
    found = readiness.unready({V1: (("h", 1), ("h", 2)), V2: (("h", 1), ("h", 3)), V3: ()})
    assert list(found) == [V2, V3]
    assert found[V2] == "no endpoint of reviews:v2 accepts connections (h:1, h:3)"
    assert found[V3] == "reviews:v3 has no endpoints"


def test_answers_stand_for_a_second() -> None:
    asked: list[int] = []
    clock = VirtualClock()
    readiness = Readiness(lambda _, port: bool(asked.append(port)) or True, clock.monotonic)
    for seconds in (0.0, 0.5, 0.6):
        clock.advance(seconds)
        readiness.unready({V1: (("h", 1),)})
    assert asked == [1, 1]


def test_nothing_to_ask_is_no_work() -> None:
    assert Readiness(connects, VirtualClock().monotonic).unready({}) == {}


def test_a_connect_is_what_counts() -> None:
    (closed,) = free_ports(1)
    with Backend("v1") as backend:
        assert connects("127.0.0.1", backend.port)
    assert not connects("127.0.0.1", closed)
    assert not connects("no such name.invalid", 80)
    assert not connects("." * 300, 80)
