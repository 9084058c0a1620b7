"""`make demo-istio`: the demo's four stories on a real API server, istiod, Prometheus and Envoys."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.controlplane.binaries import Unavailable, binaries
from tests.controlplane.mesh import HOST, Mesh
from tests.controlplane.stage import Stage, policy, route, rule
from tests.fakes.backend import Load, load


class Told:
    """Prints what happens, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)


def main() -> int:
    """Run the stories; 0 when each went as it should."""
    told = Told()
    try:
        programs = binaries()
    except Unavailable as error:
        print(f"the control plane cannot be built: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, Mesh(programs, Path(folder) / "mesh") as mesh:
        told(f"API server, istiod, a gateway and a sidecar are up (logs in {folder})")
        with Stage(mesh, programs, Path(folder)) as stage:
            objects = (mesh.service_entry(), mesh.gateway(), rule("v1", "v2", "v3"), route(v1=100))
            stage.merge(*objects, policy(0.1, 0.25, 0.5))
            stage.start()
            mesh.until_served()
            told("a daemon drives them; all of reviews is v1")
            with load(mesh.gateway_port, HOST) as gateway, load(mesh.sidecar_port, HOST) as sidecar:
                for story in (promoted, rolled_back, refused, retreated):
                    story(stage, told)
            _sum_up(told, gateway, sidecar)
            told(f"what the ledger says ({len(stage.ledger())} commits):")
            for recorded in stage.ledger():
                print(f"          {recorded.commit[:9]}  {recorded.entry.event:<14} {recorded.entry.sentence}")
    return 0


def promoted(stage: Stage, told: Callable[[str], None]) -> None:
    """A good version takes over."""
    told(f"1. merged {stage.merge(route(v2=100), subject='Move reviews to v2')[:9]}: reviews v1 → v2")
    _watch(stage, told, "Succeeded")
    told(f"   promoted; the gateway answers from {_words(stage.mesh.split(50))}")


def rolled_back(stage: Stage, told: Callable[[str], None]) -> None:
    """A version that fails is caught."""
    stage.mesh.backends["v3"].fail(1 / 6)
    merged = stage.merge(route(v3=100), subject="Move reviews to v3")
    told(f"2. merged {merged[:9]}: reviews v2 → v3, which fails one request in six")
    _watch(stage, told, "RolledBack")
    told(f"   caught and rolled back; the gateway answers from {_words(stage.mesh.split(50))}")


def refused(stage: Stage, told: Callable[[str], None]) -> None:
    """A mistake never reaches the mesh."""
    merged = stage.merge(route(v9=100), subject="Move reviews to v9")
    told(f"3. merged {merged[:9]}: a subset v9 that does not exist")
    stage.until(lambda: "Rejected" in stage.events(merged))
    reason = next(r for r in stage.daemons["one"].status()["reasons"] if "v9" in r)
    told(f"   kept out: {reason}")


def retreated(stage: Stage, told: Callable[[str], None]) -> None:
    """Back to what was accepted before, at once."""
    began = time.monotonic()
    told(f"4. merged {stage.merge(route(v1=100), subject='Back to v1')[:9]}: reviews v2 → v1, accepted before")
    stage.until(lambda: set(stage.mesh.split(10)) == {"v1"})
    stage.until(lambda: "Retreated" in stage.events())
    told(f"   at v1 after {time.monotonic() - began:.1f} s; the gateway answers from {_words(stage.mesh.split(50))}")


def _watch(stage: Stage, told: Callable[[str], None], event: str) -> None:
    """Tell of each new weight until the ledger has the event."""
    before = stage.events().count(event)
    shown = ""

    def seen() -> bool:
        nonlocal shown
        rollouts = stage.daemons["one"].status()["rollouts"]
        text = f"   {rollouts[0]['phase']}: {rollouts[0]['weights']}" if rollouts else shown
        if text != shown:
            told(text)
            shown = text
        return stage.events().count(event) > before

    stage.until(seen, 120, event)


def _sum_up(told: Callable[[str], None], *loads: Load) -> None:
    lost = sum(len(one.lost) + sum(one.not_from_backends().values()) for one in loads)
    told(f"{sum(one.total for one in loads):,} requests on both ways in; {lost} of them not answered by a backend")


def _words(split: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(split.items()))


if __name__ == "__main__":
    sys.exit(main())
