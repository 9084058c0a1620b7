"""ValidationPolicies: JSON Schemas that a team, or the library that ships, enforces on objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import jsonschema_rs

from gitops_mesh.manifests.normal import canonical
from gitops_mesh.mesh.trees import mapping, spec, strings
from gitops_mesh.model.objects import Manifest, ObjectKey
from gitops_mesh.validation.bounds import refusal
from gitops_mesh.validation.kinds import POLICY_GROUP, is_managed, is_served
from gitops_mesh.validation.schemas import errors

_KIND = "ValidationPolicy"
_LARGEST_PATTERN = 1 << 20
"""Bytes that one compiled pattern may take."""


class BadSchema(ValueError):
    """A policy's schema cannot be used; the message says why, as a clause."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, ready to be enforced. Without `kinds` it holds for every managed kind."""

    name: str
    message: str
    deny: bool
    """Whether what it finds is an error, or a warning."""
    kinds: tuple[str, ...]
    """`HTTPRoute`, or `gateway.networking.k8s.io/HTTPRoute`."""
    namespaces: tuple[str, ...]
    """Globs; none: every namespace."""
    validator: Any = field(compare=False, repr=False)

    def selects(self, key: ObjectKey) -> bool:
        """Whether the policy holds for this object."""
        named = {key.kind, f"{key.group}/{key.kind}"}
        chosen = is_managed(key) if not self.kinds else not named.isdisjoint(self.kinds)
        return chosen and (not self.namespaces or any(fnmatchcase(key.namespace, glob) for glob in self.namespaces))


def load_policies(manifests: Iterable[Manifest]) -> tuple[Policy, ...]:
    """The ValidationPolicies among the manifests, by name. What is wrong with the others, `validate` says."""
    found = []
    for manifest in manifests:
        if (manifest.key.group, manifest.key.kind) != (POLICY_GROUP, _KIND) or not is_served(manifest):
            continue
        if errors(POLICY_GROUP, _KIND, manifest.body):
            continue
        try:
            found.append(_policy(manifest))
        except BadSchema:
            continue
    return tuple(sorted(found, key=lambda policy: policy.name))


def compiled(schema: Mapping[str, Any]) -> Any:
    """The validator of a policy's schema. Raises BadSchema when it is no JSON Schema, or not a bounded one."""
    reason = refusal(schema)
    if reason:
        raise BadSchema(reason)
    return _compiled(canonical(schema).decode())


def _policy(manifest: Manifest) -> Policy:
    tree = spec(manifest.body)
    match = mapping(tree.get("match"))
    return Policy(
        name=manifest.key.name,
        message=str(tree["message"]),
        deny=tree.get("enforcement", "Deny") == "Deny",
        kinds=_names(match, "kinds"),
        namespaces=_names(match, "namespaces"),
        validator=compiled(tree["schema"]),
    )


def _names(match: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found: Sequence[str] = strings(match.get(name))
    return tuple(found)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    try:
        return jsonschema_rs.Draft202012Validator(
            text,
            validate_formats=True,
            offline=True,
            # Linear time whatever the pattern, so that no policy can hang the daemon.
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_LARGEST_PATTERN, dfa_size_limit=_LARGEST_PATTERN),
        )
    except ValueError as error:  # ValidationError of the library is one
        raise BadSchema(str(error).splitlines()[0][:200]) from error
