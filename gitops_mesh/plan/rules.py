"""What changed in a DestinationRule: subsets come, go, or mean other endpoints from now on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitops_mesh.mesh.index import Labels, MeshIndex, rule_host, subset_labels
from gitops_mesh.mesh.trees import mappings, spec, text
from gitops_mesh.model.objects import Pointer, Tree
from gitops_mesh.plan.fields import outermost


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A subset that selects other endpoints than before."""

    host: str
    subset: str
    before: Labels
    after: Labels

    def __str__(self) -> str:
        return f"the subset {self.subset} selects {_say(self.after)} instead of {_say(self.before)}"


def relabelled(old: Tree, new: Tree, desired_index: MeshIndex) -> tuple[Relabelled, ...]:
    """The subsets of `old` that have other labels in `new`, or in another rule that takes them over.

    Of a rule that moves to another host none is: that is the host's change.
    """
    host = rule_host(new)
    if rule_host(old) != host:
        return ()
    here, anywhere = subset_labels(new), desired_index.subsets.get(host, {})
    out = []
    for name, before in subset_labels(old).items():
        after = here.get(name, anywhere.get(name))
        if after is not None and after != before:
            out.append(Relabelled(host, name, before, after))
    return tuple(out)


def subset_updates(old: Tree, new: Tree) -> Iterator[Pointer]:
    """The pointers below `spec.subsets` that differ and move no traffic: all but labels."""
    at: Pointer = ("spec", "subsets")
    before, after = _by_name(old), _by_name(new)
    whole = set(before) - set(after) or len(mappings(spec(new).get("subsets"))) != len(after)
    if whole or [name for name in before if name in after] != [name for name in after if name in before]:
        yield at
        return
    for name, (index, subset) in after.items():
        if name not in before:
            yield (*at, index)
            continue
        for pointer in outermost(before[name][1], subset, (*at, index)):
            if pointer[3] != "labels":
                yield pointer


def only_loses_subsets(old: Tree, new: Tree) -> bool:
    """Whether `new` is `old` without some of its subsets, and nothing else."""
    kept = set(_by_name(new))
    subsets = [subset for subset in mappings(spec(old).get("subsets")) if str(subset.get("name") or "") in kept]
    return text(_without(old, subsets)) == text(_without(new, mappings(spec(new).get("subsets"))))


def _without(body: Tree, subsets: list[Tree]) -> Tree:
    return {**body, "apiVersion": "", "spec": {**spec(body), "subsets": subsets}}


def _by_name(body: Tree) -> Mapping[str, tuple[int, Tree]]:
    found: dict[str, tuple[int, Tree]] = {}
    for index, subset in enumerate(mappings(spec(body).get("subsets"))):
        found.setdefault(str(subset.get("name") or ""), (index, subset))
    return found


def _say(labels: Labels) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels) or "every endpoint"
