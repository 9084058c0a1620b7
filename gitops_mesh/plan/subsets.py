"""DestinationRules as the union of old and new subsets, for as long as anything needs the old ones.

A subset that left Git stays in the rule while an accepted or live route names it (weight 0 and mirrors
count), or a rollout may still go back to it. Then the rule shrinks, in a wave of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.mesh.index import MeshIndex, rule_host, subset_labels
from gitops_mesh.mesh.trees import mappings, sequence, spec, text
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.plan import InFlight
from gitops_mesh.plan.holders import holders


def needed(bodies: Iterable[Tree], in_flight: Iterable[InFlight] = ()) -> set[tuple[str, str]]:
    """The (host, subset) that these accepted and live bodies, and the rollouts' bases and targets, name."""
    return set(holders(((key_of(body), body) for body in bodies), in_flight).subsets)


def dropped(accepted: Tree, desired: Tree) -> list[str]:
    """The subsets of an accepted rule that the desired one for the same host does not have."""
    if rule_host(accepted) != rule_host(desired):
        return []
    new = subset_labels(desired)
    return [name for name in subset_labels(accepted) if name not in new]


def effective(accepted: Tree, desired: Tree, kept: Collection[tuple[str, str]], head: MeshIndex) -> Tree:
    """The rule that HEAD's becomes for now: with the accepted subsets that are still needed, as they were.

    `kept` are the needed (host, subset); one that another rule of HEAD defines with the same labels is
    provided for. A rule that moves to another host cannot keep any: that is a cutover.
    """
    host = rule_host(desired)
    labels, elsewhere = subset_labels(accepted), head.subsets.get(host, {})
    stay = [name for name in dropped(accepted, desired) if (host, name) in kept and elsewhere.get(name) != labels[name]]
    if not stay:
        return desired
    old: dict[str, Tree] = {}
    for subset in mappings(spec(accepted).get("subsets")):
        old.setdefault(str(subset.get("name") or ""), subset)
    subsets = [*sequence(spec(desired).get("subsets")), *(old[name] for name in stay)]
    if sorted(map(text, subsets)) == sorted(map(text, old.values())):
        subsets = list(old.values())  # only the order would differ: no write for that
    return {**desired, "spec": {**spec(desired), "subsets": subsets}}
