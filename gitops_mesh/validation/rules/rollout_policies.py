"""RolloutPolicies: steps that lead somewhere, and exactly one policy for a route."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from gitops_mesh.mesh.rollout_policies import governing
from gitops_mesh.mesh.routes import routes
from gitops_mesh.mesh.trees import mapping, metadata
from gitops_mesh.model.findings import Severity
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.policy import PolicyManifest
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.validation.rule import Remark, Rule
from gitops_mesh.validation.subject import Subject


def _steps(subject: Subject) -> Iterator[Remark]:
    """Steps go from base to target: each above the one before it, the last one 1 (100%)."""
    for manifest, parsed in subject.rollout_policies:
        fractions = [step.fraction for step in parsed.policy.steps]
        for index, (before, after) in enumerate(zip([Fraction(0), *fractions], fractions, strict=False)):
            if after <= before:
                said = f"step {index + 1} ({_text(after)}) is not above the one before it ({_text(before)})"
                yield Remark(manifest, said, ("spec", "steps", index), "let the steps rise")
        if fractions[-1] != 1:
            said = f"the last step is {_text(fractions[-1])}, so the rollout would never be complete"
            yield Remark(manifest, said, ("spec", "steps", len(fractions) - 1), "end with a step at 1 (100%)")


def _selects_nothing(subject: Subject) -> Iterator[Remark]:
    """A policy that no route falls under guards nothing; mostly a misspelt name."""
    chosen = {policy.key for policies in _governed(subject).values() for policy in policies}
    for manifest, parsed in subject.rollout_policies:
        if parsed.key not in chosen:
            said = f"{parsed.key} selects no route in the repository"
            yield Remark(manifest, said, ("spec", "selector"), "compare the selector with the names of your routes")


def _overlap(subject: Subject) -> Iterator[Remark]:
    """Two policies select one route, and nobody can say which one holds."""
    shared: dict[tuple[ObjectKey, ObjectKey], list[RouteRef]] = defaultdict(list)
    for ref, policies in _governed(subject).items():
        for other in policies[1:]:
            shared[policies[0].key, other.key].append(ref)
    manifests = {parsed.key: manifest for manifest, parsed in subject.rollout_policies}
    for (first, second), refs in sorted(shared.items()):
        more = f" and {len(refs) - 1} more" if len(refs) > 1 else ""
        said = f"{second} and {first} both select {refs[0]}{more}"
        yield Remark(manifests[second], said, ("spec", "selector"), "narrow one of the two selectors")


def _governed(subject: Subject) -> Mapping[RouteRef, Sequence[PolicyManifest]]:
    """The policies of each route that has any."""
    policies = [parsed for _, parsed in subject.rollout_policies]
    found = {}
    for manifest in subject.routed if policies else ():
        labels = {str(k): str(v) for k, v in mapping(metadata(manifest.body).get("labels")).items()}
        for route in routes(manifest.body):
            ref = RouteRef(manifest.key, route.id)
            chosen = governing(policies, ref, labels, route.split.destinations)
            if chosen:
                found[ref] = chosen
    return found


def _text(fraction: Fraction) -> str:
    return f"{float(fraction):.6g}"


RULES = (
    Rule("rollout-steps", Severity.ERROR, _steps),
    Rule("policy-selects-nothing", Severity.WARNING, _selects_nothing),
    Rule("policies-overlap", Severity.ERROR, _overlap),
)
