"""Read-only views and operators' requests, for the command line: nothing here drives the mesh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import orjson
import urllib3

from gitops_mesh import app
from gitops_mesh.clock import SystemClock
from gitops_mesh.errors import ClusterError, ConfigError, Conflict, SourceError, Unreachable
from gitops_mesh.manifests.files import is_manifest_path
from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.parse import parse
from gitops_mesh.manifests.places import with_places
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.ledger import Recorded
from gitops_mesh.model.objects import LiveObject, Manifest, ObjectKey, Tree, Write
from gitops_mesh.model.plain import typed
from gitops_mesh.model.plan import Plan
from gitops_mesh.model.rollouts import Request, Rollout, Verb
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.model.settings import Settings
from gitops_mesh.model.state import ObjectState
from gitops_mesh.model.status import Status
from gitops_mesh.reconciler.checking import checker
from gitops_mesh.reconciler.picture import Eye, Picture
from gitops_mesh.rollout.annotations import encode


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What one cluster would do at a revision; `steps` are how many each shift would take."""

    cluster: str
    plan: Plan
    steps: Mapping[RouteRef, int]
    findings: tuple[Finding, ...]
    before: Mapping[ObjectKey, Tree]
    """The bodies that were accepted last, for a diff."""


def validate(path: Path, settings: Settings | None) -> tuple[Finding, ...]:
    """The findings of a file or folder on disk, with their places. Raises SourceError when it cannot be read."""
    if not path.exists():
        raise SourceError(f"{path} does not exist", remedy="name a file or a folder of manifests")
    limits = Limits()
    root = path if path.is_dir() else path.parent
    files = (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if is_manifest_path(str(p.relative_to(root))))
    )
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    contents: dict[str, Path] = {}
    for file in files:
        name = str(file.relative_to(root))
        refused = _refused(file, limits)
        if refused:
            findings.append(Finding("not-a-file", Severity.ERROR, f"{name} {refused}", path=name))
            continue
        contents[name] = file
        parsed = parse(_bytes(file), name, limits=limits)
        manifests += parsed.manifests
        findings += parsed.findings
    if settings is None:
        findings += checker((), None)(manifests)
    else:
        for chosen in settings.clusters:
            cluster = app.adapters_of(settings, chosen, read_only=True).cluster
            findings += app.check_of(settings, cluster)(manifests)
    unique = tuple(dict.fromkeys(findings))
    return with_places(unique, lambda name: _bytes(contents[name]) if name in contents else b"")


def plan(settings: Settings, revision: str | None = None) -> tuple[ClusterPlan, ...]:
    """What a cluster would do for HEAD (or another revision): nothing is written. Raises Unreachable, SourceError."""
    from gitops_mesh.rollout.splits import steps_of  # noqa: PLC0415

    wired = app.build(settings, read_only=True)
    try:
        wired.refresh()
        plans = []
        for reconciler in wired.reconcilers:
            desired = reconciler.desired_at(revision or wired.source.head())
            picture = reconciler.eye.look()
            made = reconciler.plan(picture, desired)
            requests = reconciler.shifting.requests(made, picture, desired)
            steps = {r.shift.ref: len(steps_of(r.shift.base.split, r.shift.target.split, r.policy)) for r in requests}
            before = {key: known.accepted for key, known in picture.objects.items() if known.accepted is not None}
            plans.append(ClusterPlan(reconciler.cluster.name, made, steps, desired.findings, before))
        return tuple(plans)
    finally:
        wired.close()


def status(settings: Settings) -> Status:
    """Where HEAD and the mesh stand, looked at afresh; nothing is written. Raises SourceError, Unreachable.

    A daemon that answers at the configured address adds the evidence that it has in memory.
    """
    wired = app.build(settings, read_only=True)
    try:
        with suppress(Unreachable):  # said in the status
            wired.refresh()
        wired.look()
        return _with_evidence(wired.status(), settings.server)
    finally:
        wired.close()


def _with_evidence(found: Status, server: str) -> Status:
    """The same with what the daemon knows of open rollouts beyond their last write, if one answers."""
    try:
        answer = urllib3.request("GET", f"http://{server}/api/status", timeout=1.0, retries=False)
        told = typed(orjson.loads(answer.data), Status)
    except (urllib3.exceptions.HTTPError, ValueError, TypeError, KeyError):
        return found
    known = {rollout.id: rollout for cluster in told.clusters for rollout in cluster.rollouts}
    clusters = [replace(c, rollouts=tuple(known.get(r.id, r) for r in c.rollouts)) for c in found.clusters]
    return replace(found, clusters=tuple(clusters))


def history(settings: Settings, cluster: str | None, key: str | None, limit: int) -> Iterator[Recorded]:
    """The ledger's entries, newest first; of the objects that `key` names (`name`, `namespace/name`, `Kind/...`)."""
    chosen = app.cluster_settings(settings, cluster)
    return _of(app.ledger_of(settings, chosen.name).history(), key, limit)


def history_of(repository: Path, branch: str | None, key: str | None, limit: int) -> Iterator[Recorded]:
    """The same from a clone of nothing but the ledger. Raises LedgerError."""
    from gitops_mesh.ledger.reading import read_history  # noqa: PLC0415

    return _of(read_history(repository, branch or ""), key, limit)


def _of(entries: Iterator[Recorded], key: str | None, limit: int) -> Iterator[Recorded]:
    chosen = (r for r in entries if not key or key == r.entry.rollout or any(named(key, k) for k in r.entry.objects))
    return islice(chosen, limit or None)


def request(settings: Settings, cluster: str | None, target: str, verb: Verb, by: str) -> str:
    """Write an operator's request on the object that leads `target`; a sentence that says so.

    `target` is a rollout's id, or an object as in `history`. Raises ConfigError naming the open rollouts.
    """
    chosen = app.cluster_settings(settings, cluster)
    adapters = app.adapters_of(settings, chosen, read_only=True)
    for _ in range(5):
        live, rollout = _find(Eye(adapters.cluster, adapters.ledger).look(), target, verb)
        now = SystemClock().now()
        asked = Request(f"{int(now * 1000):x}", verb, rollout.id if rollout else "", by, now)
        state = {**live.state, **encode(ObjectState(request=asked))}
        (answer,) = adapters.cluster.apply([Write(live.key, live.body, state, live.version)])
        if isinstance(answer, LiveObject):
            about = f"rollout {rollout.id} ({live.key})" if rollout else str(live.key)
            return f"{verb} of {about} is requested; the daemon acts at its next tick"
        if not isinstance(answer, Conflict):
            raise answer
    raise ClusterError(f"{live.key} keeps changing; the request was not written", remedy="try again")


def named(text: str, key: ObjectKey) -> bool:
    """Whether a user's `name`, `namespace/name` or `Kind/namespace/name` means this object."""
    *kind, place = text.split("/", 1) if text[:1].isupper() and "/" in text else [text]
    if kind and kind[0].lower() != key.kind.lower():
        return False
    return place in (key.name, f"{key.namespace}/{key.name}")


def _find(picture: Picture, target: str, verb: Verb) -> tuple[LiveObject, Rollout | None]:
    for rollout in picture.rollouts:
        keys = [m.ref.key for m in rollout.members]
        if verb is not Verb.RETRY and (rollout.id.startswith(target) or any(named(target, k) for k in keys)):
            live = picture.objects[rollout.leader.key].live
            if live is not None:
                return live, rollout
    if verb is Verb.RETRY:
        for key, known in picture.objects.items():
            if known.state.rejected and known.live and named(target, key):
                return known.live, None
        rejected = [f"{key.namespace}/{key.name}" for key, known in picture.objects.items() if known.state.rejected]
        raise ConfigError(
            f"nothing named {target!r} has a rejected release", remedy=f"rejected: {', '.join(rejected) or 'none'}"
        )
    open_ = [f"{r.id} ({', '.join(str(m.ref.key) for m in r.members)})" for r in picture.rollouts]
    raise ConfigError(f"no open rollout is named {target!r}", remedy=f"open: {'; '.join(open_) or 'none'}")


def _refused(file: Path, limits: Limits) -> str:
    """Why a path is not read; empty when it is."""
    if file.is_symlink():
        return "is a symlink; manifests must be plain files"
    if not file.is_file():
        return "is not a plain file"
    size = file.stat().st_size
    return f"has {size:,} bytes; {limits.bytes:,} are the limit" if size > limits.bytes else ""


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}") from error
