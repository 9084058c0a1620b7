"""What Git asks for: each scope at its newest revision that validates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gitops_mesh.errors import SourceError
from gitops_mesh.manifests.files import is_manifest_path
from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.parse import ParsedFile, parse
from gitops_mesh.manifests.places import with_places
from gitops_mesh.mesh.rollout_policies import parse_policy
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.model.objects import PREFIX, Manifest, ObjectKey
from gitops_mesh.model.policy import PolicyManifest
from gitops_mesh.model.revisions import FileKind, SourceFile
from gitops_mesh.model.settings import Scope
from gitops_mesh.ports import Source
from gitops_mesh.validation.kinds import is_managed

LOOK_BACK = 50
"""How many first-parent revisions are tried for a scope's last good one."""
GROUP = PREFIX.rstrip("/")

Check = Callable[[Sequence[Manifest]], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired set at one HEAD."""

    head: str
    manifests: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)
    """Scope → its last good revision; a scope without one is absent, and nothing of it is planned."""
    policies: tuple[PolicyManifest, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Of HEAD, in every scope."""


class Reader:
    """Reads manifests at revisions; a blob is parsed once, so a one-file commit parses one file."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._parsed: dict[tuple[str, str], ParsedFile] = {}
        self._at: dict[str, tuple[tuple[Manifest, ...], tuple[Finding, ...]]] = {}

    def at(self, revision: str) -> tuple[tuple[Manifest, ...], tuple[Finding, ...]]:
        """Every manifest of a revision, and what is wrong with its files. Raises SourceError."""
        if revision not in self._at:
            manifests: list[Manifest] = []
            findings: list[Finding] = []
            for file in self._source.files(revision):
                if is_manifest_path(file.path):
                    parsed = self._file(file)
                    manifests += parsed.manifests
                    findings += parsed.findings
            if len(self._at) > LOOK_BACK:
                self._at.clear()
            self._at[revision] = (tuple(manifests), tuple(findings))
        return self._at[revision]

    def policies(self, revision: str) -> tuple[PolicyManifest, ...]:
        """The RolloutPolicies of a revision whose files are whole."""
        return rollout_policies(self.at(revision)[0])

    def placed(self, findings: Sequence[Finding], revision: str) -> tuple[Finding, ...]:
        """Findings with line and column, for the files that have any."""
        blobs = {file.path: file.blob for file in self._source.files(revision)}
        return with_places(findings, lambda path: self._source.read(blobs[path]) if path in blobs else b"")

    def _file(self, file: SourceFile) -> ParsedFile:
        found = self._parsed.get((file.path, file.blob))
        if found is None:
            found = self._parse(file)
            self._parsed[file.path, file.blob] = found
        return found

    def _parse(self, file: SourceFile) -> ParsedFile:
        if file.kind is not FileKind.FILE:
            return _unread(file, "not-a-file", f"is a {file.kind}; manifests must be plain files")
        if file.size > self._limits.bytes:
            limit = f"{self._limits.bytes:,} bytes are the limit for a manifest file"
            return _unread(file, "yaml-limit", f"has {file.size:,} bytes; {limit}")
        return parse(self._source.read(file.blob), file.path, file.blob, limits=self._limits)


def rollout_policies(manifests: Sequence[Manifest]) -> tuple[PolicyManifest, ...]:
    """The RolloutPolicies among manifests that validated."""
    return tuple(parse_policy(m) for m in manifests if (m.key.group, m.key.kind) == (GROUP, "RolloutPolicy"))


def scope_of(path: str, scopes: Sequence[Scope]) -> str:
    """The scope that holds a file: the longest of the scopes' paths above it."""
    best, name = -1, ""
    for scope in scopes:
        for folder in scope.paths:
            inside = not folder or path == folder or path.startswith(folder.rstrip("/") + "/")
            if inside and len(folder) > best:
                best, name = len(folder), scope.name
    return name


def resolve(source: Source, reader: Reader, check: Check, scopes: Sequence[Scope], head: str) -> Desired:
    """The desired set at `head`: scopes with error findings stay at their newest good revision, whole."""
    revisions = {scope.name: head for scope in scopes}
    findings = _judged(reader, check, scopes, revisions)
    at_head = sorted(reader.placed(findings, head), key=lambda f: (f.path, f.line, f.column))
    history = source.first_parents(head, LOOK_BACK)
    good: dict[str, str] = {}
    for scope in scopes:
        for revision in history:
            tried = {**revisions, scope.name: revision}
            try:
                found = findings if revision == head else _judged(reader, check, scopes, tried)
            except SourceError:
                break  # the folder was not there yet: nothing older is a state to stay at
            if not any(f.is_error and _of(f, scopes) in (scope.name, None) for f in found):
                good[scope.name] = revisions[scope.name] = revision
                break
    chosen = _chosen(reader, scopes, good)
    manifests = {m.key: m for m in chosen if is_managed(m.key)}
    return Desired(head, manifests, good, rollout_policies(chosen), tuple(at_head))


def _of(finding: Finding, scopes: Sequence[Scope]) -> str | None:
    return scope_of(finding.path, scopes) if finding.path else None


def _judged(reader: Reader, check: Check, scopes: Sequence[Scope], revisions: Mapping[str, str]) -> list[Finding]:
    findings = list(check(_chosen(reader, scopes, revisions)))
    for scope, revision in revisions.items():
        findings += [f for f in reader.at(revision)[1] if scope_of(f.path, scopes) == scope]
    return findings


def _chosen(reader: Reader, scopes: Sequence[Scope], revisions: Mapping[str, str]) -> list[Manifest]:
    return [
        manifest
        for scope, revision in revisions.items()
        for manifest in reader.at(revision)[0]
        if scope_of(manifest.path, scopes) == scope
    ]


def _unread(file: SourceFile, rule: str, why: str) -> ParsedFile:
    remedy = "replace it by a plain file, or move it out of the configured path"
    return ParsedFile((), (Finding(rule, Severity.ERROR, f"{file.path} {why}", path=file.path, remedy=remedy),))
