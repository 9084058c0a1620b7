"""What the schema of an object's kind says (the CRD's, as JSON Schema), one rule for each kind of mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import Manifest
from gitops_mesh.validation.explain import alternatives, bad_value, field, type_remedy, wrong_type
from gitops_mesh.validation.nearest import choices, question
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.schemas import SchemaError
from gitops_mesh.validation.subject import Subject

_ELSEWHERE = ("additionalProperties", "falseSchema", "type", "required", "oneOf", "anyOf", "not")
"""Keywords that have a rule of their own; all others are about a value."""


def _unknown_field(subject: Subject) -> Iterator[Remark]:
    """A field that the kind does not have. Kubernetes would drop it silently, and with it what was meant."""
    for manifest, error in _errors(subject, ("additionalProperties", "falseSchema")):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        if not error.unexpected:
            yield Remark(manifest, f"{field(error.at)} has no meaning here", error.at, "remove it", on_key=True)
        for name in error.unexpected:
            said = f"{field(error.at)} has no field `{name[:100]}`{question(name, known)}"
            yield Remark(manifest, said, (*error.at, name), choices(name, known), on_key=True)


def _wrong_type(subject: Subject) -> Iterator[Remark]:
    """A value of another type than the field has."""
    for manifest, error in _errors(subject, ("type",)):
        said = wrong_type(error.at, error.schema["type"], error.instance)
        yield Remark(manifest, said, error.at, type_remedy(error.schema, error.instance))


def _missing_field(subject: Subject) -> Iterator[Remark]:
    """A field that the kind cannot do without."""
    for manifest, error in _errors(subject, ("required",)):
        for name in error.schema["required"]:
            if name not in error.instance:
                yield Remark(manifest, f"{field(error.at)} lacks the field `{name}`", error.at, f"add `{name}`")


def _alternatives(subject: Subject) -> Iterator[Remark]:
    """Fields that exclude each other, or of which one is needed."""
    for manifest, error in _errors(subject, ("oneOf", "anyOf", "not")):
        said, remedy = alternatives(error)
        yield Remark(manifest, said, error.at, remedy)


def _bad_value(subject: Subject) -> Iterator[Remark]:
    """A value of the right type that the field does not take: a choice, a format, a range, a length."""
    for manifest, error in _errors(subject, (), but=_ELSEWHERE):
        said, remedy = bad_value(error)
        yield Remark(manifest, said, error.at, remedy)


def _errors(
    subject: Subject, keywords: Collection[str], *, but: Collection[str] = ()
) -> Iterator[tuple[Manifest, SchemaError]]:
    for index, errors in subject.schema_errors.items():
        seen = set()
        for error in errors:
            chosen = error.keyword not in but if but else error.keyword in keywords
            known = (error.keyword, error.at, error.unexpected)  # one `required` is an error for each field
            if chosen and known not in seen:
                seen.add(known)
                yield subject.manifests[index], error


RULES = (
    Rule("unknown-field", Severity.ERROR, _unknown_field),
    Rule("wrong-type", Severity.ERROR, _wrong_type),
    Rule("missing-field", Severity.ERROR, _missing_field),
    Rule("alternatives", Severity.ERROR, _alternatives),
    Rule("bad-value", Severity.ERROR, _bad_value),
)
