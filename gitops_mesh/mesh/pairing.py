"""Which route of an old body is which of a new one.

Routes of one list are paired when they are the same to the letter, then by unique name, by unique set
of matches, by unique set of destinations; each stage looks at what the stages before left over. So a
renamed route is found by its matches, and an edited match by the route's name or destinations.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gitops_mesh.mesh.routes import Route, routes
from gitops_mesh.mesh.trees import text
from gitops_mesh.model.objects import Tree


@dataclass(frozen=True, slots=True)
class Pair:
    """One route before and after."""

    old: Route
    new: Route


@dataclass(frozen=True, slots=True)
class Pairing:
    """How the routes of two bodies correspond. Tuples are in the order of the new body (removed: of the old)."""

    pairs: tuple[Pair, ...]
    added: tuple[Route, ...]
    removed: tuple[Route, ...]
    reordered: tuple[Pair, ...]
    """Pairs that are outside the longest common order of their list."""
    ambiguous: tuple[Route, ...]
    """Those of `removed` and `added` that had several possible partners: nobody can say what became of them."""

    @property
    def renamed(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.old.name != pair.new.name)

    @property
    def rematched(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.old.match != pair.new.match)


_STAGES: tuple[Callable[[Route], Hashable], ...] = (
    lambda route: route.name or None,
    lambda route: ("match", route.match),
    lambda route: route.split.destinations or None,
)
"""What a route is known by, strongest first; `None`: it is not known by that."""


def pair(old: Tree, new: Tree) -> Pairing:
    """Pair the routes of two bodies of one kind, list by list."""
    olds, news = _by_list(old), _by_list(new)
    pairs: list[Pair] = []
    left_old: list[Route] = []
    left_new: list[Route] = []
    reordered: list[Pair] = []
    for form in dict.fromkeys((*olds, *news)):
        found, gone, fresh = _pair_list(olds.get(form, []), news.get(form, []))
        pairs += found
        left_old += gone
        left_new += fresh
        reordered += _reordered(found)
    return Pairing(tuple(pairs), tuple(left_new), tuple(left_old), tuple(reordered), _ambiguous(left_old, left_new))


def touched(old: Sequence[Route], new: Sequence[Route], pairing: Pairing) -> frozenset[str]:
    """Ids of the old routes of one list that may get other requests than before.

    The first match wins, so a route keeps its requests when its own matches stay and the matches
    before it are, as a whole, the same.
    """
    partner = {found.old.id: found.new.id for found in pairing.pairs}
    before: Counter[str] = Counter()
    out = set()
    for index, route in enumerate(old):
        now = new[index] if index < len(new) else None
        same = now is not None and partner.get(route.id) == now.id and route.match == now.match
        if not same or any(before.values()):
            out.add(route.id)
        before[route.match] += 1
        if now is not None:
            before[now.match] -= 1
        before = Counter({match: count for match, count in before.items() if count})
    return frozenset(out)


def _by_list(body: Tree) -> dict[str, list[Route]]:
    return {name: list(group) for name, group in groupby(routes(body), key=lambda route: route.form.list)}


def _pair_list(old: list[Route], new: list[Route]) -> tuple[list[Pair], list[Route], list[Route]]:
    found = list(_identical(old, new))
    for known_by in _STAGES:
        taken_old, taken_new = {p.old.index for p in found}, {p.new.index for p in found}
        left = _unique((r for r in old if r.index not in taken_old), known_by)
        right = _unique((r for r in new if r.index not in taken_new), known_by)
        found += [Pair(left[key], right[key]) for key in left if key in right]
    taken_old, taken_new = {p.old.index for p in found}, {p.new.index for p in found}
    gone = [r for r in old if r.index not in taken_old]
    fresh = [r for r in new if r.index not in taken_new]
    return sorted(found, key=lambda p: p.new.index), gone, fresh


def _identical(old: list[Route], new: list[Route]) -> Iterator[Pair]:
    """Routes that are equal to the letter, the first with the first."""
    waiting: dict[str, list[Route]] = defaultdict(list)
    for route in reversed(old):
        waiting[_letter(route)].append(route)
    for route in new:
        same = waiting.get(_letter(route))
        if same:
            yield Pair(same.pop(), route)


def _letter(route: Route) -> str:
    return text([route.name, route.match, list(route.entries), dict(route.rest)])


def _unique(found: Iterator[Route], known_by: Callable[[Route], Hashable]) -> dict[Hashable, Route]:
    groups: dict[Hashable, list[Route]] = defaultdict(list)
    for route in found:
        groups[known_by(route)].append(route)
    groups.pop(None, None)
    return {key: group[0] for key, group in groups.items() if len(group) == 1}


def _reordered(pairs: list[Pair]) -> list[Pair]:
    """The pairs (in new order) that are outside one longest run of rising old places."""
    tails: list[int] = []
    rank: list[int] = []
    for found in pairs:
        place = bisect_left(tails, found.old.index)
        tails[place : place + 1] = [found.old.index]
        rank.append(place)
    kept, wanted = set(), len(tails) - 1
    # Backwards, the first of each rank is lower than the one kept after it: it was the tail at that time.
    for index in range(len(pairs) - 1, -1, -1):
        if rank[index] == wanted:
            kept.add(index)
            wanted -= 1
    return [found for index, found in enumerate(pairs) if index not in kept]


def _ambiguous(gone: list[Route], fresh: list[Route]) -> tuple[Route, ...]:
    """Leftovers of one side that share a name, matches or destinations with one of the other."""

    def known(route: Route) -> set[Hashable]:
        keys = ((stage, known_by(route)) for stage, known_by in enumerate(_STAGES))
        return {(route.form.list, *key) for key in keys if key[1] is not None}

    left = {key for route in gone for key in known(route)}
    right = {key for route in fresh for key in known(route)}
    return tuple(r for r in gone if known(r) & right) + tuple(r for r in fresh if known(r) & left)
