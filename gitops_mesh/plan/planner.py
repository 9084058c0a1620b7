"""The plan of one cluster: what each object needs, from its three states.

    desired   accepted   live     →  changes
    -------------------------------------------------------------------------------------------------
    D         -          -           Create
    D         -          L           first sight: L counts as accepted, then as the next line
    D         A          A           nothing if D = A; else Update, Cutover, Shift: the parts of A → D
    D         A          L ≠ A       the same, and Drift; splits of routes in flight are no drift
    D         A          -           the same, and Drift(missing): it comes back as A, then goes towards D
    -         A          any         Delete; with `waits` while others need it or the guard refuses, and
                                     then Drift as above; with prune disabled by annotation nothing
                                     but a finding that says so
    -         -          any         nothing: it was never ours

Bodies are compared in normal form, whatever API version of one group they are written in. D of a
DestinationRule is HEAD's with the accepted subsets that are still needed. What counts as Drift, and what is
done about it, is for `DriftRules` and for annotations of A: fields may be left to others, or the whole object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitops_mesh.mesh.index import rule_host, subset_labels
from gitops_mesh.mesh.routes import ISTIO
from gitops_mesh.mesh.trees import kind_of
from gitops_mesh.model.objects import Tree
from gitops_mesh.model.plan import (
    Change,
    Create,
    Cutover,
    Delete,
    InFlight,
    ObjectPlan,
    ObjectView,
    Plan,
    Update,
    Wave,
)
from gitops_mesh.plan import warnings
from gitops_mesh.plan.diff import compare
from gitops_mesh.plan.drift import drift
from gitops_mesh.plan.holders import senders
from gitops_mesh.plan.ignored import DEFAULT, DriftRules, kept
from gitops_mesh.plan.kinds import prune_wave, wave
from gitops_mesh.plan.picture import PRUNE, Picture, picture_of, protected, states
from gitops_mesh.plan.rules import only_loses_subsets, relabelled

_NAMED = 3
"""How many routes a sentence names."""


def plan(
    views: Sequence[ObjectView],
    in_flight: Sequence[InFlight] = (),
    *,
    allow_prune: bool = False,
    rules: DriftRules = DEFAULT,
) -> Plan:
    """The plan for all objects of one cluster, in the order it is to be written.

    `allow_prune` is the consent (`Allow-Prune: yes`) to delete more than the guard lets through.
    `rules` say which drift matters, and what is done about it.
    An object of a scope with no good revision has to come with its accepted body as the desired one.
    """
    picture = picture_of(views, in_flight, allow_prune=allow_prune)
    serving = warnings.serving(picture.accepted)
    findings = [warnings.kept(key, subset, holder) for key, subset, holder in picture.kept]
    findings += [warnings.protected(view, PRUNE) for view in picture.views if protected(view)]
    objects = []
    for view in picture.views:
        found = _object(view, picture, rules)
        if found is not None:
            objects.append(found)
            findings += warnings.of(found, view, picture.accepted.get(view.key), serving)
    ordered = sorted(objects, key=lambda found: (found.wave, found.key))
    return Plan(tuple(ordered), tuple(findings), picture.refused)


def _object(view: ObjectView, picture: Picture, rules: DriftRules) -> ObjectPlan | None:
    accepted, desired = picture.accepted.get(view.key), picture.desired.get(view.key)
    if desired is None:
        return _delete(view, picture, rules) if view.key in picture.going else None
    if accepted is None:
        return ObjectPlan(view.key, view.scope, wave(desired), (Create(view.key),), desired, desired)
    flying = picture.flying.get(view.key, frozenset())
    if not flying and picture.same and accepted == desired == view.live:
        return None  # nearly all of them, nearly always
    found = compare(accepted, desired, picture.before, picture.after, key=view.key, in_flight=flying)
    widened = (_widened(change, accepted, desired, picture) for change in found.changes)
    changes = (*_drift(view, flying, rules), *widened)
    if not changes:
        return None
    shrinks = bool(found.changes) and all(isinstance(change, Update) for change in found.changes)
    shrinks = shrinks and kind_of(desired) == (ISTIO, "DestinationRule") and only_loses_subsets(accepted, desired)
    when = Wave.SHRINK if shrinks else wave(desired)
    return ObjectPlan(view.key, view.scope, when, changes, found.admitted, desired)


def _delete(view: ObjectView, picture: Picture, rules: DriftRules) -> ObjectPlan:
    body = picture.accepted[view.key]
    why = picture.waiting.get(view.key, "")
    drifted = _drift(view, picture.flying.get(view.key, frozenset()), rules) if why else ()
    changes = (*drifted, Delete(view.key, why))
    return ObjectPlan(view.key, view.scope, prune_wave(body), changes, body if why else None, None)


def _drift(view: ObjectView, flying: frozenset[str], rules: DriftRules) -> tuple[Change, ...]:
    """What differs and matters, by the rules for this object: those of its accepted body, which came from Git."""
    accepted = view.accepted
    if accepted is None or accepted == view.live or (action := rules.action_on(accepted)) == "ignore":
        return ()
    expected = kept(accepted, view.live, rules.pointers_on(accepted))
    found = drift(view.key, expected, view.live, flying)
    return () if found is None else (replace(found, action=action),)


def _widened(change: Change, accepted: Tree, desired: Tree, picture: Picture) -> Change:
    """A DestinationRule's cutover with the routes of other objects whose traffic it touches."""
    if not isinstance(change, Cutover) or kind_of(desired) != (ISTIO, "DestinationRule"):
        return change
    touched = {(one.host, one.subset) for one in relabelled(accepted, desired, picture.after)}
    if rule_host(accepted) != rule_host(desired):
        touched = {(rule_host(accepted), name) for name in subset_labels(accepted)}
    if not touched:
        return change
    routes = senders(states(picture.views), picture.in_flight, touched)
    named = ", ".join(str(ref) for ref in routes[:_NAMED])
    more = f" and {len(routes) - _NAMED} more" if len(routes) > _NAMED else ""
    reason = f"traffic goes there now from {named}{more}" if routes else "no route sends traffic there now"
    return replace(change, reasons=(*change.reasons, reason), elsewhere=routes)
