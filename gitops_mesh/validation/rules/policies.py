"""ValidationPolicies that cannot be enforced as they are written."""

from __future__ import annotations

from collections.abc import Iterator

from gitops_mesh.mesh.trees import mapping, spec, strings
from gitops_mesh.model.findings import Severity
from gitops_mesh.validation.kinds import CONTEXT, POLICY_GROUP, served
from gitops_mesh.validation.nearest import choices, question
from gitops_mesh.validation.policies import BadSchema, compiled
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject


def _bad_schema(subject: Subject) -> Iterator[Remark]:
    """The policy's schema is no JSON Schema (draft 2020-12), or not one that is bounded and self-contained."""
    for manifest in subject.sound("ValidationPolicy"):
        try:
            compiled(spec(manifest.body)["schema"])
        except BadSchema as error:
            said = f"the schema of {manifest.key} cannot be used: {error}"
            yield Remark(manifest, said, ("spec", "schema"), "write it in JSON Schema draft 2020-12")


def _unknown_kind(subject: Subject) -> Iterator[Remark]:
    """The policy is for a kind that gitops-mesh does not read, so it would never hold."""
    known = {kind for group, kinds in served().items() if group != POLICY_GROUP for kind in kinds}
    known |= {kind for _, kind in CONTEXT}
    for manifest in subject.sound("ValidationPolicy"):
        for index, written in enumerate(strings(mapping(spec(manifest.body).get("match")).get("kinds"))):
            kind = written.rpartition("/")[2]
            if kind not in known:
                said = f"{manifest.key} is for `{written[:100]}`, a kind that is not read{question(kind, known)}"
                yield Remark(manifest, said, ("spec", "match", "kinds", index), choices(kind, known))


RULES = (
    Rule("bad-policy-schema", Severity.ERROR, _bad_schema),
    Rule("policy-kind", Severity.ERROR, _unknown_kind),
)
