"""Builders for rollouts and what they are seen with."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gitops_mesh.model.measurements import Evidence, Outcome, Verdict
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.policy import Analysis, RolloutPolicy, Step
from gitops_mesh.model.rollouts import Cause, Member, Request, Rollout, Verb
from gitops_mesh.model.routes import Destination, RouteRef, Split, SplitRecord
from gitops_mesh.rollout.machine import expected
from gitops_mesh.rollout.observation import Observation

V1, V2, V3 = (Destination("reviews.shop.svc.cluster.local", name) for name in ("v1", "v2", "v3"))
POLICY = RolloutPolicy(
    steps=(Step(Fraction(1, 10), 10), Step(Fraction(1, 2), 10), Step(Fraction(1), 0)),
    analysis=Analysis(interval=1),
    watch=20,
    hold_deadline=100,
    pause_deadline=300,
)


def ref(name: str = "reviews", route: str = "http/main") -> RouteRef:
    return RouteRef(ObjectKey("networking.istio.io", "VirtualService", "shop", name), route)


def record(*labels: tuple[Destination, str], **weights: int) -> SplitRecord:
    """`record(v1=90, v2=10)`; each subset's label is its name unless said otherwise."""
    by_name = {"v1": V1, "v2": V2, "v3": V3}
    split = Split.of({by_name[name]: weight for name, weight in weights.items()})
    said = dict(labels)
    return SplitRecord(split, tuple((d, (("version", said.get(d, d.subset)),)) for d, _ in split.shares))


def rollout(*names: str, base: SplitRecord | None = None, target: SplitRecord | None = None, **more: Any) -> Rollout:
    base, target = base or record(v1=100), target or record(v2=100)
    members = tuple(Member(ref(name), base, target) for name in sorted(names or ("reviews",)))
    return Rollout(**{"id": "r1", "scope": "", "members": members, "policy": POLICY, "cause": Cause("abc"), **more})


def verdict(outcome: Outcome = Outcome.PASS) -> Verdict:
    return Verdict(outcome, f"it is {outcome}")


def seen(of: Rollout, now: float, outcome: Outcome = Outcome.PASS, **more: Any) -> Observation:
    """Everything as expected, unless said otherwise."""
    whole = {
        "now": now,
        "live": dict(expected(of)),
        "verdict": verdict(outcome),
        "evidence": Evidence(readings=1),
        "unready": {},
        **more,
    }
    return Observation(**whole)


def request(verb: Verb, identity: str = "q1") -> Request:
    return Request(identity, verb, "", "ada", 1.0)
