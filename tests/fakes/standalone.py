"""A whole standalone mesh for a test: free ports, a real Envoy, real SQLite."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh.cluster.standalone import supervisor
from gitops_mesh.cluster.standalone.binary import find_envoy
from gitops_mesh.cluster.standalone.cluster import StandaloneCluster
from gitops_mesh.cluster.standalone.envoy import EnvoyPlane
from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.errors import ClusterError
from gitops_mesh.manifests.normal import key_of
from gitops_mesh.metrics.envoy import EnvoyMetrics
from gitops_mesh.model.objects import LiveObject, ObjectKey, Write
from gitops_mesh.model.settings import EndpointSettings, StandaloneSettings
from tests.fakes.backend import free_ports


def need_envoy() -> None:
    """Skip where there is no Envoy; in CI that is a failure."""
    try:
        find_envoy()
    except ClusterError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


class Mesh:
    """The parts, and the few things that tests do with them."""

    def __init__(self, folder: Path, settings: StandaloneSettings, *, grace: float) -> None:
        self.folder = folder
        self.settings = settings
        self.store = Store(folder / "mesh.sqlite")
        self.plane = EnvoyPlane(folder / "envoy", settings, grace=grace)
        self.cluster = StandaloneCluster("test", self.store, settings, self.plane)
        self.metrics = EnvoyMetrics(f"http://127.0.0.1:{settings.admin_port}")

    def write(self, text: str) -> list[LiveObject | ClusterError]:
        """Apply YAML documents as one wave, whatever is there."""
        live = {found.key: found.version for found in self.store.objects()}
        bodies = [body for body in yaml.safe_load_all(text) if body]
        return list(self.cluster.apply([Write(key_of(b), b, {}, live.get(key_of(b))) for b in bodies]))

    def put(self, text: str) -> None:
        """Apply, and it has to go well."""
        for answer in self.write(text):
            assert isinstance(answer, LiveObject), answer

    def delete(self, key: ObjectKey) -> None:
        (live,) = [found for found in self.store.objects() if found.key == key]
        assert list(self.cluster.delete([live])) == [None]


@contextmanager
def mesh(
    folder: Path, endpoints: Mapping[str, Sequence[tuple[int, str]]], *, grace: float = 60.0, ports: Sequence[int] = ()
) -> Iterator[Mesh]:
    """A mesh whose hosts have endpoints (port, version); `ports` are Gateway ports to be served on free ones."""
    need_envoy()
    mesh_port, admin_port, *others = free_ports(2 + len(ports))
    settings = StandaloneSettings(
        mesh_port=mesh_port,
        admin_port=admin_port,
        ports=dict(zip(ports, others, strict=True)),
        endpoints={
            host: tuple(EndpointSettings("127.0.0.1", port, {"version": version}) for port, version in found)
            for host, found in endpoints.items()
        },
    )
    supervisor.start(folder / "envoy", settings)
    one = Mesh(folder, settings, grace=grace)
    try:
        yield one
    finally:
        one.store.close()
        supervisor.stop(folder / "envoy")


def until(reached: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait for it. Fails when it never is."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.02)


def rule(*versions: str) -> str:
    """A DestinationRule for `reviews` with a subset for each version."""
    subsets = [{"name": v, "labels": {"version": v}} for v in versions]
    return _yaml("DestinationRule", {"host": "reviews", "subsets": subsets})


def service(weights: Mapping[str, int], **more: Any) -> str:
    """A VirtualService for `reviews` that sends shares to its versions."""
    route = [{"destination": {"host": "reviews", "subset": v}, "weight": w} for v, w in weights.items()]
    return _yaml("VirtualService", {"hosts": ["reviews"], "http": [{"name": "main", "route": route, **more}]})


def _yaml(kind: str, spec: Mapping[str, Any]) -> str:
    metadata = {"name": "reviews", "namespace": "shop"}
    text = yaml.safe_dump(
        {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
    )
    return f"---\n{text}"
