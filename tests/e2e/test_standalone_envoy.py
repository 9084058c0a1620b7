"""The standalone mesh with a real Envoy, real backends and real load; requests are counted at the backends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_mesh.cluster.standalone import supervisor
from gitops_mesh.cluster.standalone.admin import Admin
from gitops_mesh.cluster.standalone.envoy import EnvoyPlane
from gitops_mesh.errors import Refused, Unreachable
from gitops_mesh.model.objects import LiveObject, ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from tests.fakes.backend import Backend, ask, free_ports, load
from tests.fakes.standalone import Mesh, mesh, rule, service, until

pytestmark = pytest.mark.e2e

REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
HOST = "reviews.shop.svc.cluster.local"


@pytest.fixture
def backends() -> Iterator[dict[str, Backend]]:
    found = {name: Backend(name) for name in ("v1", "v2", "v3")}
    yield found
    for backend in found.values():
        backend.close()


@pytest.fixture
def standalone(tmp_path: Path, backends: dict[str, Backend]) -> Iterator[Mesh]:
    endpoints = {"reviews.shop": [(backend.port, name) for name, backend in backends.items()]}
    with mesh(tmp_path, endpoints, grace=0.3, ports=(80, 8081)) as found:
        yield found


def test_weights_are_what_the_backends_see(standalone: Mesh, backends: dict[str, Backend]) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 75, "v2": 25, "v3": 0}))
    with load(standalone.settings.mesh_port, "reviews") as clients:
        until(lambda: clients.total >= 1000)
    seen = {name: backend.count for name, backend in backends.items()}
    assert sum(seen.values()) == clients.total
    assert seen["v3"] == 0
    assert 0.18 < seen["v2"] / clients.total < 0.32  # five standard deviations about 25%
    assert not clients.lost


def test_no_request_is_lost_while_weights_subsets_and_clusters_come_and_go(
    standalone: Mesh, backends: dict[str, Backend]
) -> None:
    standalone.put(rule("v1") + service({"v1": 100}))
    with load(standalone.settings.mesh_port, "reviews.shop", clients=4) as clients:
        for turn in range(8):
            new, old = ("v2", "v1") if turn % 2 == 0 else ("v1", "v2")
            standalone.put(rule("v1", "v2"))
            for weight in (5, 25, 50, 95):
                standalone.put(service({old: 100 - weight, new: weight}, timeout=f"{turn + 3}s"))
                asked = clients.total
                until(lambda asked=asked: clients.total > asked + 20)  # type: ignore[misc]
            standalone.put(service({new: 100}))
            standalone.put(rule(new))
            _removed(standalone, old)
    assert not clients.lost
    assert not clients.not_from_backends()
    assert set(clients.got) == {(200, "v1"), (200, "v2")}
    assert sum(backend.count for backend in backends.values()) == clients.total


def _removed(standalone: Mesh, version: str) -> None:
    """Wait until Envoy has dropped the cluster that no route uses any more."""
    admin = Admin(standalone.settings.admin_port)

    def gone() -> bool:
        standalone.plane.sync(standalone.cluster._translated(standalone.store.objects()).config)
        return not admin.stats(rf"^cluster\.reviews_{version}_.*\.membership_total$")

    until(gone)


def test_no_request_is_lost_while_listeners_hosts_and_objects_come_and_go(standalone: Mesh) -> None:
    gateway = _gateway("web", 80) + service({"v1": 100}).replace("spec:", "spec:\n  gateways: [mesh, web]")
    standalone.put(rule("v1") + gateway.replace("- reviews\n", "- reviews.example.com\n"))
    entry = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\n"
    entry += "spec: {hosts: [api.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}],"
    entry += f" endpoints: [{{address: localhost, ports: {{http: {standalone.settings.admin_port}}}}}]}}\n"
    with load(standalone.settings.ports[80], "reviews.example.com") as clients:
        for turn in range(4):
            standalone.put(_gateway("more", 8081) + entry)
            asked = clients.total
            until(lambda asked=asked: clients.total > asked + 50)  # type: ignore[misc]
            for kind, name in (("Gateway", "more"), ("ServiceEntry", "api")):
                standalone.delete(ObjectKey("networking.istio.io", kind, "shop", name))
            assert turn < 4
    assert not clients.lost
    assert set(clients.got) == {(200, "v1")}


def test_no_request_is_lost_while_policies_endpoints_and_faults_change(
    standalone: Mesh, backends: dict[str, Backend]
) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 100}))
    policy = (
        "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {http: {maxRequestsPerConnection: 9}}}"
    )
    slow = {"delay": {"fixedDelay": "0.1s", "percentage": {"value": 50}}}
    with load(standalone.settings.mesh_port, "reviews", clients=4) as clients:
        for turn in range(6):
            moved = rule("v1", "v2").replace(
                "version: v1", f"version: v{turn % 3 + 1}"
            )  # other endpoints, same cluster
            standalone.put(moved.replace("spec:\n", f"spec:\n  {policy}\n") if turn % 2 else moved)
            standalone.put(service({"v1": 50, "v2": 50}, fault=slow) if turn % 2 else service({"v1": 100}))
            asked = clients.total
            until(lambda asked=asked: clients.total > asked + 30)  # type: ignore[misc]
    assert not clients.lost
    assert not clients.not_from_backends()
    assert sum(backend.count for backend in backends.values()) == clients.total


def _gateway(name: str, port: int) -> str:
    server = f"{{port: {{number: {port}, name: http, protocol: HTTP}}, hosts: ['*']}}"
    head = f"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: shop}}\n"
    return f"{head}spec: {{selector: {{istio: x}}, servers: [{server}]}}\n"


def test_a_refusal_quotes_envoy_and_leaves_the_old_routes_in_force(standalone: Mesh) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 100}))
    before = standalone.store.objects()
    (answer,) = standalone.write(service({"v2": 100}, match=[{"uri": {"regex": "(["}}]))
    assert isinstance(answer, Refused)
    assert "missing ]" in answer.message
    assert str(REVIEWS) in answer.message
    assert standalone.store.objects() == before
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"
    supervisor.stop(standalone.folder / "envoy")  # and not only in Envoy's memory
    supervisor.start(standalone.folder / "envoy", standalone.settings)
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"


def test_only_what_envoy_refuses_of_a_wave_stays_out(standalone: Mesh) -> None:
    bad = (
        service({"v2": 100}, match=[{"uri": {"regex": "(["}}])
        .replace("name: reviews", "name: other")
        .replace("- reviews\n", "- o\n")
    )
    answers = standalone.write(rule("v1", "v2") + bad + service({"v1": 100}))
    assert [isinstance(answer, LiveObject) for answer in answers] == [True, False, True]
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"


def test_a_port_that_cannot_be_bound_is_refused_with_the_key_to_change(standalone: Mesh) -> None:
    (taken,) = free_ports(1)
    with Backend("squatter", taken):
        (answer,) = standalone.write(_gateway("web", taken))
    assert isinstance(answer, Refused)
    assert "Address already in use" in answer.message
    assert "clusters[].standalone" in answer.remedy


def test_what_is_in_force_is_not_written_again(standalone: Mesh) -> None:
    standalone.put(rule("v1") + service({"v1": 100}))
    folder = standalone.folder / "envoy"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    again = Mesh(standalone.folder, standalone.settings, grace=0.3)
    again.cluster.objects()
    again.store.close()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == before


def test_an_edit_by_another_process_is_in_force_after_the_next_look(standalone: Mesh) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 100}))
    (live,) = [found for found in standalone.store.objects() if found.key == REVIEWS]
    code = (
        "import sys, json, pathlib; from gitops_mesh.cluster.standalone.store import Store;"
        "from gitops_mesh.model.objects import ObjectKey; s = Store(pathlib.Path(sys.argv[1]));"
        "k = ObjectKey('networking.istio.io', 'VirtualService', 'shop', 'reviews');"
        "b = next(o.body for o in s.objects() if o.key == k);"
        "b['spec']['http'][0]['route'][0]['destination']['subset'] = 'v2'; s.replace(k, b, keep_state=True); s.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(standalone.store.path)], check=True)
    assert [found.version != live.version for found in standalone.cluster.objects() if found.key == REVIEWS] == [True]
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v2"


def test_without_envoy_reads_work_and_writes_say_what_to_do(standalone: Mesh) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 100}))
    before = standalone.store.objects()
    supervisor.stop(standalone.folder / "envoy")
    assert standalone.cluster.objects() == before
    with pytest.raises(Unreachable) as caught:
        standalone.write(service({"v2": 100}))
    assert "gitops-mesh envoy" in caught.value.remedy
    standalone.store.annotate(REVIEWS, "request", "{}")
    supervisor.start(standalone.folder / "envoy", standalone.settings)
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"


def test_lost_objects_do_not_take_the_traffic_with_them(standalone: Mesh) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 100}))
    standalone.store.close()
    for path in standalone.folder.glob("mesh.sqlite*"):
        path.unlink()
    again = Mesh(standalone.folder, standalone.settings, grace=0.3)
    assert list(again.cluster.objects()) == []
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"
    again.store.close()


def test_increments_are_the_requests_that_the_backends_counted(standalone: Mesh, backends: dict[str, Backend]) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 60, "v2": 40}))
    watched = [(RouteRef(REVIEWS, "http/main"), Destination(HOST, subset)) for subset in ("v1", "v2")]
    assert standalone.metrics.read(watched).measurements == ()
    with load(standalone.settings.mesh_port, "reviews") as clients:
        until(lambda: clients.total >= 300)
    found = {m.destination.subset: m.counts for m in standalone.metrics.read(watched).measurements}
    assert {name: counts.requests for name, counts in found.items()} == {n: backends[n].count for n in ("v1", "v2")}
    assert all(counts.errors == 0 for counts in found.values())
    until(lambda: sum(m.counts.buckets[-1][1] for m in standalone.metrics.read(watched).measurements) == 0)


def test_errors_are_what_a_client_sees(standalone: Mesh, backends: dict[str, Backend]) -> None:
    standalone.put(rule("v1", "v2", "v3") + service({"v1": 100}, timeout="0.5s", retries={"attempts": 0}))
    watched = [(RouteRef(REVIEWS, "http/main"), Destination(HOST, "v1"))]
    standalone.metrics.read(watched)
    port = standalone.settings.mesh_port
    for path in ("/", "/open", "/status/404", "/status/500", "/status/503"):
        ask(port, "reviews", path)
    assert _counts(standalone, watched) == (5, 2)
    assert ask(port, "reviews", "/slow").status == 504
    assert _counts(standalone, watched) == (1, 1)
    with pytest.raises(Exception, match="IncompleteRead"):
        ask(port, "reviews", "/cut")
    assert _counts(standalone, watched) == (1, 1)
    backends["v1"].close()
    assert ask(port, "reviews").status == 503
    assert _counts(standalone, watched) == (1, 1)
    backends["v1"] = Backend("v1", backends["v1"].port)


def _counts(standalone: Mesh, watched: list[tuple[RouteRef, Destination]]) -> tuple[int, int]:
    (measured,) = standalone.metrics.read(watched).measurements
    return measured.counts.requests, measured.counts.errors


def test_an_envoy_that_is_away_is_a_problem_and_loses_no_count(standalone: Mesh) -> None:
    reading = type(standalone.metrics)("http://127.0.0.1:1", timeout=0.5).read(
        [(RouteRef(REVIEWS, "x"), Destination(HOST))]
    )
    assert reading.problem
    assert reading.measurements == ()


def test_a_daemon_that_dies_between_envoy_and_commit_comes_back_to_what_was_committed(standalone: Mesh) -> None:
    standalone.put(rule("v1", "v2") + service({"v1": 100}))
    done = threading.Event()

    class Dying(EnvoyPlane):
        def sync(self, config: object) -> None:
            super().sync(config)  # type: ignore[arg-type]
            done.set()
            raise KeyboardInterrupt

    standalone.cluster._plane = Dying(standalone.folder / "envoy", standalone.settings)
    with pytest.raises(KeyboardInterrupt):
        standalone.write(service({"v2": 100}))
    assert done.is_set()
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v2"
    again = Mesh(standalone.folder, standalone.settings, grace=0.3)
    again.cluster.objects()
    assert ask(standalone.settings.mesh_port, "reviews").backend == "v1"
    again.store.close()
