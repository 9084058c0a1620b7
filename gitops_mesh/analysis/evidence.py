"""Gathering evidence: canary and stable, side by side, since the step's weights were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitops_mesh.model.measurements import Counts, Evidence, Reading
from gitops_mesh.model.rollouts import Member
from gitops_mesh.model.routes import Destination


def accumulate(evidence: Evidence, reading: Reading, members: Sequence[Member]) -> Evidence:
    """The evidence with one more reading. A failed one adds nothing and is remembered as the problem, as is one
    that cannot tell a member's destinations apart. What routes share is counted once.
    """
    problem = reading.problem or next((why for ref, why in reading.unclear if ref in {m.ref for m in members}), "")
    if problem:
        return replace(evidence, problem=problem, at=reading.at)
    canary, stable = Counts(), Counts()
    rising = {(m.ref, d) for m in members for d in m.base.split.rising(m.target.split)}
    steady = {(m.ref, d) for m in members for d in m.base.split.destinations} - rising
    counted: set[Destination] = set()
    for measurement in reading.measurements:
        place = (measurement.ref, measurement.destination)
        if reading.shared and measurement.destination in counted:
            continue
        if place in rising or place in steady:
            counted.add(measurement.destination)
        if place in rising:
            canary = canary.plus(measurement.counts)
        elif place in steady:
            stable = stable.plus(measurement.counts)
    return replace(
        evidence,
        canary=evidence.canary.plus(canary),
        stable=evidence.stable.plus(stable),
        before=evidence.before.plus(stable),
        problem="",
        readings=evidence.readings + 1,
        at=reading.at,
    )


def fresh(evidence: Evidence) -> Evidence:
    """Evidence for a new step: only what the stable version did before is kept."""
    return Evidence(before=evidence.before)
