"""A whole line in one process: real Git, real ledger, real SQLite; time and metrics are the test's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gitops_mesh.app import Adapters, wire
from gitops_mesh.cluster.standalone.cluster import StandaloneCluster
from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.ledger.branch import GitLedger
from gitops_mesh.mesh.routes import routes
from gitops_mesh.model.ledger import Recorded
from gitops_mesh.model.objects import LiveObject, ObjectKey
from gitops_mesh.model.rollouts import Event, Request, Verb
from gitops_mesh.model.settings import (
    ClusterSettings,
    EndpointSettings,
    LedgerSettings,
    Scope,
    Settings,
    SourceSettings,
    StandaloneSettings,
)
from gitops_mesh.model.state import ObjectState
from gitops_mesh.ports import Cluster, Ledger
from gitops_mesh.reconciler.reconciler import Outcome
from gitops_mesh.rollout.annotations import decode, encode
from gitops_mesh.source.repository import GitSource
from tests.fakes.clock import VirtualClock
from tests.fakes.metrics import FakeMetrics
from tests.fakes.repository import Repository

REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
RULE = ObjectKey("networking.istio.io", "DestinationRule", "shop", "reviews")
START = 1_800_000_000.0
BRANCH = "gitops-mesh/ledger/test"

POLICY = """\
apiVersion: gitops-mesh.io/v1alpha1
kind: RolloutPolicy
metadata: {name: quick, namespace: shop}
spec:
  selector: {namespaces: [shop]}
  steps:
    - {fraction: 0.1, bake: 10s}
    - {fraction: 0.5, bake: 10s}
    - {fraction: 1, bake: 0s}
  analysis:
    judge: limit
    interval: 1s
    metrics: [{name: error-rate, limit: "1%", margin: "1%", minRequests: 20}]
  watch: 20s
  deadlines: {hold: 120s, pause: 300s}
"""


def rule(*versions: str, host: str = "reviews", name: str = "", labels: Mapping[str, str] | None = None) -> str:
    """A DestinationRule with a subset for each version."""
    labels = labels or {}
    subsets = "".join(f"    - {{name: {v}, labels: {{version: {labels.get(v, v)}}}}}\n" for v in versions)
    return (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        f"metadata: {{name: {name or host}, namespace: shop}}\nspec:\n  host: {host}\n  subsets:\n{subsets}"
    )


def service(
    weights: Mapping[str, int], *, host: str = "reviews", name: str = "", timeout: str = "3s", extra: str = ""
) -> str:
    """A VirtualService with one named route to the versions of a host."""
    routes_ = "".join(
        f"        - {{destination: {{host: {host}, subset: {v}}}, weight: {w}}}\n" for v, w in weights.items()
    )
    return (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name or host}, namespace: shop{extra}}}\nspec:\n  hosts: [{name or host}]\n  http:\n"
        f"    - name: main\n      timeout: {timeout}\n      route:\n{routes_}"
    )


class World:
    """One cluster `test`, driven by `origin`; `errors` are the failing shares of each destination's subset."""

    def __init__(
        self,
        root: Path,
        *,
        repository: Repository | None = None,
        around: Callable[[Cluster, Ledger], tuple[Cluster, Ledger]] = lambda c, l: (c, l),  # noqa: E741
        errors: Mapping[str, float] | None = None,
        now: float = START,
        drift: str = "correct",
        scopes: tuple[Scope, ...] = (Scope(),),
    ) -> None:
        self.root = root
        self.repository = repository or Repository.create(root / "git")
        self.clock = VirtualClock(now)
        self.errors = dict(errors or {})
        self.up = True
        """Whether endpoints accept connections."""
        hosts = {
            f"{host}.shop": tuple(EndpointSettings("127.0.0.1", 1, {"version": v}) for v in ("v1", "v2", "v3", "v4"))
            for host in ("reviews", "ratings", "details")
        }
        self.settings = Settings(
            file=root / "gitops-mesh.yaml",
            state=root / "state",
            source=SourceSettings(str(self.repository.origin), scopes=scopes),
            clusters=(ClusterSettings("test", standalone=StandaloneSettings(endpoints=hosts)),),
            ledger=LedgerSettings(),
            drift=drift,
        )
        self._around = around
        self.start()

    def start(self) -> None:
        """Start (or, after a crash, start again) a daemon's worth of objects on what is on disk."""
        settings = self.settings
        source = GitSource(str(self.repository.origin), "main", "", settings.state / "source.git", timeout=30)
        self.store = Store(settings.state / "mesh.sqlite")
        self.cluster = StandaloneCluster("test", self.store, settings.clusters[0].standalone, None, probe=self._probe)
        self.ledger = GitLedger(
            settings.state / "ledger.git", BRANCH, "test", remote=str(self.repository.origin), push=True
        )
        self.metrics = FakeMetrics(self.cluster, self.clock, self.errors)
        cluster, ledger = self._around(self.cluster, self.ledger)
        self.source = source
        self.reconciler = wire(
            settings, source, Adapters(cluster, self.metrics, ledger), self.clock, lambda work: work()
        )

    def _probe(self, address: str, port: int) -> bool:
        return self.up

    def tick(self) -> Outcome:
        """Poll and do one pass."""
        self.source.refresh()
        return self.reconciler.tick()

    def run(self, seconds: float, *, step: float = 1.0) -> Outcome:
        """Ticks for so much virtual time."""
        end = self.clock.now() + seconds
        outcome = self.tick()
        while self.clock.now() < end:
            if not outcome.wrote:
                self.clock.advance(step)
            outcome = self.tick()
        return outcome

    def until(self, reached: Callable[[], bool], *, seconds: float = 600, step: float = 1.0) -> Outcome:
        """Ticks until it is so. Fails when it never is."""
        end = self.clock.now() + seconds
        outcome = self.tick()
        while not reached():
            assert self.clock.now() < end, f"not reached in {seconds} s; {self.events()}; {self.weights()}"
            if not outcome.wrote:
                self.clock.advance(step)
            outcome = self.tick()
        return outcome

    def live(self, key: ObjectKey = REVIEWS) -> LiveObject | None:
        return next((o for o in self.cluster.objects() if o.key == key), None)

    def weights(self, key: ObjectKey = REVIEWS, route: int = 0) -> dict[str, int]:
        """The live split in percent by subset (or host)."""
        live = self.live(key)
        assert live is not None, f"{key} is not there"
        split = routes(live.body)[route].split
        return {d.subset or d.host: round(float(share) * 100) for d, share in split.shares}

    def state(self, key: ObjectKey = REVIEWS) -> ObjectState:
        live = self.live(key)
        assert live is not None
        return decode(live.state)

    def history(self) -> list[Recorded]:
        """The ledger's entries, oldest first."""
        return list(self.ledger.history())[::-1]

    def events(self) -> list[Event]:
        return [recorded.entry.event for recorded in self.history()]

    def saw(self, event: Event) -> bool:
        return event in self.events()

    def edit(self, key: ObjectKey, weights: Mapping[str, int]) -> None:
        """Somebody changes live weights by hand."""
        live = self.live(key)
        assert live is not None
        body = {**live.body, "spec": {**live.body["spec"]}}
        host = live.body["spec"]["http"][0]["route"][0]["destination"]["host"]
        entries = [{"destination": {"host": host, "subset": v}, "weight": w} for v, w in weights.items()]
        body["spec"]["http"] = [{**live.body["spec"]["http"][0], "route": entries}, *live.body["spec"]["http"][1:]]
        self.store.replace(key, body, keep_state=True)

    def ask(self, verb: Verb, key: ObjectKey = REVIEWS, by: str = "ada") -> None:
        """An operator asks."""
        request = Request(f"r{self.clock.now():.0f}", verb, "", by, self.clock.now())
        self.store.annotate(key, "request", encode(ObjectState(request=request))["request"])
