"""Annotations by which an object in Git sets how gitops-mesh treats it."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.mesh.trees import mapping, metadata
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import PREFIX, SETTINGS
from gitops_mesh.validation.kinds import is_managed
from gitops_mesh.validation.nearest import choices, question
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject


def _setting(subject: Subject) -> Iterator[Remark]:
    """An annotation with our prefix is a setting with a few values; a slip would be a protection that is not there."""
    for manifest in subject.manifests:
        if not is_managed(manifest.key):
            continue
        for name, value in mapping(metadata(manifest.body).get("annotations")).items():
            short = str(name).removeprefix(PREFIX)
            at = ("metadata", "annotations", str(name))
            if short == name:
                continue
            if short not in SETTINGS:
                said = f"`{name}` is no setting{question(short, SETTINGS)}"
                yield Remark(manifest, said, at, choices(short, SETTINGS), on_key=True)
            elif SETTINGS[short] and value not in SETTINGS[short]:
                said = f"`{name}` is {value!r}; expected {' or '.join(SETTINGS[short])}"
                yield Remark(manifest, said, at, choices(str(value), SETTINGS[short]))


RULES = (Rule("unknown-setting", Severity.ERROR, _setting),)
