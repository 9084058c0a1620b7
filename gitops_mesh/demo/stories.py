"""The four stories, and what must hold in each: at the backends, in the ledger, in the status.

Weights that we wrote prove nothing; requests that a backend counted do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt

from gitops_mesh.demo.acts import NotAsTold, Play
from gitops_mesh.demo.layout import ROUTE
from gitops_mesh.demo.team import weighed
from gitops_mesh.demo.watching import Moment

ENOUGH = 200
"""Requests that show where the traffic goes."""
FEW_POLLS = 4
AT_ONCE = 10.0
"""Seconds within which a retreat is done."""


@dataclass(slots=True)
class Facts:
    """What was seen of a story; filled while it plays."""

    spans: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """Requests that each version's backend counted, by part of the story."""
    numbers: dict[str, float] = field(default_factory=dict)
    merges: dict[str, str] = field(default_factory=dict)
    """Commits that the team pushed, by what they are."""


def promoted(play: Play, facts: Facts) -> None:
    """A merge moves reviews from v1 to v2: walked, judged, promoted."""
    facts.spans["before"] = play.only("v1", ENOUGH)
    edited = weighed(play.team.read(ROUTE), {"v1": 0, "v2": 100})
    began = play.watch.look()
    merge = play.team.merge("reviews-v2", "Move reviews to v2", {ROUTE: edited}, author="Lin")
    facts.merges["v2"] = play.merges["v2"] = merge
    play.say(f"merged {merge[:9]}: reviews v1 → v2")
    seen: list[Moment] = []
    play.until(
        "the first requests to reach v2", lambda m: m.counts["v2"].requests > began.counts["v2"].requests, deadline=60
    )
    facts.numbers["first shifted after"] = play.watch.look().at - began.at
    play.recorded("Succeeded", merge, deadline=play.walk_deadline, seen=seen)
    for fraction in play.pace.steps:
        _walked_through(seen, fraction)
    facts.spans["walk"] = play.since(began)
    events = [told.event for told in play.ledger() if told.source_commit == merge]
    _in_order(events, ("Started", "Stepped", "Promoted", "Succeeded"))
    play.demand(facts.spans["walk"]["v3"] == 0, "v3 got requests, and nobody asked for it")
    facts.spans["after"] = play.only("v2", ENOUGH)


def rolled_back(play: Play, facts: Facts) -> None:
    """A merge moves it to v3, which fails: caught, put back, not tried again; the revert moves nothing."""
    edited = weighed(play.team.read(ROUTE), {"v2": 0, "v3": 100})
    began = play.watch.look()
    merge = play.team.merge("reviews-v3", "Move reviews to v3", {ROUTE: edited}, author="Sam")
    facts.merges["v3"] = merge
    play.say(f"merged {merge[:9]}: reviews v2 → v3, which fails one request in six")
    play.recorded("RolledBack", merge, deadline=play.walk_deadline)
    facts.spans["walk"] = play.since(began)
    walk = facts.spans["walk"]
    facts.numbers["exposed"] = walk["v3"] / max(1, sum(walk.values()))
    play.demand(walk["v3"] > 0, "v3 got no request at all, so nothing was judged")
    play.demand(
        facts.numbers["exposed"] < 0.3, f"v3 got {facts.numbers['exposed']:.0%} of the requests before it was caught"
    )
    _in_order(
        [told.event for told in play.ledger() if told.source_commit == merge], ("Started", "Regressed", "RolledBack")
    )
    play.until(
        "the status to say that HEAD diverges from the mesh", lambda m: m.status is not None and m.status.diverges
    )
    play.say("v3 was caught and rolled back; the next polls must not try it again")
    facts.spans["polls"] = play.only("v2", ENOUGH, seconds=FEW_POLLS * play.pace.poll)
    facts.merges["revert"] = play.quietly_reverted(merge)
    facts.spans["reverted"] = play.only("v2", ENOUGH)


def refused(play: Play, facts: Facts) -> None:
    """A merge with a bad manifest is rejected whole, with file, line and column; routing is untouched."""
    began, known = play.watch.look(), play.tip()
    wrong = play.team.read(ROUTE).replace("            subset: v2\n", "            subset: v9\n", 1)
    wrong = wrong.replace("      timeout: 5s\n", "      timeout: 5s\n      retires:\n        attempts: 2\n", 1)
    good = play.team.read("mesh/ingress.yaml").replace("timeout: 10s", "timeout: 9s")
    merge = play.team.merge("typo", "Retry reviews twice", {ROUTE: wrong, "mesh/ingress.yaml": good}, author="Kim")
    facts.merges["bad"] = merge
    play.say(f"merged {merge[:9]}: a subset v9 that does not exist, and `retires` for `retries`")
    play.recorded("Rejected", merge, deadline=30)
    lines = wrong.splitlines()
    for text, what in (("subset: v9", "the missing subset"), ("retires:", "the misspelt field")):
        line = next(number for number, content in enumerate(lines, 1) if text in content)
        _told_at(play, f"{ROUTE}:{line}:", what)
    facts.spans["rejected"] = play.only("v2", ENOUGH, seconds=FEW_POLLS * play.pace.poll)
    others = [told for told in play.ledger(known) if told.event != "Rejected"]
    play.demand(not others, f"something of the rejected merge was applied: {[t.sentence for t in others]}")
    facts.merges["revert"] = play.quietly_reverted(merge, known=known)
    facts.spans["whole"] = play.since(began)


def retreated(play: Play, facts: Facts) -> None:
    """`git revert` of the first merge brings v1 back within seconds, without another canary."""
    began, known = play.watch.look(), play.tip()
    revert = play.team.revert(play.merges["v2"])
    facts.merges["revert"] = revert
    play.say(f"reverted {play.merges['v2'][:9]} with {revert[:9]}: reviews back to v1")
    play.recorded("Retreated", revert, deadline=AT_ONCE)
    settled = play.watch.look()
    facts.numbers["seconds"] = settled.at - began.at
    facts.spans["after"] = play.only("v1", ENOUGH)
    events = {told.event for told in play.ledger(known)}
    play.demand("Started" not in events, "the revert was walked like a new release")
    play.demand(play.since(began)["v3"] == 0, "v3 got requests again")


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    tell: Callable[[Play, Facts], None]


STORIES = (
    Story("a merge moves reviews from v1 to v2: walked, judged, promoted", promoted),
    Story("a merge moves it to v3, which fails: caught and rolled back", rolled_back),
    Story("a bad manifest is rejected whole, with file, line and column", refused),
    Story("`git revert` of the first merge: v1 is back at once", retreated),
)


def _walked_through(seen: list[Moment], fraction: float) -> None:
    """Some moment's recent requests were split as the step says, as far as chance allows."""
    closest = 1.0
    for moment in seen:
        total = sum(moment.recent.values())
        if total < ENOUGH / 2:
            continue
        chance = 4 * sqrt(fraction * (1 - fraction) / total)
        closest = min(closest, abs(moment.share("v2") - fraction))
        if closest <= chance:
            return
    raise NotAsTold(f"the backends never saw v2 at about {fraction:.0%} (nearest: {closest:.1%} away)")


def _in_order(events: list[str], wanted: tuple[str, ...]) -> None:
    left = iter(events)
    if not all(event in left for event in wanted):
        raise NotAsTold(f"the ledger tells {', '.join(events) or 'nothing'}; expected {', '.join(wanted)}")


def _told_at(play: Play, place: str, what: str) -> None:
    play.until(
        f"the status to name {what} at {place}COLUMN",
        lambda m: m.status is not None and any(place in finding for finding in m.status.findings),
    )
