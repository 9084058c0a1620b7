"""What `gitops-mesh.yaml` says, as frozen dataclasses (see `config.py`, which reads and checks it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the repository that is judged as one: its last good revision stands while it has errors."""

    name: str = ""
    paths: tuple[str, ...] = ("",)
    """Folders from the repository's root; an empty one is the whole repository."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    url: str
    """A URL (https, ssh, git, file) or the absolute path of a local repository."""
    branch: str = "main"
    path: str = ""
    """The folder inside the repository that holds the manifests."""
    interval: float = 30.0
    """Seconds between polls."""
    timeout: float = 60.0
    """Seconds that one fetch may take."""
    scopes: tuple[Scope, ...] = (Scope(),)


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    address: str
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StandaloneSettings:
    """The standalone mesh: one Envoy on this machine."""

    mesh_port: int = 15001
    """Where mesh routes (VirtualServices without a gateway) are served, by Host header."""
    admin_port: int = 15000
    """Envoy's admin interface, on loopback."""
    ports: Mapping[int, int] = field(default_factory=dict)
    """Gateway port → port to listen on, for those that would need root."""
    endpoints: Mapping[str, tuple[EndpointSettings, ...]] = field(default_factory=dict)
    """Host (short with namespace, `reviews.shop`, or fully qualified) → endpoints, for hosts that are only Services."""
    address: str = "127.0.0.1"
    """The address that listeners bind."""


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """How replicas agree on the one that decides."""

    namespace: str = ""
    """Of the Lease; empty: the Pod's own, else `gitops-mesh`."""
    name: str = "gitops-mesh"
    duration: float = 15.0
    """Seconds without renewal after which another replica takes over."""


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """A mesh behind a Kubernetes API server."""

    kubeconfig: str = ""
    """A file; empty: the Pod's ServiceAccount, else as kubectl finds it."""
    context: str = ""
    namespaces: tuple[str, ...] = ()
    """The only namespaces that are read and written; empty: all, and cluster-scoped objects too."""
    force: tuple[str, ...] = ("kubectl*",)
    """Field managers (patterns) whose changes are overruled; a change by any other freezes the object."""
    propagation: float = 2.0
    """Seconds that the control plane may take to tell its proxies: between a subset's write and its route's."""
    lease: LeaseSettings = field(default_factory=LeaseSettings)


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    name: str
    kind: str = "standalone"
    standalone: StandaloneSettings = field(default_factory=StandaloneSettings)
    kubernetes: KubernetesSettings = field(default_factory=KubernetesSettings)


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    branch: str = "gitops-mesh/ledger/{cluster}"
    remote: str = ""
    """URL or path of the repository to push to; empty: the source's."""
    push: bool = True


@dataclass(frozen=True, slots=True)
class PolicySettings:
    shipped: tuple[str, ...] = ()
    """Names of policies of the library that ships (`policies/`) to enforce."""


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Where a Prometheus (or anything with its HTTP API) is, how to sign in, and what to ask it."""

    url: str = ""
    preset: str = "istio"
    """`istio`, `envoy`, or `custom` with `queries`."""
    reporter: str = "source"
    """Of the preset `istio`: whose view counts, `source`, `destination` or `waypoint`."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """Of the preset `custom`: `requests`, `errors`, and `latency` where there is one."""
    matchers: Mapping[str, str] = field(default_factory=dict)
    """Labels that the presets' counters must have besides, as `cluster`."""
    token_env: str = ""
    token_file: str = ""
    username: str = ""
    password_env: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure: bool = False
    """Whether a token or password may be sent without TLS."""


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    provider: str = "envoy"
    """`envoy`: direct scrape of the standalone mesh's Envoy; `prometheus`: its HTTP API."""
    timeout: float = 5.0
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    url: str
    events: tuple[str, ...] = ()
    """Names of ledger events to send; empty: all."""


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    kind: str = ""
    """`github`, `gitlab`, `gitea`; empty: none."""
    url: str = ""
    """The API's base URL."""
    repository: str = ""
    token_env: str = "GITOPS_MESH_FORGE_TOKEN"  # noqa: S105 - the variable's name
    """The environment variable that holds the token; it is never written anywhere."""


@dataclass(frozen=True, slots=True)
class IgnoredFields:
    """Fields that others may set on live objects: no drift, and kept when the object is written."""

    fields: tuple[str, ...]
    """JSON pointers (RFC 6901), in which a segment `*` stands for any one."""
    kinds: tuple[str, ...] = ()
    """Of objects of these kinds; empty: of all."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. Relative paths in the file are from the file's folder; here all are absolute."""

    file: Path
    state: Path
    """The folder of the mirror, the ledger, the standalone mesh; default `.gitops-mesh` beside the file."""
    source: SourceSettings
    clusters: tuple[ClusterSettings, ...]
    policies: PolicySettings = field(default_factory=PolicySettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    drift: str = "correct"
    """`correct`, `report` or `ignore`."""
    ignored: tuple[IgnoredFields, ...] = ()
    """Fields in which nothing is drift."""
    adopt: str = "adopt"
    """At first sight of an object that we never wrote: `adopt` it as accepted, or only `report`."""
    server: str = "127.0.0.1:8642"
    """Address and port of the HTTP server; empty: none."""
    notify: tuple[WebhookSettings, ...] = ()
    forge: ForgeSettings = field(default_factory=ForgeSettings)
