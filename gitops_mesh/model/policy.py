"""RolloutPolicy: how a shift is walked and judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gitops_mesh.model.objects import ObjectKey


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the way from base (0) to target (1), and how long to stay there, in seconds."""

    fraction: Fraction
    bake: float


@dataclass(frozen=True, slots=True)
class MetricLimit:
    """An absolute limit on one metric of the canary, side by side with the stable version.

    - `error-rate`: `limit` and `margin` are shares (0.01 is 1%); the canary regresses when its rate is
      above `limit` **and** more than `margin` above the stable's.
    - `latency`: `limit` and `margin` are seconds, at `quantile`.

    `min_requests` canary requests are needed before either verdict.
    """

    name: str
    limit: float
    margin: float = 0.0
    quantile: float = 0.99
    min_requests: int = 100


@dataclass(frozen=True, slots=True)
class Analysis:
    """Which judge decides, how often it looks (seconds), and by what.

    `judge` is `limit`, or `none`: the one timed walk without judgement, `unjudged` in the ledger.
    """

    judge: str = "limit"
    interval: float = 5.0
    metrics: tuple[MetricLimit, ...] = (MetricLimit("error-rate", limit=0.01, margin=0.01),)


class OnRegression(StrEnum):
    ROLLBACK = "rollback"
    PAUSE = "pause"


class OnInconclusive(StrEnum):
    """What a hold does at its deadline; until then it holds in any case."""

    ROLLBACK = "rollback"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """A rollout's rules, snapshotted into it when it begins. Durations are seconds."""

    name: str = "default"
    """`namespace/name` of the RolloutPolicy in Git, or `default`."""
    steps: tuple[Step, ...] = (
        Step(Fraction(1, 20), 30),
        Step(Fraction(1, 10), 30),
        Step(Fraction(1, 4), 30),
        Step(Fraction(1, 2), 30),
        Step(Fraction(19, 20), 300),
        Step(Fraction(1), 0),
    )
    analysis: Analysis = Analysis()
    watch: float = 600.0
    """How long the new version is watched after 100%."""
    hold_deadline: float = 3600.0
    """How long a hold without evidence may last."""
    pause_deadline: float = 86400.0
    """How long a pause (an operator's, or a hand-lowered weight) may last before it is rolled back."""
    on_regression: OnRegression = OnRegression.ROLLBACK
    on_inconclusive: OnInconclusive = OnInconclusive.ROLLBACK
    allow_immediate: bool = False
    """Whether the trailer `Rollout: immediate` of the merge is honoured."""


@dataclass(frozen=True, slots=True)
class PolicySelector:
    """Which routes a policy governs; an empty tuple matches everything. Globs (`*`) in all but labels."""

    namespaces: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """Of the route's destinations: short (`reviews`) or fully qualified."""
    names: tuple[str, ...] = ()
    """Of the object."""
    labels: tuple[tuple[str, str], ...] = ()
    """Of the object, all of them."""


@dataclass(frozen=True, slots=True)
class PolicyManifest:
    """A RolloutPolicy as it stands in Git."""

    key: ObjectKey
    selector: PolicySelector
    policy: RolloutPolicy
    path: str
    document: int = 0
