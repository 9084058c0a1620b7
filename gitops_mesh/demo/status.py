"""As much of the daemon's status as the demo shows and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OBJECT = "reviews"


@dataclass(frozen=True, slots=True)
class Walk:
    """An open rollout."""

    id: str
    phase: str
    step: int
    steps: int
    base: str
    target: str
    weights: str
    verdict: str
    reason: str
    canary_requests: int
    canary_errors: float | None
    """A share; `None` without requests."""
    stable_errors: float | None


@dataclass(frozen=True, slots=True)
class Glance:
    """The status at one moment."""

    head: str
    subject: str
    diverges: bool
    reasons: tuple[str, ...]
    weights: str
    """The live split of `reviews` in words."""
    walks: tuple[Walk, ...]
    findings: tuple[str, ...]
    """`path:line:column: message`."""
    problems: tuple[str, ...]


def glance_of(status: Mapping[str, Any]) -> Glance:
    """The glance at `/api/status` (see `model.status.Status`)."""
    clusters = status["clusters"]
    problems = [status["source_problem"], *(c["problem"] for c in clusters), *(c["ledger_problem"] for c in clusters)]
    weights = [
        found["weights"]
        for c in clusters
        for found in c["objects"]
        if (found["key"]["kind"], found["key"]["name"]) == ("VirtualService", OBJECT)
    ]
    return Glance(
        head=status["head"],
        subject=status["head_subject"],
        diverges=any(c["diverges"] or c["problem"] for c in clusters),
        reasons=tuple(reason for c in clusters for reason in c["reasons"]),
        weights=weights[0] if weights else "",
        walks=tuple(_walk(rollout) for c in clusters for rollout in c["rollouts"]),
        findings=tuple(
            f"{f['path']}:{f['line']}:{f['column']}: {f['message']}" for c in clusters for f in c["findings"]
        ),
        problems=tuple(filter(None, problems)),
    )


def _walk(rollout: Mapping[str, Any]) -> Walk:
    return Walk(
        id=rollout["id"],
        phase=rollout["phase"],
        step=rollout["step"],
        steps=rollout["steps"],
        base=rollout["base"],
        target=rollout["target"],
        weights=rollout["weights"],
        verdict=rollout["verdict"],
        reason=rollout["verdict_reason"] or rollout["reason"],
        canary_requests=rollout["canary_requests"],
        canary_errors=rollout["canary_error_rate"],
        stable_errors=rollout["stable_error_rate"],
    )
