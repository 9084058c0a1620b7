"""JSON pointers (RFC 6901) to fields that others may set, in which a segment `*` stands for any one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from gitops_mesh.mesh.routes import ROUTE_KINDS, forms
from gitops_mesh.model.objects import PREFIX

Pattern = tuple[str, ...]
"""A pointer's segments, unescaped; `*` is any one."""

ANY = "*"
PLACES = "a field below /spec, or one of /metadata/labels and /metadata/annotations"
"""Where such a pointer may lead."""


@lru_cache(maxsize=4096)
def parsed(pointer: str, kind: str = "") -> Pattern:
    """The segments of a pointer into objects of a kind (empty: of any kind).

    Raises ValueError, with a clause that says what was expected: for what is no pointer, leads to no
    field that others may set, or to what gitops-mesh writes itself.
    """
    if not pointer.startswith("/"):
        raise ValueError(f"a pointer begins with `/`; expected {PLACES}")
    if any(rest[:1] not in ("0", "1") for rest in pointer.split("~")[1:]):
        raise ValueError("after `~` comes 0 or 1: `~1` stands for `/` in a name, `~0` for `~`")
    pattern = tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    if not (
        (pattern[0] == "spec" and len(pattern) > 1)
        or (pattern[:2] in (("metadata", "labels"), ("metadata", "annotations")) and len(pattern) == 3)
    ):
        raise ValueError(f"expected {PLACES}")
    if "" in pattern:
        raise ValueError("a segment of it is empty; no field has an empty name")
    own = next((place for place in _own(kind) if _overlap(pattern, place)), None)
    if own is not None:
        raise ValueError(
            f"that is, or holds, /{'/'.join(own)}, by which gitops-mesh shifts traffic; choose another field"
        )
    if pattern[0] == "metadata" and pattern[2].startswith(PREFIX):
        raise ValueError("annotations of gitops-mesh itself are always as in Git; choose another one")
    return pattern


def _own(kind: str) -> Iterator[Pattern]:
    """What tells the routes of a kind apart and where they lead, and what their destinations mean."""
    for name, places in _OWN.items():
        if kind in ("", name):
            yield from places


def _overlap(pattern: Pattern, place: Pattern) -> bool:
    """Whether one leads to, above or below the other."""
    return all(ANY in (one, other) or one == other for one, other in zip(pattern, place, strict=False))


def _places(group: str, kind: str) -> tuple[Pattern, ...]:
    found = forms({"apiVersion": f"{group}/v1", "kind": kind})
    return tuple(("spec", f.list, ANY, name) for f in found for name in ("name", f.match, f.destinations))


_OWN: Mapping[str, tuple[Pattern, ...]] = {
    **{kind: _places(group, kind) for group, kind in ROUTE_KINDS},
    "DestinationRule": (("spec", "host"), ("spec", "subsets")),
}
