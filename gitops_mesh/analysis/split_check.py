"""Whether the traffic is where the weights say: the step's clock starts when it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from gitops_mesh.model.measurements import Evidence
from gitops_mesh.model.rollouts import Member
from gitops_mesh.model.routes import RouteRef, Split

MINIMUM = 20
"""Requests that are needed before the observed share means anything."""


def applied(
    members: Sequence[Member], wanted: Mapping[RouteRef, Split], evidence: Evidence, *, mixed: bool = False
) -> str:
    """Why the observed share of the canary is not at its weight yet; empty when it is.

    `mixed`: requests of other routes are counted too, so that no share can be expected, only that some arrive.

    Tolerance: four standard deviations of a binomial share, or two points, whichever is more. Members
    with different weights allow whatever lies between them, since only their sum is known.
    """
    if evidence.problem:
        return f"the metrics provider failed: {evidence.problem}"
    total = evidence.canary.requests + evidence.stable.requests
    if total == 0:
        return "no traffic"
    if total < MINIMUM:
        return f"only {total} requests since the weights were written; {MINIMUM} tell the share"
    shares = [float(sum(wanted[m.ref].share(d) for d in m.base.split.rising(m.target.split))) for m in members]
    observed = evidence.canary.requests / total
    if mixed:
        return "" if evidence.canary.requests else f"none of {total:,} requests reaches the canary"
    low, high = (share + sign * _tolerance(share, total) for share, sign in ((min(shares), -1), (max(shares), 1)))
    if low <= observed <= high:
        return ""
    return f"{observed:.1%} of {total:,} requests reach the canary where {max(shares):.1%} is the weight"


def _tolerance(share: float, total: int) -> float:
    return max(0.02, 4 * sqrt(share * (1 - share) / total))
