"""Runs one story with a SIGKILL before or after its N-th side effect, then starts the daemon again.

`python -m tests.scenarios.crash_driver STORY DIR FIRST STEP` imports everything once and forks a life for
each N in FIRST, FIRST+STEP, …, until a life ends without reaching its N. Prints a JSON line for each.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitops_mesh.errors import ClusterError
from gitops_mesh.model.findings import Finding
from gitops_mesh.model.ledger import Batch, LedgerObject
from gitops_mesh.model.objects import LiveObject, Manifest, ObjectKey, Write
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.routes import Destination
from gitops_mesh.ports import Cluster, Ledger
from tests.fakes.repository import Repository
from tests.scenarios.world import POLICY, START, World, rule, service

STORIES = {"promotion": ("v2", Event.SUCCEEDED), "rollback": ("v3", Event.ROLLED_BACK)}
SETTLED = 5
"""Idle ticks after which a life has nothing left to do."""


class Fuse:
    """Ends this process before or after the side effect that it is set to."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0

    def burn(self) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class FusedCluster:
    def __init__(self, inner: Cluster, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    @property
    def name(self) -> str:
        return self._inner.name

    def subscribe(self, wake: Callable[[], None]) -> None:
        self._inner.subscribe(wake)

    def leader(self) -> str:
        return self._inner.leader()

    def rehearse(self, writes: Sequence[Write]) -> Sequence[ClusterError | None]:
        return self._inner.rehearse(writes)

    def check(self, manifests: Sequence[Manifest]) -> Sequence[Finding]:
        return self._inner.check(manifests)

    def objects(self) -> Sequence[LiveObject]:
        return self._inner.objects()

    def close(self) -> None:
        self._inner.close()

    def unready(self, destinations: Any) -> Mapping[Destination, str]:
        return self._inner.unready(destinations)

    def apply(self, writes: Sequence[Write]) -> Sequence[LiveObject | ClusterError]:
        self._fuse.burn()
        answer = self._inner.apply(writes)
        self._fuse.burn()
        return answer

    def delete(self, objects: Sequence[LiveObject]) -> Sequence[ClusterError | None]:
        self._fuse.burn()
        answer = self._inner.delete(objects)
        self._fuse.burn()
        return answer


class FusedLedger:
    def __init__(self, inner: Ledger, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse
        self._pushed = False

    def put(self, content: bytes) -> str:
        self._fuse.burn()
        blob = self._inner.put(content)
        self._fuse.burn()
        return blob

    def record(self, batch: Batch) -> None:
        self._fuse.burn()
        self._inner.record(batch)
        self._fuse.burn()

    def push(self) -> bool:
        self._fuse.burn()
        done = self._inner.push()
        self._fuse.burn()
        return done

    def get(self, blob: str) -> bytes | None:
        return self._inner.get(blob)

    def follow(self) -> None:
        self._inner.follow()

    def objects(self) -> Mapping[ObjectKey, LedgerObject]:
        return self._inner.objects()

    def history(self, key: ObjectKey | None = None, limit: int = 0) -> Any:
        return self._inner.history(key, limit)


def prepare(folder: Path, version: str) -> None:
    """The repository of a story, with the release already merged, and the mesh settled before it."""
    repository = Repository.create(folder / "git")
    repository.merge(
        {
            "policy.yaml": POLICY.replace("watch: 20s", "watch: 70s"),
            "rule.yaml": rule("v1", "v2", "v3"),
            "reviews.yaml": service({"v1": 100}),
        },
        "Begin",
    )
    world = World(folder, repository=repository)
    world.run(3)
    world.store.close()
    repository.merge({"reviews.yaml": service({version: 100}), "rule.yaml": rule(version)}, f"Release {version}")


def live(folder: Path, at: int, now: float) -> tuple[World, int]:
    """One daemon's life until nothing is left to do; the fuse's count."""
    fuse = Fuse(at)
    clock = folder / "clock"
    world = World(
        folder,
        repository=Repository.open(folder / "git"),
        errors={"v3": 0.3},
        now=float(clock.read_text()) if clock.exists() else now,
        around=lambda cluster, ledger: (FusedCluster(cluster, fuse), FusedLedger(ledger, fuse)),
    )
    idle = 0
    while idle < SETTLED:
        outcome = world.tick()
        if outcome.wrote:
            idle = 0
            continue
        world.clock.advance(1.0)
        clock.write_text(str(world.clock.now()))
        idle = 0 if outcome.picture.rollouts or (world.events()[-1:] == []) else idle + 1
    return world, fuse.count


def told(world: World) -> dict[str, Any]:
    """What must be the same however often the daemon died."""
    entries = [recorded.entry for recorded in world.history()]
    rule_, service_ = (world.live(key) for key in sorted((o.key for o in world.cluster.objects()), key=str))
    return {
        "events": [[str(e.event), [str(k) for k in e.objects], e.weights] for e in entries],
        "routing": [rule_.body["spec"] if rule_ else None, service_.body["spec"] if service_ else None],
        "pushed": _pushed(world),
        "outbox": [len(world.state(o.key).outbox) for o in world.cluster.objects()],
    }


def _pushed(world: World) -> bool:
    return world.ledger.push()


def sweep(story: str, folder: Path, first: int, step: int) -> None:
    """Every N of this driver's share, each from a fresh copy of the prepared state."""
    version, _ = STORIES[story]
    seed = folder / "seed"
    prepare(seed, version)
    number = first
    while True:
        place = folder / str(number)
        shutil.copytree(seed, place)
        status = _forked(place, number, result=None)
        died = os.WIFSIGNALED(status)
        result = place / "result.json"
        if died and _forked(place, 0, result=result) != 0:
            print(json.dumps({"at": number, "failed": True}), flush=True)
            return
        if not died:
            _forked(place, 0, result=result)
        print(json.dumps({"at": number, "died": died, **json.loads(result.read_text())}), flush=True)
        shutil.rmtree(place)
        if not died:
            return
        number += step


def _forked(place: Path, at: int, *, result: Path | None) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            world, _ = live(place, at, START + 1000)
            if result is not None:
                result.write_text(json.dumps(told(world)))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitpid(child, 0)[1]


def main() -> None:
    story, folder, first, step = sys.argv[1:]
    sweep(story, Path(folder), int(first), int(step))


if __name__ == "__main__":
    main()
