"""The composition root: settings become wired reconcilers; a few read-only views for the command line."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gitops_mesh import shipped
from gitops_mesh.clock import SystemClock
from gitops_mesh.cluster.standalone.cluster import StandaloneCluster
from gitops_mesh.cluster.standalone.envoy import EnvoyPlane
from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.errors import Busy, ConfigError, GitOpsMeshError, Unreachable
from gitops_mesh.forge.status import ApiForge
from gitops_mesh.ledger.branch import GitLedger
from gitops_mesh.manifests.limits import Limits
from gitops_mesh.metrics.envoy import EnvoyMetrics
from gitops_mesh.metrics.prometheus.provider import PrometheusMetrics
from gitops_mesh.model.revisions import Fetch
from gitops_mesh.model.settings import ClusterSettings, Settings
from gitops_mesh.model.status import ClusterStatus, Status
from gitops_mesh.notify.webhook import Webhook
from gitops_mesh.plan.ignored import DriftRules
from gitops_mesh.ports import Clock, Cluster, Forge, Ledger, Metrics, Notifier, Source
from gitops_mesh.reconciler.admission import Admission
from gitops_mesh.reconciler.checking import checker, shipped_policies
from gitops_mesh.reconciler.desired import Check, Reader
from gitops_mesh.reconciler.picture import Eye
from gitops_mesh.reconciler.reconciler import Outcome, Reconciler
from gitops_mesh.reconciler.recording import Background, Recorder
from gitops_mesh.reconciler.recovery import Recovery
from gitops_mesh.reconciler.rehearsal import Rehearsal
from gitops_mesh.reconciler.reporting import Reporter
from gitops_mesh.reconciler.shifting import Shifting
from gitops_mesh.reconciler.status import status_of
from gitops_mesh.reconciler.walking import Walker
from gitops_mesh.source.repository import GitSource
from gitops_mesh.validation.kinds import POLICY_GROUP, served

if TYPE_CHECKING:
    from gitops_mesh.cluster.kubernetes.cluster import KubernetesCluster

IDLE = 1.0
"""Seconds between ticks when nothing is under way: how late drift is seen."""


@dataclass(slots=True)
class App:
    """Everything wired; what the daemon and the command line drive."""

    settings: Settings
    source: Source
    reconcilers: tuple[Reconciler, ...]
    clock: Clock
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    ledgers: Mapping[str, Ledger] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)
    """By cluster: who decides instead of this process; empty when this one does."""
    source_problem: str = ""
    reporter: Reporter | None = None
    _pools: list[ThreadPoolExecutor] = field(default_factory=list)
    _lock: TextIO | None = None

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread, when a cluster changed."""
        for reconciler in self.reconcilers:
            reconciler.cluster.subscribe(wake)

    def lock(self) -> None:
        """Take the state folder for this process. Raises Busy when another daemon has it."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        lock = (self.settings.state / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise Busy(
                f"another daemon (process {holder}) works on the state in {self.settings.state}",
                remedy="stop it, or give this one a `state` folder of its own",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def refresh(self) -> Fetch:
        """Fetch the source. Raises Unreachable, SourceError."""
        try:
            fetched = self.source.refresh()
        except GitOpsMeshError as error:
            self.source_problem = error.message
            raise
        self.source_problem = ""
        for name in [name for name, leader in self.leaders.items() if leader]:
            with suppress(GitOpsMeshError):  # a copy to take over with, should the remote be away then
                self.ledgers[name].follow()
        return fetched

    def tick(self) -> float:
        """One pass over all clusters; the seconds after which the next one is useful.

        A cluster that is away delays no other. Raises SourceError before the first refresh.
        """
        wrote = False
        for reconciler in self.reconcilers:
            name = reconciler.cluster.name
            try:
                if not self._leads(reconciler):
                    continue
                self.outcomes[name] = reconciler.tick()
                self.problems[name] = ""
                wrote = wrote or self.outcomes[name].wrote
                if self.reporter is not None:
                    self.reporter.tell(self.outcomes[name].desired)
            except Unreachable as error:
                self.problems[name] = str(error)
        return 0.0 if wrote else IDLE

    def _leads(self, reconciler: Reconciler) -> bool:
        """Whether this process decides about a cluster; when it begins to, it forgets what it remembers of before."""
        name = reconciler.cluster.name
        leader = reconciler.cluster.leader()
        if leader:
            self.leaders[name] = leader
            self.problems[name] = ""
            self.outcomes.pop(name, None)
        elif self.leaders.get(name):
            reconciler.take_over()
            self.leaders[name] = ""
        return not leader

    def look(self) -> None:
        """Learn what a tick would see, without writing anything."""
        for reconciler in self.reconcilers:
            name = reconciler.cluster.name
            try:
                self.outcomes[name] = reconciler.look()
                self.problems[name] = ""
            except Unreachable as error:
                self.problems[name] = str(error)

    def status(self) -> Status:
        """What is known since the latest tick."""
        found = status_of(self.source, self.source_problem, self.reconcilers, self.outcomes, self.problems)
        return replace(found, clusters=tuple(map(self._following, found.clusters)))

    def _following(self, cluster: ClusterStatus) -> ClusterStatus:
        """A cluster about which another replica decides differs from nothing that is ours to mend."""
        leader = self.leaders.get(cluster.name, "")
        if not leader:
            return cluster
        return replace(cluster, leader=leader, diverges=False, reasons=(f"{leader} decides",))

    def close(self) -> None:
        """Let pushes under way finish, and give the state folder back."""
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)
        for reconciler in self.reconcilers:
            reconciler.cluster.close()
        self.source.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


@dataclass(frozen=True, slots=True)
class Adapters:
    """The outside of one cluster."""

    cluster: Cluster
    metrics: Metrics
    ledger: Ledger
    notifiers: tuple[Notifier, ...] = ()


def build(settings: Settings, *, clock: Clock | None = None, read_only: bool = False) -> App:
    """Wire everything that the settings name. With `read_only` no data plane is touched. Raises ConfigError."""
    clock = clock or SystemClock()
    source = source_of(settings)
    app = App(settings, source, (), clock)
    reconcilers = []
    ledgers = {}
    for chosen in settings.clusters:
        pool = ThreadPoolExecutor(1, thread_name_prefix=f"push-{chosen.name}")
        app._pools.append(pool)  # noqa: SLF001 - built here
        adapters = adapters_of(settings, chosen, read_only=read_only)
        ledgers[chosen.name] = adapters.ledger
        reconcilers.append(wire(settings, source, adapters, clock, _submit(pool)))
    app.reconcilers = tuple(reconcilers)
    app.ledgers = ledgers
    if settings.forge.kind and not read_only:
        pool = ThreadPoolExecutor(1, thread_name_prefix="forge")
        app._pools.append(pool)  # noqa: SLF001 - built here
        app.reporter = Reporter(forge_of(settings), _submit(pool), clock)
    return app


def wire(settings: Settings, source: Source, adapters: Adapters, clock: Clock, background: Background) -> Reconciler:
    """A reconciler on these adapters."""
    cluster, ledger = adapters.cluster, adapters.ledger
    eye = Eye(cluster, ledger)
    reader = Reader(source, Limits())
    recorder = Recorder(cluster, ledger, eye, adapters.notifiers, background)
    drift = DriftRules(settings.drift, settings.ignored)
    return Reconciler(
        source=source,
        reader=reader,
        check=check_of(settings, cluster),
        cluster=cluster,
        eye=eye,
        recorder=recorder,
        recovery=Recovery(recorder, ledger, clock, settings.adopt),
        shifting=Shifting(source, reader, cluster),
        walker=Walker(cluster, adapters.metrics, recorder, clock),
        admission=Admission(recorder, Rehearsal(cluster, clock), clock, drift),
        clock=clock,
        scopes=settings.source.scopes,
        drift=drift,
    )


def source_of(settings: Settings) -> Source:
    """The source that the settings name."""
    source = settings.source
    mirror = settings.state / "source.git"
    return GitSource(source.url, source.branch, source.path, mirror, timeout=source.timeout)


def ledger_of(settings: Settings, cluster: str) -> GitLedger:
    """The ledger of one cluster."""
    wanted = settings.ledger
    branch = wanted.branch.replace("{cluster}", cluster)
    remote = wanted.remote or settings.source.url
    return GitLedger(
        settings.state / "ledger" / f"{cluster}.git",
        branch,
        cluster,
        remote=remote if wanted.push else "",
        push=wanted.push,
    )


def adapters_of(settings: Settings, chosen: ClusterSettings, *, read_only: bool = False) -> Adapters:
    """The adapters of one cluster, by its kind. Raises ConfigError for a kind that there is none of."""
    make = CLUSTER_KINDS.get(chosen.kind)
    if make is None:
        raise ConfigError(
            f"clusters: unknown kind {chosen.kind!r}", remedy=f"choose one of: {', '.join(CLUSTER_KINDS)}"
        )
    return make(settings, chosen, read_only)


def _standalone(settings: Settings, chosen: ClusterSettings, read_only: bool) -> Adapters:
    state = standalone_state(settings, chosen)
    file = state / "mesh.sqlite"
    store = Store(file if file.exists() or not read_only else Path(":memory:"))  # a look lays nothing out
    plane = None if read_only else EnvoyPlane(state / "envoy", chosen.standalone)
    cluster = StandaloneCluster(chosen.name, store, chosen.standalone, plane)
    admin = f"http://127.0.0.1:{chosen.standalone.admin_port}"
    metrics = EnvoyMetrics(admin, timeout=settings.metrics.timeout)
    return Adapters(cluster, metrics, ledger_of(settings, chosen.name), notifiers_of(settings))


def _kubernetes(settings: Settings, chosen: ClusterSettings, read_only: bool) -> Adapters:
    from gitops_mesh.cluster.kubernetes.api import Api  # noqa: PLC0415 - the package takes most of a second
    from gitops_mesh.cluster.kubernetes.cluster import KubernetesCluster  # noqa: PLC0415
    from gitops_mesh.cluster.kubernetes.events import KubernetesEvents  # noqa: PLC0415

    lease = chosen.kubernetes.lease
    wanted = replace(chosen.kubernetes, lease=replace(lease, namespace=lease.namespace or _namespace()))
    api = Api(wanted.kubeconfig, wanted.context)
    kinds = {
        (group, kind): found.versions
        for group, of_group in served().items()
        for kind, found in of_group.items()
        if group != POLICY_GROUP
    }
    clock = SystemClock()
    replica = "" if read_only else _replica()
    cluster = KubernetesCluster(chosen.name, kinds, wanted, api, clock, replica=replica)
    events = KubernetesEvents(api, clock, cluster.uid, _replica())
    return Adapters(
        cluster,
        metrics_of(settings, cluster),
        ledger_of(settings, chosen.name),
        (*notifiers_of(settings), events),
    )


def metrics_of(settings: Settings, cluster: KubernetesCluster) -> Metrics:
    """The metrics provider of a Kubernetes mesh."""
    wanted = settings.metrics
    return PrometheusMetrics(wanted.prometheus, cluster.labels, SystemClock(), timeout=wanted.timeout)


def _namespace() -> str:
    """The namespace of the Pod that this process runs in, else one of our name."""
    with suppress(OSError):
        return Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read_text(encoding="utf-8").strip()
    return os.environ.get("POD_NAMESPACE") or "gitops-mesh"


def _replica() -> str:
    """What this process is called among the replicas; a Pod's is its own."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"


CLUSTER_KINDS: Mapping[str, Callable[[Settings, ClusterSettings, bool], Adapters]] = {
    "standalone": _standalone,
    "kubernetes": _kubernetes,
}
"""How each kind of cluster is wired."""


def standalone_state(settings: Settings, chosen: ClusterSettings) -> Path:
    """The folder of a standalone mesh: its objects and what Envoy reads."""
    return settings.state / "clusters" / chosen.name


def forge_of(settings: Settings) -> Forge:
    """The forge that the settings name; its token comes from the environment. Raises ConfigError."""
    wanted = settings.forge
    token = os.environ.get(wanted.token_env, "")
    if not token:
        remedy = f"set the environment variable {wanted.token_env}"
        raise ConfigError("forge: there is no token to set commit statuses with", remedy=remedy)
    return ApiForge(wanted.kind, wanted.repository, token, url=wanted.url)


def notifiers_of(settings: Settings) -> tuple[Notifier, ...]:
    """The webhooks that the settings name."""
    return tuple(Webhook(hook.url, events=hook.events) for hook in settings.notify)


def cluster_settings(settings: Settings, name: str | None) -> ClusterSettings:
    """The cluster of that name, or the only one. Raises ConfigError listing the choices."""
    names = [chosen.name for chosen in settings.clusters]
    if name is None and len(names) == 1:
        return settings.clusters[0]
    for chosen in settings.clusters:
        if chosen.name == name:
            return chosen
    said = "several clusters are configured" if name is None else f"no cluster is named {name!r}"
    raise ConfigError(said, remedy=f"choose one with --cluster: {', '.join(names)}")


def check_of(settings: Settings, cluster: Cluster | None) -> Check:
    """What judges a desired set under these settings. Raises ConfigError for a policy that does not ship."""
    known = shipped.policy_names()
    for name in settings.policies.shipped:
        if name not in known:
            raise ConfigError(
                f"policies.shipped: no policy is named {name!r}", remedy=f"choose from: {', '.join(known)}"
            )
    texts = [(name, shipped.policy_text(name)) for name in settings.policies.shipped]
    return checker(shipped_policies(texts), cluster)


def _submit(pool: ThreadPoolExecutor) -> Background:
    def submit(work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the pool is closed: what is not pushed stays in the outbox
            pool.submit(work)

    return submit
