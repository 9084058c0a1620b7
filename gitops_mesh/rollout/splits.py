"""Where a route is on its way from base to target."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from gitops_mesh.mesh.weights import TOTAL, quantised
from gitops_mesh.model.policy import RolloutPolicy, Step
from gitops_mesh.model.routes import Destination, Split


@lru_cache(maxsize=1 << 14)
def at(base: Split, target: Split, fraction: Fraction) -> Split:
    """The split at `fraction` of the way: base + f·(target - base), in whole hundredths.

    Verbatim at both ends. Between them a rising destination gets at least one hundredth, and less than
    it will have in the end, so that the first step is not rounded away and the last not taken early.
    """
    if fraction <= 0:
        return base
    if fraction >= 1:
        return target
    destinations = base.destinations | target.destinations
    exact = Split.of({d: base.share(d) + fraction * (target.share(d) - base.share(d)) for d in destinations})
    whole = quantised(exact)
    for destination in sorted(base.rising(target)):
        if whole.share(destination) <= base.share(destination) and base.share(destination) == 0:
            whole = _given(whole, destination, base.rising(target))
    return whole


def steps_of(base: Split, target: Split, policy: RolloutPolicy) -> tuple[Step, ...]:
    """The policy's steps that change this route's weights; of equal ones the later stands, with its bake."""
    kept: list[Step] = []
    for step in policy.steps:
        weights = at(base, target, step.fraction)
        if kept and at(base, target, kept[-1].fraction) == weights:
            kept.pop()
        if weights != base:
            kept.append(step)
    return tuple(kept)


def _given(split: Split, to: Destination, rising: Iterable[Destination]) -> Split:
    """One hundredth more for `to`, from the largest of those that do not rise."""
    one = Fraction(1, TOTAL)
    shares = dict(split.shares)
    givers = [d for d in shares if d not in rising]
    if not givers:
        return split
    largest = max(givers, key=lambda d: (shares[d], d))
    shares[largest] -= one
    shares[to] = shares.get(to, Fraction(0)) + one
    return Split.of(shares)
