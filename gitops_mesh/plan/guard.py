"""The guard against deleting a mesh by mistake: an emptied folder, a wrong path, a bad merge."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_mesh.model.objects import ObjectKey

MOST = 10
"""More deletions than this in one plan want a word of consent."""
FEW = 3
"""Up to this many are never too large a share: in a small mesh each is."""
SHARE = 0.20
"""A larger share of the managed objects than this wants consent too."""
_NAMED = 3


def refusal(leaving: Sequence[ObjectKey], managed: int) -> str:
    """Why these deletions are held back, with the remedy; empty when they are not.

    `leaving` are the objects that exist and would be deleted, of `managed` ones.
    """
    count = len(leaving)
    if count <= MOST and (count <= FEW or count <= SHARE * managed):
        return ""
    named = ", ".join(str(key) for key in leaving[:_NAMED])
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    return (
        f"this would delete {count} of {managed} managed objects ({named}{more}), so nothing is deleted; "
        "if it is meant, merge a commit with the trailer `Allow-Prune: yes`"
    )
