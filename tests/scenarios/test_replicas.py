"""Replicas: one decides, another takes over with what it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_mesh.app import App
from gitops_mesh.model.ledger import Batch, Entry
from gitops_mesh.model.rollouts import Event
from gitops_mesh.ports import Cluster, Ledger
from tests.scenarios.world import POLICY, REVIEWS, START, World, rule, service


class Led:
    """A cluster about which another replica decides while `holder` says so."""

    def __init__(self, inner: Cluster) -> None:
        self._inner = inner
        self.holder = ""

    def leader(self) -> str:
        return self.holder

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


class Replica:
    """A world whose cluster may be led by another, with the App around it."""

    def __init__(self, root: Path) -> None:
        self.world = World(root, around=self._around, errors={"v2": 0.0})
        self.app = App(
            self.world.settings,
            self.world.source,
            (self.world.reconciler,),
            self.world.clock,
            ledgers={"test": self.world.ledger},
        )

    def _around(self, cluster: Cluster, ledger: Ledger) -> tuple[Cluster, Ledger]:
        self.led = Led(cluster)
        return self.led, ledger  # type: ignore[return-value] # the rest of the port is the inner one's


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    """The mesh `shop` with reviews at v1, settled."""
    found = Replica(tmp_path)
    files = {"policy.yaml": POLICY, "rule.yaml": rule("v1", "v2"), "reviews.yaml": service({"v1": 100})}
    found.world.repository.merge(files, "Begin")
    found.world.run(3)
    return found


def half_way(world: World) -> None:
    world.repository.merge({"reviews.yaml": service({"v2": 100})}, "Release v2")
    world.until(lambda: world.weights() == {"v1": 50, "v2": 50})


def test_a_rollback_does_not_wait_for_git_after_a_takeover(replica: Replica) -> None:
    world = replica.world
    half_way(world)
    origin = world.repository.origin
    away = origin.rename(origin.with_name("away.git"))
    world.reconciler.take_over()
    world.errors["v2"] = 0.5
    for _ in range(20):
        world.reconciler.tick()
        world.clock.advance(1)
    assert world.weights() == {"v1": 100}
    assert world.reconciler.recorder.problem
    assert not world.reconciler.recorder.pushed
    away.rename(origin)
    world.until(lambda: world.reconciler.recorder.pushed and not world.reconciler.recorder.problem)
    events = world.events()
    assert events.count(Event.ROLLED_BACK) == 1
    assert len({(r.entry.operation, r.entry.sequence) for r in world.history()}) == len(events)


def test_what_another_wrote_meanwhile_is_kept_by_the_next_push(replica: Replica, tmp_path: Path) -> None:
    world = replica.world
    half_way(world)
    origin = world.repository.origin
    away = origin.rename(origin.with_name("away.git"))
    world.reconciler.take_over()
    world.errors["v2"] = 0.5
    for _ in range(20):
        world.reconciler.tick()
        world.clock.advance(1)
    assert world.weights() == {"v1": 100}
    away.rename(origin)
    other = World(tmp_path / "other", repository=world.repository).ledger
    other.follow()
    other.record(Batch((Entry("elsewhere", 1, Event.STEPPED, "written by another", START, (REVIEWS,)),)))
    assert other.push()
    world.until(lambda: world.reconciler.recorder.pushed and not world.reconciler.recorder.problem)
    other.follow()
    operations = [recorded.entry.operation for recorded in other.history()]
    assert "elsewhere" in operations
    assert world.events().count(Event.ROLLED_BACK) == 1
    assert [r.entry.operation for r in world.ledger.history()] == operations


def test_a_follower_writes_nothing_and_keeps_a_copy_of_the_ledger(replica: Replica) -> None:
    world, app = replica.world, replica.app
    replica.led.holder = "gitops-mesh-1"
    world.repository.merge({"reviews.yaml": service({"v2": 100})}, "Release v2")
    app.refresh()
    app.tick()
    assert world.weights() == {"v1": 100}
    (cluster,) = app.status().clusters
    assert cluster.leader == "gitops-mesh-1"
    assert not cluster.diverges
    assert cluster.reasons == ("gitops-mesh-1 decides",)
    replica.led.holder = ""
    app.tick()
    assert not app.status().clusters[0].leader
    world.until(lambda: world.saw(Event.SUCCEEDED))
