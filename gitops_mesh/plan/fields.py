"""Which fields of two trees differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops_mesh.manifests.normal import normal
from gitops_mesh.mesh.trees import group_of, mapping, metadata, text
from gitops_mesh.model.objects import Pointer, Tree


def comparable(body: Tree) -> str:
    """What two bodies of one object are compared by: the normal form, API versions of one group being
    equal; of the metadata labels and annotations, since the rest is the server's, or other controllers'.
    """
    return text({**normal({**body, "metadata": {}}), "apiVersion": group_of(body), "metadata": labelling(body)})


def labelling(body: Tree) -> Tree:
    """The labels and annotations of a body, without our state and the server's."""
    whole = normal({"metadata": {name: mapping(metadata(body).get(name)) for name in ("labels", "annotations")}})
    return mapping(whole["metadata"])


def outermost(old: Any, new: Any, at: Pointer = ()) -> Iterator[Pointer]:
    """The outermost pointers (below `at`, in the new tree) that differ.

    Mappings are entered, and lists of one length; a list that grew or shrank differs as a whole.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in (*new, *(key for key in old if key not in new)):
            if key in old and key in new:
                yield from outermost(old[key], new[key], (*at, key))
            else:
                yield (*at, key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from outermost(one, other, (*at, index))
    elif text(old) != text(new):
        yield at


def beside_spec(old: Tree, new: Tree) -> Iterator[Pointer]:
    """The pointers that differ outside `spec`: labels, annotations, and what kinds without a spec hold."""
    for name in ("labels", "annotations"):
        before, after = labelling(old).get(name, {}), labelling(new).get(name, {})
        yield from outermost(before, after, ("metadata", name))
    yield from top_level(old, new)


def top_level(old: Tree, new: Tree) -> Iterator[Pointer]:
    """The pointers that differ in what kinds without a `spec` hold: `data`, `rules`."""
    skipped = ("apiVersion", "kind", "metadata", "spec", "status")
    yield from outermost(
        {k: v for k, v in old.items() if k not in skipped}, {k: v for k, v in new.items() if k not in skipped}
    )


def written(pointer: Pointer) -> str:
    """A pointer as a person writes it: `spec.http[0].timeout`."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer)
    return parts.removeprefix(".")
