"""What is judged: the whole set of manifests, with what several rules want to know about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.mesh.index import MeshIndex
from gitops_mesh.mesh.rollout_policies import parse_policy
from gitops_mesh.mesh.routes import ROUTE_KINDS
from gitops_mesh.model.objects import Manifest, ObjectKey, Tree
from gitops_mesh.model.policy import PolicyManifest
from gitops_mesh.validation.kinds import POLICY_GROUP, is_managed, is_policy, is_served
from gitops_mesh.validation.policies import Policy
from gitops_mesh.validation.schemas import SchemaError, errors
from gitops_mesh.validation.targets import Target, targets


@dataclass(frozen=True)
class Subject:
    """Everything a rule may look at. `context` are bodies that are known, yet not part of the set."""

    manifests: Sequence[Manifest]
    context: Sequence[Tree] = ()
    policies: Sequence[Policy] = ()
    keys: frozenset[ObjectKey] = field(init=False)

    def __post_init__(self) -> None:
        found = [m.key for m in self.manifests] + [key_of(body) for body in self.context]
        object.__setattr__(self, "keys", frozenset(found))

    @cached_property
    def index(self) -> MeshIndex:
        """Hosts, subsets and gateways that the set and its context define."""
        return MeshIndex.of([*self.context, *(m.body for m in self.manifests)])

    @cached_property
    def routed(self) -> tuple[Manifest, ...]:
        """The manifests of kinds that have routes."""
        return tuple(m for m in self.manifests if (m.key.group, m.key.kind) in ROUTE_KINDS)

    @cached_property
    def targets(self) -> tuple[tuple[Manifest, Target], ...]:
        """Every destination that a route names, with its object."""
        return tuple((m, target) for m in self.routed for target in targets(m.body))

    @cached_property
    def schema_errors(self) -> Mapping[int, tuple[SchemaError, ...]]:
        """By index in `manifests`: those that do not pass the schema of their kind."""
        found = {}
        for index, manifest in enumerate(self.manifests):
            if (is_managed(manifest.key) or is_policy(manifest.key)) and is_served(manifest):
                wrong = errors(manifest.key.group, manifest.key.kind, manifest.body)
                if wrong:
                    found[index] = wrong
        return found

    @cached_property
    def rollout_policies(self) -> tuple[tuple[Manifest, PolicyManifest], ...]:
        """The RolloutPolicies that pass their schema."""
        return tuple((m, parse_policy(m)) for m in self.sound("RolloutPolicy"))

    def sound(self, kind: str) -> Iterable[Manifest]:
        """The manifests of a kind of ours that pass its schema."""
        for index, manifest in enumerate(self.manifests):
            ours = manifest.key.group == POLICY_GROUP and manifest.key.kind == kind and is_served(manifest)
            if ours and index not in self.schema_errors:
                yield manifest
