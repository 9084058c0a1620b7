"""The rules by family; the order is that of the findings about one manifest."""

from __future__ import annotations

from gitops_mesh.validation.rule import Rule
from gitops_mesh.validation.rules import (
    identity,
    ignored_fields,
    policies,
    references,
    rollout_policies,
    route_identity,
    schema,
    settings,
    weights,
)

ALL: tuple[Rule, ...] = (
    *identity.RULES,
    *schema.RULES,
    *settings.RULES,
    *ignored_fields.RULES,
    *references.RULES,
    *weights.RULES,
    *route_identity.RULES,
    *rollout_policies.RULES,
    *policies.RULES,
)
