"""RolloutPolicies in Git: from a manifest to the policy, and which one governs a route."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from gitops_mesh.manifests.durations import seconds
from gitops_mesh.mesh.trees import mapping, mappings, spec, strings
from gitops_mesh.model.objects import Manifest, Tree
from gitops_mesh.model.policy import (
    Analysis,
    MetricLimit,
    OnInconclusive,
    OnRegression,
    PolicyManifest,
    PolicySelector,
    RolloutPolicy,
    Step,
)
from gitops_mesh.model.routes import Destination, RouteRef

_DEFAULTS = RolloutPolicy()
_BAKE = 30.0
"""Seconds at a step that does not say how long; the last one needs none."""


def parse_policy(manifest: Manifest) -> PolicyManifest:
    """The policy that a manifest writes. Its body must have passed the schema; what it leaves out is the default."""
    tree = spec(manifest.body)
    deadlines = mapping(tree.get("deadlines"))
    steps = tree.get("steps")
    policy = RolloutPolicy(
        name=f"{manifest.key.namespace}/{manifest.key.name}",
        steps=tuple(_step(step) for step in mappings(steps)) if steps else _DEFAULTS.steps,
        analysis=_analysis(mapping(tree.get("analysis"))),
        watch=_seconds(tree.get("watch"), _DEFAULTS.watch),
        hold_deadline=_seconds(deadlines.get("hold"), _DEFAULTS.hold_deadline),
        pause_deadline=_seconds(deadlines.get("pause"), _DEFAULTS.pause_deadline),
        on_regression=OnRegression(tree.get("onRegression", _DEFAULTS.on_regression)),
        on_inconclusive=OnInconclusive(tree.get("onInconclusive", _DEFAULTS.on_inconclusive)),
        allow_immediate=bool(tree.get("allowImmediate", _DEFAULTS.allow_immediate)),
    )
    selector = _selector(mapping(tree.get("selector")))
    return PolicyManifest(manifest.key, selector, policy, manifest.path, manifest.document)


def fraction(step: Tree) -> Fraction:
    """A step's place on the way: `fraction` (0.05, or "5%") or `weight` (percent: 5, or "5%")."""
    if "fraction" in step:
        return _share(step["fraction"])
    weight = step.get("weight")
    return _share(weight) if isinstance(weight, str) else _share(weight) / 100


def governing(
    policies: Sequence[PolicyManifest],
    ref: RouteRef,
    object_labels: Mapping[str, str],
    split_destinations: Collection[Destination],
) -> tuple[PolicyManifest, ...]:
    """The policies that select a route, by name; more than one is an error that validation reports.

    A selector's parts must all match, each by one of its globs; `hosts` by any of the destinations.
    """
    found = [p for p in policies if _selects(p.selector, ref, object_labels, split_destinations)]
    return tuple(sorted(found, key=lambda policy: policy.key))


def _selects(
    selector: PolicySelector, ref: RouteRef, labels: Mapping[str, str], destinations: Collection[Destination]
) -> bool:
    return (
        _matches(selector.namespaces, (ref.key.namespace,))
        and _matches(selector.names, (ref.key.name,))
        and all(labels.get(name) == value for name, value in selector.labels)
        and _matches(selector.hosts, [name for to in destinations for name in _names(to.host)])
    )


def _matches(globs: Sequence[str], names: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs for name in names)


def _names(host: str) -> tuple[str, ...]:
    """A host as people write it: `reviews`, `reviews.shop`, or fully qualified."""
    short, service, _ = host.partition(".svc.")
    return (host, short, short.partition(".")[0]) if service else (host,)


def _selector(tree: Tree) -> PolicySelector:
    labels = tuple(sorted((str(k), str(v)) for k, v in mapping(tree.get("labels")).items()))
    globs = {name: tuple(strings(tree.get(name))) for name in ("namespaces", "hosts", "names")}
    return PolicySelector(labels=labels, **globs)


def _step(step: Tree) -> Step:
    place = fraction(step)
    return Step(place, _seconds(step.get("bake"), 0.0 if place == 1 else _BAKE))


def _analysis(tree: Tree) -> Analysis:
    default = _DEFAULTS.analysis
    metrics = tuple(_metric(metric) for metric in mappings(tree.get("metrics")))
    return Analysis(
        judge=str(tree.get("judge", default.judge)),
        interval=_seconds(tree.get("interval"), default.interval),
        metrics=metrics or default.metrics,
    )


def _metric(tree: Tree) -> MetricLimit:
    more: dict[str, Any] = {}
    if "margin" in tree:
        more["margin"] = _amount(tree["margin"])
    if "quantile" in tree:
        more["quantile"] = float(tree["quantile"])
    if "minRequests" in tree:
        more["min_requests"] = int(tree["minRequests"])
    return MetricLimit(str(tree["name"]), _amount(tree["limit"]), **more)


def _amount(value: Any) -> float:
    """A share (`0.01`, `"1%"`) or a duration (`"500ms"`, or seconds as a number)."""
    if isinstance(value, str) and not value.endswith("%"):
        return seconds(value)
    return float(_share(value))


def _share(value: Any) -> Fraction:
    """A number, or a percentage, as the decimal that was written: 0.1 is one tenth."""
    text = str(value)
    return Fraction(text.removesuffix("%")) / 100 if text.endswith("%") else Fraction(text)


def _seconds(value: Any, default: float) -> float:
    return default if value is None else seconds(str(value))
