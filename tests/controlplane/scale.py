"""The scale part of `make bench`: 10,000 routes on a real API server.

python -m tests.controlplane.scale [services]
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from gitops_mesh import app, config
from gitops_mesh.app import App
from gitops_mesh.cluster.kubernetes.cluster import KubernetesCluster
from tests.controlplane.apiserver import ApiServer
from tests.controlplane.binaries import binaries
from tests.controlplane.prometheus import Prometheus
from tests.controlplane.stage import policy
from tests.fakes.repository import Repository

ROUTES = 4
PER_FILE = 10
VERSIONS = ("v1", "v2")
VS = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"


def documents(number: int, v2: int = 10) -> list[dict[str, object]]:
    """A service's DestinationRule and its VirtualService, with `ROUTES` routes."""
    host = f"svc-{number}.shop.svc.cluster.local"
    subsets = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
    to = [
        {"destination": {"host": host, "subset": "v1"}, "weight": 100 - v2},
        {"destination": {"host": host, "subset": "v2"}, "weight": v2},
    ]
    still = [{"destination": {"host": host, "subset": "v1"}}]
    http = [
        {
            "name": f"r{n}",
            "match": [{"uri": {"prefix": f"/r{n}"}}],
            "timeout": "3s",
            "route": still if n else to,
        }
        for n in range(ROUTES)
    ]
    meta = {"name": f"svc-{number}", "namespace": "shop"}
    api = "networking.istio.io/v1"
    return [
        {"apiVersion": api, "kind": "DestinationRule", "metadata": meta, "spec": {"host": host, "subsets": subsets}},
        {"apiVersion": api, "kind": "VirtualService", "metadata": meta, "spec": {"hosts": [host], "http": http}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}},
    ]


def file(number: int, v2: int = 10) -> str:
    """The manifests of `PER_FILE` services."""
    services = range(number * PER_FILE, (number + 1) * PER_FILE)
    return yaml.dump_all([d for n in services for d in documents(n, v2)], Dumper=yaml.CSafeDumper)


class Bench:
    """One API server, one repository, and an app as the daemon has it."""

    def __init__(self, folder: Path, services: int) -> None:
        programs = binaries()
        self.server = ApiServer(programs, folder / "apiserver")
        self.server.install_crds()
        self.server.namespace("shop", "gitops-mesh")
        self.prometheus = Prometheus(programs.prometheus, folder / "prometheus", {})
        self.repository = Repository.create(folder / "team")
        self.files = services // PER_FILE
        files = {f"mesh/{n}.yaml": file(n) for n in range(self.files)}
        self.repository.commit({**files, "mesh/policy.yaml": yaml.safe_dump(policy(0.5, bake="600s"))}, "All")
        kubeconfig = str(self.server.kubeconfig())
        settings = {
            "source": {"repository": str(self.repository.origin), "path": "mesh"},
            "clusters": [{"name": "mesh", "kind": "kubernetes", "kubernetes": {"kubeconfig": kubeconfig}}],
            "metrics": {"provider": "prometheus", "prometheus": {"url": self.prometheus.url}},
            "ledger": {"push": False},
        }
        (folder / "gitops-mesh.yaml").write_text(yaml.safe_dump(settings))
        self.settings = config.load(folder / "gitops-mesh.yaml")
        self.app = self.begin()

    def begin(self) -> App:
        """A new process's worth of memory: everything wired anew."""
        made = app.build(self.settings)
        made.refresh()
        return made

    @property
    def cluster(self) -> KubernetesCluster:
        found = self.app.reconcilers[0].cluster
        assert isinstance(found, KubernetesCluster)
        return found

    def until(self, seen: Callable[[], object], seconds: float = 300) -> float:
        """Tick until something is seen; the seconds it took."""
        began = time.perf_counter()
        while not seen():
            self.app.tick()
            assert not any(self.app.problems.values()) or time.perf_counter() - began < seconds, self.app.problems
            assert time.perf_counter() - began < seconds, [o.problems[:3] for o in self.app.outcomes.values()]
        return time.perf_counter() - began

    def settled(self) -> bool:
        """Whether HEAD was looked at and nothing is left to do."""
        head = self.app.source.head()
        return any(o.desired.head == head and o.settled for o in self.app.outcomes.values())

    def close(self) -> None:
        self.app.close()
        self.prometheus.stop()
        self.server.stop()


def show(what: str, value: str) -> None:
    print(f"{what:<52} {value:>22}", flush=True)


def main() -> None:
    """Print the figures."""
    services = int(sys.argv[1]) if len(sys.argv) > 1 else 2_500
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), services)
        try:
            run(bench, services)
        finally:
            bench.close()


def run(bench: Bench, services: int) -> None:
    """All figures, one after another."""
    show("routes, objects", f"{services * ROUTES:,}, {services * 2:,}")
    show("all created", f"{bench.until(bench.settled):.1f} s")
    bench.app.close()
    began = time.perf_counter()
    bench.app = bench.begin()
    bench.until(bench.settled)
    show("cold start to the first settled pass", f"{time.perf_counter() - began:.2f} s")
    calls = bench.cluster.calls
    began = time.perf_counter()
    bench.app.tick()
    show("nothing to do", f"{(time.perf_counter() - began) * 1000:.1f} ms, {bench.cluster.calls - calls} calls")
    one_file(bench)
    drift(bench, services)
    show("memory", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")
    in_flight(bench, min(1_000, services))
    show("memory with rollouts", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


def one_file(bench: Bench) -> None:
    """A merge of one file that changes one field of one object."""
    path = f"{VS}/svc-0"
    bench.repository.commit({"mesh/0.yaml": file(0).replace("timeout: 3s", "timeout: 4s", ROUTES)}, "One file")
    calls, began = bench.cluster.calls, time.perf_counter()
    bench.app.refresh()
    bench.until(lambda: bench.server.get(path)["spec"]["http"][0]["timeout"] == "4s")
    show("one file, merged to applied", f"{time.perf_counter() - began:.2f} s, {bench.cluster.calls - calls} calls")
    bench.until(bench.settled)


def drift(bench: Bench, services: int) -> None:
    """Changes by hand, until each is corrected."""
    times = []
    bench.cluster.subscribe(lambda: None)
    for number in range(30):
        at = f"svc-{(number * 7) % services}"
        found = bench.server.get(f"{VS}/{at}")
        http = [{**found["spec"]["http"][0], "timeout": "9s"}, *found["spec"]["http"][1:]]
        began = time.perf_counter()
        bench.server.patch(f"{VS}/{at}", {"spec": {"http": http}})
        bench.until(lambda at=at: bench.server.get(f"{VS}/{at}")["spec"]["http"][0]["timeout"] != "9s")
        times.append(time.perf_counter() - began)
    ordered = sorted(times)
    p95 = ordered[int(len(ordered) * 0.95) - 1]
    show("drift to correction, p50 / p95", f"{statistics.median(ordered):.2f} / {p95:.2f} s")


def in_flight(bench: Bench, count: int) -> None:
    """So many rollouts at once: what a tick costs."""
    changed = {f"mesh/{n}.yaml": file(n, v2=60) for n in range(count // PER_FILE)}
    bench.server.apply(*(_pod(name) for name in VERSIONS), *(_slice(n) for n in range(count)))
    bench.repository.commit(changed, "Move")
    bench.app.refresh()
    took = bench.until(lambda: len(_open(bench)) >= count, 600)
    show(f"{count:,} rollouts begun", f"{took:.1f} s")
    calls, asked, cpu, began = bench.cluster.calls, _asked(bench), time.process_time(), time.perf_counter()
    ticks = 5
    for _ in range(ticks):
        bench.app.tick()
    wall, used = (time.perf_counter() - began) / ticks, (time.process_time() - cpu) / ticks
    show("a tick with them: time, CPU", f"{wall:.2f} s, {used:.2f} s")
    made, queries = (bench.cluster.calls - calls) / ticks, (_asked(bench) - asked) / ticks
    show("a tick with them: API calls, queries", f"{made:.1f}, {queries:.1f}")


def _open(bench: Bench) -> tuple[object, ...]:
    return tuple(r for o in bench.app.outcomes.values() for r in o.picture.rollouts)


def _asked(bench: Bench) -> int:
    return int(getattr(bench.app.reconcilers[0].walker._metrics, "asked", 0))


def _pod(version: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{version}", "namespace": "shop", "labels": {"version": version}},
        "spec": {"containers": [{"name": "none", "image": "none"}]},
    }


def _slice(number: int) -> dict[str, object]:
    """A ready endpoint without a Pod would have no labels; each version has a Pod of its own."""
    ends = [
        {
            "addresses": [f"10.1.{number % 250}.{1 + n}"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": f"pod-{name}", "namespace": "shop"},
        }
        for n, name in enumerate(VERSIONS)
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"svc-{number}-1",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": f"svc-{number}"},
        },
        "addressType": "IPv4",
        "endpoints": ends,
        "ports": [{"name": "http", "port": 80}],
    }


if __name__ == "__main__":
    main()
