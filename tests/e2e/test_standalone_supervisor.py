"""Envoy's supervisor: it outlives whoever asked for it, and leaves nothing in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_mesh.cluster.standalone import supervisor
from gitops_mesh.cluster.standalone.admin import Admin
from gitops_mesh.errors import Busy, ClusterError
from tests.fakes.backend import Backend, ask, free_ports
from tests.fakes.standalone import Mesh, mesh, rule, service, until

pytestmark = pytest.mark.e2e


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Mesh]:
    with Backend("v1") as backend, mesh(tmp_path, {"reviews.shop": [(backend.port, "v1")]}) as found:
        yield found


def test_envoy_outlives_the_process_that_asked_for_it_and_comes_back_after_a_crash(standalone: Mesh) -> None:
    standalone.put(rule("v1") + service({"v1": 100}))
    folder = standalone.folder / "envoy"
    supervisor.stop(folder)
    code = (
        "import sys, pickle, pathlib; from gitops_mesh.cluster.standalone import supervisor;"
        "from gitops_mesh.model.settings import StandaloneSettings;"
        "supervisor.start(pathlib.Path(sys.argv[1]), StandaloneSettings(int(sys.argv[2]), int(sys.argv[3])))"
    )
    ports = [str(standalone.settings.mesh_port), str(standalone.settings.admin_port)]
    subprocess.run([sys.executable, "-c", code, str(folder), *ports], check=True)
    pid = supervisor.running(folder)
    assert pid
    assert supervisor.start(folder, standalone.settings).pid == pid
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"
    child = int((folder / "envoy.pid").read_text())
    os.kill(child, signal.SIGKILL)
    until(lambda: (folder / "envoy.pid").exists() and int((folder / "envoy.pid").read_text() or child) != child)
    until(lambda: _answers(standalone))
    assert supervisor.running(folder) == pid
    supervisor.stop(folder)
    assert supervisor.running(folder) is None
    assert not _answers(standalone)


def _answers(standalone: Mesh) -> bool:
    try:
        return ask(standalone.settings.mesh_port, "reviews").backend == "v1"
    except OSError:
        return False


def test_a_supervisor_that_was_killed_leaves_nothing_in_the_way(standalone: Mesh) -> None:
    folder = standalone.folder / "envoy"
    pid = supervisor.running(folder)
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: supervisor.running(folder) is None)
    assert supervisor.start(folder, standalone.settings).pid != pid
    assert Admin(standalone.settings.admin_port).live()


@pytest.mark.parametrize(("field", "key"), [("admin_port", "adminPort"), ("mesh_port", "meshPort")])
def test_a_port_in_use_names_the_port_and_the_key(standalone: Mesh, tmp_path: Path, field: str, key: str) -> None:
    (free,) = free_ports(1)
    with Backend("squatter") as squatter:
        chosen = replace(standalone.settings, **{"admin_port": free, "mesh_port": free, field: squatter.port})
        with pytest.raises(Busy) as caught:
            supervisor.start(tmp_path / "second", chosen)
    assert str(squatter.port) in caught.value.message
    assert f"clusters[].standalone.{key}" in caught.value.remedy
    assert supervisor.running(tmp_path / "second") is None


def test_an_envoy_that_cannot_be_run_is_told_with_the_remedy(standalone: Mesh, tmp_path: Path) -> None:
    with pytest.raises(ClusterError) as caught:
        supervisor.start(tmp_path / "third", standalone.settings, envoy=tmp_path / "nowhere")
    assert "nowhere" in caught.value.message
    assert "gitops-mesh[standalone]" in caught.value.remedy


def test_an_envoy_that_does_not_start_says_why(standalone: Mesh, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
    broken.chmod(0o755)
    ports = free_ports(2)
    chosen = replace(standalone.settings, mesh_port=ports[0], admin_port=ports[1])
    with pytest.raises(ClusterError, match="out of luck"):
        supervisor.start(tmp_path / "fourth", chosen, envoy=broken)
    assert supervisor.running(tmp_path / "fourth") is None


def test_another_admin_port_replaces_the_envoy_that_runs(standalone: Mesh) -> None:
    standalone.put(rule("v1") + service({"v1": 100}))
    (port,) = free_ports(1)
    folder = standalone.folder / "envoy"
    before = supervisor.running(folder)
    after = supervisor.start(folder, replace(standalone.settings, admin_port=port))
    assert after.pid != before
    assert Admin(port).live()
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"
