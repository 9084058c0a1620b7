"""What an object is: its kind, its API version, and that there is one of it."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.validation.kinds import SECRET, is_context, is_served, served
from gitops_mesh.validation.nearest import choices, nearest, question
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject


def _duplicate(subject: Subject) -> Iterator[Remark]:
    """One object is written twice, in one file or in two. Nobody can say which one is meant: keep one."""
    first: dict[ObjectKey, Manifest] = {}
    for manifest in sorted(subject.manifests, key=lambda m: (m.path, m.document, str(m.inside))):
        other = first.setdefault(manifest.key, manifest)
        if other is not manifest:
            place = f"in {other.path}" if other.path != manifest.path else "in this file"
            said = f"{manifest.key} is written twice, first {place} (document {other.document + 1})"
            yield Remark(manifest, said, ("metadata", "name"), "keep one of the two")


def _unknown_kind(subject: Subject) -> Iterator[Remark]:
    """The group is one of the mesh's, the kind is none of that group: most likely a misspelling."""
    for manifest in subject.manifests:
        kinds = served().get(manifest.key.group)
        if kinds is None or manifest.key.kind in kinds:
            continue
        homes = [group for group, others in served().items() if manifest.key.kind in others]
        where = f"; it is one of {homes[0]}" if homes else question(manifest.key.kind, kinds)
        said = f"`{manifest.key.kind}` is no kind of {manifest.key.group}{where}"
        yield Remark(manifest, said, ("kind",), choices(manifest.key.kind, kinds))


def _wrong_api_version(subject: Subject) -> Iterator[Remark]:
    """The kind is known; the version is not served, or the group is nearly one of the mesh's."""
    for manifest in subject.manifests:
        group, kind = manifest.key.group, manifest.key.kind
        if kind in served().get(group, {}):
            if not is_served(manifest):
                versions = [f"{group}/{version}" for version in served()[group][kind].versions]
                said = f"`{manifest.api_version}` is not served for {kind}"
                yield Remark(manifest, said, ("apiVersion",), f"use {' or '.join(versions)}")
        elif _misspelt(group, kind):
            right = _misspelt(group, kind)
            version = served()[right][kind].versions[0]
            said = f"`{group}` is no API group of {kind}; did you mean `{right}`?"
            yield Remark(manifest, said, ("apiVersion",), f"use {right}/{version}")


def _not_managed(subject: Subject) -> Iterator[Remark]:
    """gitops-mesh applies mesh objects. Others are left alone, so that a second tool may own them."""
    for manifest in subject.manifests:
        group, kind = manifest.key.group, manifest.key.kind
        known = group in served() or is_context(manifest.key) or (group, kind) == SECRET
        if not known and not _misspelt(group, kind):
            said = f"{kind} of `{group or 'v1'}` is not managed by gitops-mesh, and is not applied"
            yield Remark(manifest, said, ("kind",), "apply it by other means, or move it out of the configured path")


def _secret(subject: Subject) -> Iterator[Remark]:
    """A Secret in Git can be read by everybody who can read the repository. It is not read, nor applied."""
    for manifest in subject.manifests:
        if (manifest.key.group, manifest.key.kind) == SECRET:
            said = f"{manifest.key} is in Git, where everybody with access reads it; gitops-mesh ignores it"
            yield Remark(manifest, said, ("kind",), "keep secrets outside, and rotate this one")


def _misspelt(group: str, kind: str) -> str:
    """The group that was meant, when `group` is nearly one that has this kind."""
    homes = [home for home, kinds in served().items() if kind in kinds]
    near = nearest(group, homes) if group and group not in served() else []
    return near[0] if near and abs(len(near[0]) - len(group)) <= 2 else ""


RULES = (
    Rule("duplicate-object", Severity.ERROR, _duplicate),
    Rule("unknown-kind", Severity.ERROR, _unknown_kind),
    Rule("wrong-api-version", Severity.ERROR, _wrong_api_version),
    Rule("not-managed", Severity.WARNING, _not_managed),
    Rule("secret-in-git", Severity.WARNING, _secret),
)
