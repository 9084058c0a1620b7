"""What every cluster does, fake or real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from gitops_mesh.cluster.standalone.cluster import StandaloneCluster
from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.errors import Conflict, Refused, Unreachable
from gitops_mesh.mesh.series import series
from gitops_mesh.model.objects import LiveObject, ObjectKey, Tree, Write
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import EndpointSettings, StandaloneSettings
from gitops_mesh.ports import Cluster
from tests.controlplane.bench import OnKubernetes
from tests.fakes.cluster import FakeCluster, NullPlane

ISTIO = "networking.istio.io"
REVIEWS = ObjectKey(ISTIO, "VirtualService", "shop", "reviews")
RATINGS = ObjectKey(ISTIO, "VirtualService", "shop", "ratings")


class Bench(Protocol):
    """A cluster, and what a test does behind its back."""

    cluster: Cluster

    def replace(self, key: ObjectKey, body: Tree, *, keep_state: bool) -> LiveObject: ...
    def annotate(self, key: ObjectKey, name: str, value: str | None) -> LiveObject: ...
    def remove(self, key: ObjectKey) -> bool: ...
    def refuse(self, key: ObjectKey) -> None: ...
    def away(self) -> None: ...
    def unready(self, destination: Destination) -> None: ...


class OnFake:
    def __init__(self) -> None:
        self.cluster: FakeCluster = FakeCluster()
        self.replace = self.cluster.replace
        self.annotate = self.cluster.annotate
        self.remove = self.cluster.remove

    def refuse(self, key: ObjectKey) -> None:
        self.cluster.refused[key] = "no"

    def away(self) -> None:
        self.cluster.unreachable = "away"

    def unready(self, destination: Destination) -> None:
        self.cluster.not_ready[destination] = "nobody answers"


class OnStandalone:
    """The real store behind the real cluster; edits come from a second connection, as of another process."""

    def __init__(self, folder: Path) -> None:
        self.plane = NullPlane()
        self.dead: set[int] = set()
        names = ("reviews", "ratings")
        endpoints = {f"{n}.shop": (EndpointSettings("127.0.0.1", 9000 + i),) for i, n in enumerate(names)}
        settings = StandaloneSettings(endpoints=endpoints)
        self.stores = [Store(folder / "mesh.sqlite"), Store(folder / "mesh.sqlite")]
        self.cluster: Cluster = StandaloneCluster(
            "test", self.stores[0], settings, self.plane, probe=lambda _, port: port not in self.dead
        )
        self.replace = self.stores[1].replace
        self.annotate = self.stores[1].annotate
        self.remove = self.stores[1].remove

    def refuse(self, key: ObjectKey) -> None:
        self.plane.refuses = series(RouteRef(key, "http/main"), Destination(f"{key.name}.shop.svc.cluster.local"))

    def away(self) -> None:
        self.plane.away = "Envoy is away"

    def unready(self, destination: Destination) -> None:
        self.dead.add(9000 if destination.host.startswith("reviews") else 9001)


@pytest.fixture(params=["fake", "standalone", "kubernetes"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "kubernetes":
        far = OnKubernetes(request.getfixturevalue("api_server"))
        try:
            far.cluster.objects()
            yield far
        finally:
            far.close()
        return
    if request.param == "fake":
        yield OnFake()
        return
    real = OnStandalone(tmp_path)
    yield real
    for store in real.stores:
        store.close()


def body(key: ObjectKey, *, timeout: str = "1s", **metadata: Any) -> dict[str, Any]:
    route = {"name": "main", "timeout": timeout, "route": [{"destination": {"host": key.name}}]}
    return {
        "apiVersion": f"{ISTIO}/v1",
        "kind": key.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, **metadata},
        "spec": {"hosts": [key.name], "http": [route]},
    }


def created(bench: Bench, key: ObjectKey = REVIEWS, **state: str) -> LiveObject:
    (answer,) = bench.cluster.apply([Write(key, body(key), state, None)])
    assert isinstance(answer, LiveObject)
    return answer


def test_a_created_object_is_there_with_body_state_and_version(bench: Bench) -> None:
    live = created(bench, accepted='{"hash": "x"}')
    assert live.body == body(REVIEWS)
    assert live.state == {"accepted": '{"hash": "x"}'}
    assert live.version
    assert list(bench.cluster.objects()) == [live]


def test_objects_are_sorted_by_key(bench: Bench) -> None:
    created(bench, REVIEWS)
    created(bench, RATINGS)
    assert [live.key for live in bench.cluster.objects()] == [RATINGS, REVIEWS]


def test_an_update_at_the_version_that_was_read_raises_the_version(bench: Bench) -> None:
    live = created(bench)
    (answer,) = bench.cluster.apply([Write(REVIEWS, body(REVIEWS, timeout="2s"), {}, live.version)])
    assert isinstance(answer, LiveObject)
    assert answer.version != live.version
    assert answer.body["spec"]["http"][0]["timeout"] == "2s"


def test_a_write_that_changes_nothing_keeps_the_version(bench: Bench) -> None:
    live = created(bench, epoch="1")
    (answer,) = bench.cluster.apply([Write(REVIEWS, live.body, live.state, live.version)])
    assert answer == live


@pytest.mark.parametrize(
    "interfere",
    [
        lambda b: b.replace(REVIEWS, body(REVIEWS, timeout="9s"), keep_state=True),
        lambda b: b.annotate(REVIEWS, "request", "{}"),
        lambda b: b.remove(REVIEWS),
    ],
    ids=["replaced", "annotated", "removed"],
)
def test_a_write_decided_on_an_older_read_conflicts_and_changes_nothing(
    bench: Bench, interfere: Callable[[Bench], object]
) -> None:
    live = created(bench)
    interfere(bench)
    seen = bench.cluster.objects()
    (answer,) = bench.cluster.apply([Write(REVIEWS, body(REVIEWS, timeout="2s"), {}, live.version)])
    assert isinstance(answer, Conflict)
    assert bench.cluster.objects() == seen


def test_creating_what_exists_conflicts(bench: Bench) -> None:
    live = created(bench)
    (answer,) = bench.cluster.apply([Write(REVIEWS, body(REVIEWS, timeout="2s"), {}, None)])
    assert isinstance(answer, Conflict)
    assert list(bench.cluster.objects()) == [live]


def test_a_deleted_object_made_again_has_another_version(bench: Bench) -> None:
    live = created(bench)
    assert list(bench.cluster.delete([live])) == [None]
    assert created(bench).version != live.version


def test_one_conflict_in_a_wave_leaves_the_rest_alone(bench: Bench) -> None:
    created(bench)
    answers = bench.cluster.apply([Write(REVIEWS, body(REVIEWS), {}, "stale"), Write(RATINGS, body(RATINGS), {}, None)])
    assert isinstance(answers[0], Conflict)
    assert isinstance(answers[1], LiveObject)
    assert {live.key for live in bench.cluster.objects()} == {REVIEWS, RATINGS}


def test_what_is_refused_stays_as_it_was_and_the_rest_of_the_wave_is_written(bench: Bench) -> None:
    bench.refuse(REVIEWS)
    answers = bench.cluster.apply([Write(key, body(key), {}, None) for key in (RATINGS, REVIEWS)])
    assert isinstance(answers[0], LiveObject)
    assert isinstance(answers[1], Refused)
    assert [live.key for live in bench.cluster.objects()] == [RATINGS]


def test_a_cluster_that_is_away_raises_and_writes_nothing(bench: Bench) -> None:
    bench.away()
    with pytest.raises(Unreachable):
        bench.cluster.apply([Write(REVIEWS, body(REVIEWS), {}, None)])


def test_a_delete_at_another_version_conflicts(bench: Bench) -> None:
    live = created(bench)
    bench.annotate(REVIEWS, "request", "{}")
    (answer,) = bench.cluster.delete([live])
    assert isinstance(answer, Conflict)
    assert len(bench.cluster.objects()) == 1


def test_deleting_what_is_gone_is_fine(bench: Bench) -> None:
    live = created(bench)
    bench.remove(REVIEWS)
    assert list(bench.cluster.delete([live])) == [None]


def test_a_hand_that_replaces_drops_our_state_and_one_that_edits_keeps_it(bench: Bench) -> None:
    created(bench, epoch="3")
    assert bench.replace(REVIEWS, body(REVIEWS, timeout="4s"), keep_state=True).state == {"epoch": "3"}
    assert bench.replace(REVIEWS, body(REVIEWS, timeout="5s"), keep_state=False).state == {}
    (live,) = bench.cluster.objects()
    assert (live.state, live.body["spec"]["http"][0]["timeout"]) == ({}, "5s")


def test_annotations_are_ours_or_the_bodys(bench: Bench) -> None:
    created(bench)
    bench.annotate(REVIEWS, "request", '{"verb": "abort"}')
    bench.annotate(REVIEWS, "gitops-mesh.io/epoch", "2")
    bench.annotate(REVIEWS, "team", "web")
    (live,) = bench.cluster.objects()
    assert live.state == {"request": '{"verb": "abort"}', "epoch": "2"}
    # What others add may be shown, or left to them.
    assert live.body["metadata"].get("annotations", {}).get("team", "web") == "web"
    bench.annotate(REVIEWS, "request", None)
    bench.annotate(REVIEWS, "team", None)
    (live,) = bench.cluster.objects()
    assert live.state == {"epoch": "2"}
    assert "annotations" not in live.body["metadata"]


def test_only_destinations_that_are_not_ready_are_named(bench: Bench) -> None:
    ready, dead = (Destination(f"{name}.shop.svc.cluster.local") for name in ("reviews", "ratings"))
    bench.unready(dead)
    said = bench.cluster.unready([ready, dead])
    assert list(said) == [dead]
    assert said[dead]


def test_a_rehearsal_writes_nothing(bench: Bench) -> None:
    assert list(bench.cluster.rehearse([Write(REVIEWS, body(REVIEWS), {}, None)])) == [None]
    assert list(bench.cluster.objects()) == []


def test_without_other_replicas_this_process_leads(bench: Bench) -> None:
    assert not bench.cluster.leader()


def test_nothing_to_write_or_delete_is_no_work(bench: Bench) -> None:
    assert list(bench.cluster.apply([])) == []
    assert list(bench.cluster.delete([])) == []
