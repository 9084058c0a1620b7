"""Which judge decides: by name, from an explicit table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gitops_mesh.analysis import limit
from gitops_mesh.model.measurements import Evidence, Outcome, Verdict
from gitops_mesh.model.policy import Analysis, RolloutPolicy


def judge(evidence: Evidence, policy: RolloutPolicy, now: float) -> Verdict:
    """The verdict of the policy's judge on this evidence. Raises KeyError for a judge that the schema does not list."""
    del now  # the limit judge counts requests, not seconds
    return JUDGES[policy.analysis.judge](evidence, policy.analysis)


def _none(evidence: Evidence, _: Analysis) -> Verdict:
    return Verdict(
        Outcome.INSUFFICIENT, f"nobody judges (analysis: none); {evidence.canary.requests:,} canary requests"
    )


JUDGES: Mapping[str, Callable[[Evidence, Analysis], Verdict]] = {"limit": limit.judge, "none": _none}
"""Every judge that a RolloutPolicy can name."""
