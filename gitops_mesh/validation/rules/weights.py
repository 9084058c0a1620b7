"""Weights that mean nothing, or not what they seem to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitops_mesh.mesh.routes import forms
from gitops_mesh.mesh.trees import mappings, spec
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import Manifest, Pointer
from gitops_mesh.validation.explain import field
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject


def _negative(subject: Subject) -> Iterator[Remark]:
    """A share of traffic cannot be below 0."""
    for manifest in subject.routed:
        for pointer, weights in _weights(manifest):
            for index, weight in enumerate(weights):
                if isinstance(weight, int | float) and weight < 0:
                    at = (*pointer, index, "weight")
                    yield Remark(manifest, f"{field(at)} must be 0 or more, not `{weight}`", at)


def _all_zero(subject: Subject) -> Iterator[Remark]:
    """Several destinations whose weights are all 0: Istio refuses them, Gateway API answers 500."""
    for manifest in subject.routed:
        for pointer, weights in _weights(manifest):
            if len(weights) > 1 and all(weight == 0 for weight in weights):
                said = f"the weights of {field(pointer)} are all 0, so no destination gets traffic"
                yield Remark(manifest, said, pointer, "give at least one destination a weight")


def _weights(manifest: Manifest) -> Iterator[tuple[Pointer, list[Any]]]:
    """Each list of destinations and its weights; an omitted one is 0, in Gateway API 1."""
    for form in forms(manifest.body):
        omitted = 1 if form.list == "rules" else 0
        for index, route in enumerate(mappings(spec(manifest.body).get(form.list))):
            entries = mappings(route.get(form.destinations))
            yield ("spec", form.list, index, form.destinations), [entry.get("weight", omitted) for entry in entries]


RULES = (
    Rule("negative-weight", Severity.ERROR, _negative),
    Rule("weights-all-zero", Severity.ERROR, _all_zero),
)
