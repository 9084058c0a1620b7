"""What others change on the mesh: put back, told, left alone, kept; and what stays when it leaves Git."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh.model.plan import Drift
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.settings import IgnoredFields
from gitops_mesh.reconciler.reconciler import Outcome
from tests.scenarios.world import POLICY, REVIEWS, RULE, World, rule, service

TIMEOUTS = IgnoredFields(("/spec/http/*/timeout",), ("VirtualService",))


def world_of(root: Path, drift: str = "correct", ignored: tuple[IgnoredFields, ...] = (), extra: str = "") -> World:
    """The mesh `shop` with reviews at v1, settled; `extra` is what its manifest has besides."""
    world = World(root, errors={"v3": 0.2}, drift=drift)
    world.settings = replace(world.settings, ignored=ignored)
    world.start()
    world.repository.merge(
        {"policy.yaml": POLICY, "rule.yaml": rule("v1", "v2", "v3"), "reviews.yaml": service({"v1": 100}, extra=extra)},
        "Begin",
    )
    world.run(3)
    return world


def annotations(**said: str) -> str:
    own = ", ".join(f"gitops-mesh.io/{name.replace('_', '-')}: {value}" for name, value in said.items())
    return f", annotations: {{{own}}}"


def meddle(world: World, **fields: Any) -> None:
    """Somebody changes fields of the live route by hand."""
    live = world.live()
    assert live is not None
    body = copy.deepcopy(dict(live.body))
    body["spec"]["http"][0].update(fields)
    world.store.replace(REVIEWS, body, keep_state=True)


def route(world: World) -> dict[str, Any]:
    live = world.live()
    assert live is not None
    found: dict[str, Any] = live.body["spec"]["http"][0]
    return found


def accepted(world: World) -> dict[str, Any]:
    """The route as it is accepted."""
    text = world.ledger.objects()[REVIEWS].accepted
    found: dict[str, Any] = yaml.safe_load(text or "")["spec"]["http"][0]
    return found


def drifted(outcome: Outcome) -> list[str]:
    return [change.action for op in outcome.plan.objects for change in op.changes if isinstance(change, Drift)]


@pytest.mark.parametrize("by", ["configuration", "annotation"])
@pytest.mark.parametrize(
    ("action", "timeout", "told"), [("correct", "3s", []), ("report", "9s", ["report"]), ("ignore", "9s", [])]
)
def test_drift_is_corrected_reported_or_ignored(tmp_path: Path, action: str, timeout: str, told: Any, by: str) -> None:
    other = {"correct": "ignore", "report": "correct", "ignore": "correct"}[action]
    here = by == "configuration"
    world = world_of(tmp_path, action if here else other, extra="" if here else annotations(drift=action))
    meddle(world, timeout="9s")
    outcome = world.run(3)
    assert route(world)["timeout"] == timeout
    assert world.saw(Event.DRIFT_CORRECTED) == (action == "correct")
    assert drifted(outcome) == told


def test_an_annotation_counts_from_the_merge_that_brings_it(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.repository.merge({"reviews.yaml": service({"v1": 100}, extra=annotations(drift="ignore"))}, "Hands off")
    world.run(3)
    meddle(world, timeout="9s")
    world.run(3)
    assert route(world)["timeout"] == "9s"
    world.repository.merge({"reviews.yaml": service({"v1": 100})}, "Hands on")
    world.run(3)
    assert route(world)["timeout"] == "3s"


def test_an_annotation_that_somebody_puts_on_the_live_object_counts_for_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    live = world.live()
    assert live is not None
    body = copy.deepcopy(dict(live.body))
    body["metadata"]["annotations"] = {"gitops-mesh.io/drift": "ignore"}
    body["spec"]["http"][0]["timeout"] = "9s"
    world.store.replace(REVIEWS, body, keep_state=True)
    world.run(3)
    assert route(world)["timeout"] == "3s"


@pytest.mark.parametrize("by", ["configuration", "annotation"])
def test_an_ignored_field_is_no_drift_and_every_other_one_is(tmp_path: Path, by: str) -> None:
    here = by == "configuration"
    extra = "" if here else annotations(ignore_fields="/spec/http/0/timeout")
    world = world_of(tmp_path, ignored=(TIMEOUTS,) if here else (), extra=extra)
    meddle(world, timeout="9s")
    outcome = world.run(3)
    assert not world.saw(Event.DRIFT_CORRECTED)
    assert drifted(outcome) == []
    assert outcome.settled
    meddle(world, retries={"attempts": 7})
    world.run(3)
    assert "retries" not in route(world)
    assert route(world)["timeout"] == "9s"
    assert accepted(world)["timeout"] == "3s"
    assert world.events().count(Event.DRIFT_CORRECTED) == 1


def test_an_ignored_field_is_kept_when_git_changes_another_or_the_same_one(tmp_path: Path) -> None:
    world = world_of(tmp_path, ignored=(TIMEOUTS,))
    meddle(world, timeout="9s")
    text = service({"v1": 100}, timeout="4s").replace(
        "    - name: main\n", "    - name: main\n      retries: {attempts: 2}\n"
    )
    world.repository.merge({"reviews.yaml": text}, "Retry")
    world.run(5)
    assert route(world)["retries"] == {"attempts": 2}
    assert route(world)["timeout"] == "9s"
    assert accepted(world)["timeout"] == "4s"
    assert world.events().count(Event.UPDATED) == 1


def test_an_ignored_field_stays_with_its_route_when_another_one_comes_before_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, ignored=(TIMEOUTS,))
    meddle(world, timeout="9s")
    first = "    - name: first\n      match: [{uri: {prefix: /x}}]\n      timeout: 1s\n"
    first += "      route: [{destination: {host: reviews, subset: v1}}]\n"
    world.repository.merge(
        {"reviews.yaml": service({"v1": 100}).replace("    - name: main\n", first + "    - name: main\n")}, "First"
    )
    world.run(5)
    live = world.live()
    assert live is not None
    assert [(one["name"], one["timeout"]) for one in live.body["spec"]["http"]] == [("first", "1s"), ("main", "9s")]


@pytest.mark.parametrize(("version", "end"), [("v2", Event.SUCCEEDED), ("v3", Event.ROLLED_BACK)])
def test_a_release_walks_past_an_ignored_field(tmp_path: Path, version: str, end: Event) -> None:
    world = world_of(tmp_path, ignored=(TIMEOUTS,))
    meddle(world, timeout="9s")
    world.repository.merge({"reviews.yaml": service({version: 100}, timeout="5s")}, "Release")
    world.until(lambda: world.saw(end))
    world.run(3)
    assert world.weights() == ({"v2": 100} if version == "v2" else {"v1": 100})
    assert route(world)["timeout"] == "9s"
    assert accepted(world)["timeout"] == "5s"
    assert not world.saw(Event.DRIFT_CORRECTED)


def test_a_split_that_somebody_changes_is_put_back_whatever_is_ignored(tmp_path: Path) -> None:
    world = world_of(tmp_path, ignored=(TIMEOUTS,))
    meddle(world, timeout="9s")
    world.edit(REVIEWS, {"v3": 100})
    world.run(3)
    assert world.weights() == {"v1": 100}
    assert route(world)["timeout"] == "9s"


def test_a_field_that_is_no_longer_ignored_is_put_back(tmp_path: Path) -> None:
    world = world_of(tmp_path, extra=annotations(ignore_fields="/spec/http/0/timeout"))
    meddle(world, timeout="9s")
    world.run(3)
    assert route(world)["timeout"] == "9s"
    world.repository.merge({"reviews.yaml": service({"v1": 100})}, "Ours again")
    world.run(3)
    assert route(world)["timeout"] == "3s"


def test_a_bad_annotation_keeps_the_merge_out_and_names_what_there_is(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    extra = annotations(ignore_fields="/spec/http/0/route", drift="keep")
    world.repository.merge({"reviews.yaml": service({"v1": 100}, timeout="7s", extra=extra)}, "Bad")
    outcome = world.run(3)
    assert route(world)["timeout"] == "3s"
    assert sorted(found.rule for found in outcome.desired.findings if found.is_error) == [
        "ignored-fields",
        "unknown-setting",
    ]
    assert all(found.line == 3 for found in outcome.desired.findings if found.is_error)


def test_an_object_with_prune_disabled_stays_when_it_leaves_git(tmp_path: Path) -> None:
    world = world_of(tmp_path, extra=annotations(prune="disabled"))
    world.repository.merge({"reviews.yaml": None, "rule.yaml": None}, "Leave")
    outcome = world.run(5)
    assert world.weights() == {"v1": 100}
    assert [found.rule for found in outcome.plan.findings] == ["prune-disabled"]
    assert world.live(RULE) is not None, "what stays needs its subsets"
    assert not world.saw(Event.DELETED)
