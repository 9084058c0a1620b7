"""The main job on a real API server, istiod, Envoys and Prometheus: requests counted at the backends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.controlplane.binaries import Binaries
from tests.controlplane.mesh import FOREIGN, HOST, Mesh
from tests.controlplane.stage import Stage, policy, route, rule
from tests.fakes.backend import Load, load

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def stage(test_mesh: Mesh, programs: Binaries, tmp_path: Path) -> Iterator[Stage]:
    """All of reviews at v1, accepted, and one daemon."""
    with Stage(test_mesh, programs, tmp_path) as made:
        first = made.merge(
            test_mesh.service_entry(), test_mesh.gateway(), rule("v1", "v2", "v3"), route(v1=100), policy(0.2, 0.5)
        )
        made.start()
        made.recorded("Created", first)
        test_mesh.until_served()
        yield made


@contextmanager
def loaded(mesh: Mesh, path: str = "/") -> Iterator[tuple[Load, Load]]:
    """Load on both ways in, for as long as the block runs."""
    with ExitStack() as stack:
        ports = (mesh.gateway_port, mesh.sidecar_port)
        gateway, sidecar = (stack.enter_context(load(port, HOST, path, clients=1)) for port in ports)
        yield gateway, sidecar


def nothing_lost(mesh: Mesh, loads: tuple[Load, Load], since: int) -> None:
    """No answer that a backend did not give, and none that Envoy flagged as lost."""
    for one in loads:
        assert one.total > 50
        assert not one.lost
        assert not one.not_from_backends()
    assert not {flag: count for flag, count in mesh.flags(since).items() if flag in FOREIGN}


def test_a_good_version_is_promoted(stage: Stage) -> None:
    mesh = stage.mesh
    since = mesh.logged()
    with loaded(mesh) as loads:
        merged = stage.merge(route(v1=0, v2=100))
        stage.recorded("Succeeded", merged, 90)
        assert mesh.split(50) == {"v2": 50}
        assert mesh.split(50, "sidecar") == {"v2": 50}
    nothing_lost(mesh, loads, since)
    assert stage.events(merged) == ["Started", "Stepped", "Promoted", "Succeeded"]
    assert stage.weights() == [0, 100]


def test_a_bad_version_is_rolled_back(stage: Stage) -> None:
    mesh = stage.mesh
    mesh.backends["v2"].fail(1.0)
    since = mesh.logged()
    with loaded(mesh) as loads:
        merged = stage.merge(route(v1=0, v2=100))
        stage.recorded("RolledBack", merged, 90)
        assert mesh.split(50) == {"v1": 50}
    nothing_lost(mesh, loads, since)
    assert stage.events(merged) == ["Started", "Regressed", "RolledBack"]
    assert stage.weights() == [100]
