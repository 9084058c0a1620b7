"""A team on the test mesh: a repository, daemons that sign in as the deployed ServiceAccount, and Prometheus."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import urllib3
import yaml

from gitops_mesh.ledger.reading import read_history
from gitops_mesh.model.ledger import Recorded
from tests.controlplane.binaries import Binaries
from tests.controlplane.mesh import HOST, ISTIO, Mesh
from tests.controlplane.processes import Process, until
from tests.controlplane.prometheus import Prometheus
from tests.fakes.backend import free_ports
from tests.fakes.repository import Repository

RBAC = Path(__file__).parents[2] / "deploy" / "kustomize" / "cluster" / "rbac.yaml"
ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "gitops-mesh", "namespace": "gitops-mesh"},
}
OVER = {"Succeeded", "RolledBack", "Superseded", "Expired", "Cutover", "Updated", "Created", "Retreated"}
"""Events after which a merge is done with, once no rollout is under way."""
RATINGS = "ratings.shop.mesh"
LEDGER = "gitops-mesh/ledger/mesh"


def policy(*fractions: float, bake: str = "3s", watch: str = "3s", requests: int = 20) -> dict[str, Any]:
    """A RolloutPolicy in a hurry."""
    steps: list[dict[str, Any]] = [{"fraction": fraction, "bake": bake} for fraction in fractions]
    return {
        "apiVersion": "gitops-mesh.io/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "quick", "namespace": "shop"},
        "spec": {
            "selector": {"namespaces": ["shop"]},
            "steps": [*steps, {"fraction": 1, "bake": "0s"}],
            "watch": watch,
            "analysis": {
                "interval": "1s",
                "metrics": [{"name": "error-rate", "limit": 0.01, "margin": 0.01, "minRequests": requests}],
            },
            "deadlines": {"hold": "60s"},
        },
    }


def rule(*versions: str, host: str = HOST) -> dict[str, Any]:
    """A DestinationRule with a subset for each version."""
    subsets = [{"name": version, "labels": {"version": version}} for version in versions]
    name = host.partition(".")[0]
    return {
        "apiVersion": ISTIO,
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"host": host, "subsets": subsets},
    }


def route(host: str = HOST, **weights: int) -> dict[str, Any]:
    """A VirtualService on both ways in."""
    to = [{"destination": {"host": host, "subset": version}, "weight": weight} for version, weight in weights.items()]
    return {
        "apiVersion": ISTIO,
        "kind": "VirtualService",
        "metadata": {"name": host.partition(".")[0], "namespace": "shop"},
        "spec": {"hosts": [host], "gateways": ["edge", "mesh"], "http": [{"name": "main", "route": to}]},
    }


def denying(name: str, expression: str, message: str) -> list[dict[str, Any]]:
    """A ValidatingAdmissionPolicy for DestinationRules, and its binding."""
    group = "admissionregistration.k8s.io/v1"
    rules = [
        {
            "apiGroups": ["networking.istio.io"],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["destinationrules"],
        }
    ]
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": expression, "message": message}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return [
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
    ]


def gamma(mesh: Mesh, weights: Mapping[str, int]) -> list[dict[str, Any]]:
    """A host for each version of ratings, one for all, and an HTTPRoute that splits between them."""
    entries = []
    for version in ("", *mesh.backends):
        name = f"ratings-{version}".rstrip("-")
        entry = mesh.service_entry(f"{name}.shop.mesh")
        chosen = [e for e in entry["spec"]["endpoints"] if version in ("", e["labels"]["version"])]
        entries.append({**entry, "spec": {**entry["spec"], "endpoints": chosen}})
    to = [
        {
            "group": "networking.istio.io",
            "kind": "Hostname",
            "name": f"ratings-{version}.shop.mesh",
            "port": 80,
            "weight": weight,
        }
        for version, weight in weights.items()
    ]
    parent = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "ratings"}
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "ratings", "namespace": "shop"},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": to}]},
    }
    return [*entries, route]


class Daemon:
    """One replica, started with the command that users start."""

    def __init__(self, config: Path, log: Path, port: int, name: str) -> None:
        self._url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "gitops_mesh", "-c", str(config), "run"]
        self.log = log
        self.process = Process(command, log, {"POD_NAME": name, "COVERAGE_PROCESS_START": ""})

    def ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self._url}/readyz", retries=False, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def whole(self) -> dict[str, Any]:
        """What `/api/status` says."""
        # A daemon that was frozen may have let a connection go stale.
        answer = urllib3.request(
            "GET", f"{self._url}/api/status", retries=urllib3.Retry(5, backoff_factor=0.1), timeout=5
        )
        return dict(orjson.loads(answer.data))

    def status(self) -> dict[str, Any]:
        """What it says of the cluster."""
        return dict(self.whole()["clusters"][0])


class Stage:
    """Everything of one story. `daemons` are the replicas that run."""

    def __init__(self, mesh: Mesh, programs: Binaries, folder: Path) -> None:
        self.mesh, self.folder = mesh, folder
        self.prometheus = Prometheus(
            programs.prometheus,
            folder / "prometheus",
            {
                proxy.admin_url.removeprefix("http://"): "/stats/prometheus"
                for proxy in (mesh.gateway_proxy, mesh.sidecar_proxy)
            },
        )
        self.repository = Repository.create(folder / "team")
        mesh.server.apply(ACCOUNT, *[d for d in yaml.safe_load_all(RBAC.read_text()) if d])
        self.token = mesh.server.token("gitops-mesh", "gitops-mesh")
        self.daemons: dict[str, Daemon] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for daemon in self.daemons.values():
            daemon.process.end()
        self.prometheus.stop()

    def merge(self, *objects: Mapping[str, Any], subject: str = "Change", **trailers: str) -> str:
        """Merge these objects, a file each, and return the merge commit."""
        files = {f"mesh/{o['kind'].lower()}-{o['metadata']['name']}.yaml": yaml.safe_dump(dict(o)) for o in objects}
        return self.repository.merge(files, subject, {k.replace("_", "-"): v for k, v in trailers.items()})

    def start(self, name: str = "one", **cluster: Any) -> Daemon:
        """Start a replica, and wait until it is ready."""
        (port,) = free_ports(1)
        home = self.folder / name
        home.mkdir(exist_ok=True)
        kubeconfig = self.mesh.server.kubeconfig(self.token, name)
        lease = {"namespace": "gitops-mesh", "duration": "5s"}
        config = {
            "source": {"repository": str(self.repository.origin), "path": "mesh", "interval": "1s"},
            "clusters": [
                {
                    "name": "mesh",
                    "kind": "kubernetes",
                    "kubernetes": {"kubeconfig": str(kubeconfig), "lease": lease, **cluster},
                }
            ],
            "metrics": {"provider": "prometheus", "prometheus": {"url": self.prometheus.url, "preset": "envoy"}},
            "server": f"127.0.0.1:{port}",
        }
        (home / "gitops-mesh.yaml").write_text(yaml.safe_dump(config))
        daemon = Daemon(home / "gitops-mesh.yaml", home / "daemon.log", port, name)
        daemon.process.until(daemon.ready)
        self.daemons[name] = daemon
        return daemon

    def kill(self, name: str) -> None:
        self.daemons.pop(name).process.kill()

    def freeze(self, name: str) -> None:
        self.daemons[name].process.send(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.daemons[name].process.send(signal.SIGCONT)

    def ledger(self) -> list[Recorded]:
        """The entries that were pushed, oldest first."""
        if not self.repository.git("rev-parse", "--verify", "--quiet", LEDGER, check=False, cwd=self.repository.origin):
            return []
        return list(read_history(self.repository.origin, LEDGER))[::-1]

    def events(self, commit: str = "") -> list[str]:
        """The ledger's events, all or those that a merge caused."""
        return [str(r.entry.event) for r in self.ledger() if not commit or r.entry.source_commit == commit]

    def until(self, seen: Callable[[], object], seconds: float = 60.0, what: str = "") -> None:
        """Wait until something is seen; what the daemons logged is told with a failure."""
        try:
            until(seen, seconds, what)
        except AssertionError as error:
            logs = [daemon.log.read_text()[-3000:] for daemon in self.daemons.values()]
            raise AssertionError(f"{error}\n{self.events()}\n" + "\n---\n".join(logs)) from None

    def recorded(self, event: str, commit: str = "", seconds: float = 60.0) -> None:
        """Wait until the ledger has such an event."""
        self.until(lambda: event in self.events(commit), seconds, f"{event} in the ledger")

    def settled(self, commit: str) -> bool:
        """Whether what a merge wanted was done, undone or turned down, and nothing is under way."""
        told = next(iter(self.daemons.values())).whole()
        cluster = told["clusters"][0]
        if told["head"] != commit or cluster["rollouts"]:
            return False
        return bool(OVER & set(self.events(commit))) or any("failed before" in reason for reason in cluster["reasons"])

    def epoch(self) -> str:
        """The epoch that the VirtualService carries."""
        live = self.mesh.server.get(f"/apis/{ISTIO}/namespaces/shop/virtualservices/reviews")
        return str(live["metadata"]["annotations"]["gitops-mesh.io/epoch"])

    def weights(self, kind: str = "virtualservices", name: str = "reviews") -> list[int]:
        """The live weights of the object's first route."""
        live = self.mesh.server.get(f"/apis/{ISTIO}/namespaces/shop/{kind}/{name}")
        return [int(to.get("weight", 0)) for to in live["spec"]["http"][0]["route"]]


def names(entries: Sequence[Recorded]) -> list[str]:
    """The events of entries."""
    return [str(r.entry.event) for r in entries]
