from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.mesh.pairing import Pairing, pair, touched
from gitops_mesh.mesh.routes import routes
from tests.fakes.meshes import route, virtual_service, virtual_services


def match(prefix: str) -> Any:
    return [{"uri": {"prefix": prefix}}]


def named(pairing: Pairing) -> list[tuple[str, str]]:
    return [(found.old.id, found.new.id) for found in pairing.pairs]


def touched_ids(old: Any, new: Any) -> set[str]:
    return set(touched(routes(old), routes(new), pair(old, new)))


def test_a_name_outweighs_matches_and_destinations() -> None:
    old = virtual_service(route({"v1": 1}, "a", match("/a")), route({"v2": 1}, "b", match("/b")))
    new = virtual_service(route({"v2": 1}, "a", match("/b")), route({"v1": 1}, "b", match("/a")))
    found = pair(old, new)
    assert named(found) == [("http/a", "http/a"), ("http/b", "http/b")]
    assert found.rematched == found.pairs
    assert not (found.renamed)
    assert not (found.reordered)
    assert not (found.added)
    assert not (found.removed)
    assert not (found.ambiguous)


def test_matches_find_a_renamed_route() -> None:
    old = virtual_service(route({"v1": 1}, "a", match("/a")), route({"v1": 1}))
    new = virtual_service(route({"v2": 1}, "b", match("/a")), route({"v1": 1}))
    found = pair(old, new)
    assert named(found)[0] == ("http/a", "http/b")
    assert [p.new.name for p in found.renamed] == ["b"]


def test_destinations_find_a_nameless_route_with_other_matches() -> None:
    old = virtual_service(route({"v2": 1}, match=match("/a")), route({"v1": 1}))
    new = virtual_service(route({"v2": 1}, match=match("/aa")), route({"v1": 1}))
    found = pair(old, new)
    assert len(found.pairs) == 2
    assert [p.old.split for p in found.rematched] == [routes(old)[0].split]


def test_routes_without_destinations_are_not_paired_by_having_none() -> None:
    old = virtual_service({"match": match("/a"), "redirect": {"uri": "/1"}})
    new = virtual_service({"match": match("/b"), "redirect": {"uri": "/2"}})
    found = pair(old, new)
    assert (len(found.added), len(found.removed), found.pairs, found.ambiguous) == (1, 1, (), ())


def test_what_is_left_over_is_added_or_removed() -> None:
    old = virtual_service(route({"v1": 1}, "a"), route({"v2": 1}, "gone", match("/g")))
    new = virtual_service(route({"v3": 1}, "fresh", match("/f")), route({"v1": 1}, "a"))
    found = pair(old, new)
    assert [r.id for r in found.added] == ["http/fresh"]
    assert [r.id for r in found.removed] == ["http/gone"]
    assert not found.ambiguous


def test_one_moved_route_is_the_one_that_is_reordered() -> None:
    a, b, c, d = (route({"v1": 1}, name, match(f"/{name}")) for name in "abcd")
    found = pair(virtual_service(a, b, c, d), virtual_service(b, c, d, a))
    assert [p.new.name for p in found.reordered] == ["a"]
    assert not pair(virtual_service(a, b), virtual_service(a, c, b, d)).reordered


def test_leftovers_that_could_be_several_are_ambiguous() -> None:
    old = virtual_service(route({"v1": 1}, match=match("/a")), route({"v1": 1}, match=match("/a"), timeout="1s"))
    new = virtual_service(route({"v1": 1}, match=match("/a"), timeout="2s"), route({"v2": 1}, match=match("/a")))
    found = pair(old, new)
    assert found.pairs == ()
    assert len(found.ambiguous) == 4


def test_identical_routes_are_paired_however_alike_others_are() -> None:
    a, b = route({"v1": 1}, match=match("/a")), route({"v1": 1}, match=match("/a"), timeout="1s")
    found = pair(virtual_service(a, b, a), virtual_service(a, b, a))
    assert len(found.pairs) == 3
    assert not found.reordered


def test_lists_are_paired_apart() -> None:
    http, tcp = route({"v1": 1}), {"route": [{"destination": {"host": "reviews", "subset": "v1"}}]}
    found = pair(virtual_service(http), virtual_service(tcp=[tcp]))
    assert (found.pairs, found.ambiguous) == ((), ())
    assert [r.id for r in (*found.removed, *found.added)] == ["http/~default", "tcp/~default"]


def test_only_routes_behind_a_change_of_matches_are_touched() -> None:
    a, b, c = (route({"v1": 1}, name, match(f"/{name}")) for name in "abc")
    new = route({"v2": 1}, "new", match("/n"))
    assert touched_ids(virtual_service(a, b), virtual_service(a, b, new)) == set()
    assert touched_ids(virtual_service(a, b), virtual_service(a, new, b)) == {"http/b"}
    assert touched_ids(virtual_service(a, b, c), virtual_service(a, c)) == {"http/b", "http/c"}
    assert touched_ids(virtual_service(a, b, c), virtual_service(b, a, c)) == {"http/a", "http/b"}
    wider = route({"v1": 1}, "a", match("/"))
    assert touched_ids(virtual_service(a, b), virtual_service(wider, b)) == {"http/a", "http/b"}
    assert touched_ids(virtual_service(a, b), virtual_service(a, route({"v2": 1}, "b", match("/b")))) == set()


@settings(max_examples=50)
@given(virtual_services, virtual_services)
def test_every_route_is_in_exactly_one_place(old: Any, new: Any) -> None:
    found = pair(old, new)
    olds = [p.old.index for p in found.pairs] + [r.index for r in found.removed]
    news = [p.new.index for p in found.pairs] + [r.index for r in found.added]
    assert sorted(olds) == list(range(len(routes(old))))
    assert sorted(news) == list(range(len(routes(new))))
    assert set(found.ambiguous) <= {*found.removed, *found.added}


@settings(max_examples=50)
@given(virtual_services)
def test_a_body_pairs_with_itself(body: Any) -> None:
    found = pair(body, body)
    assert [p.old.index for p in found.pairs] == [p.new.index for p in found.pairs] == list(range(len(routes(body))))
    assert not (found.added)
    assert not (found.removed)
    assert not (found.reordered)
    assert not (found.renamed)
    assert not (found.rematched)


@settings(max_examples=50)
@given(st.permutations("abcdef"))
def test_the_rest_of_reordered_routes_keeps_its_order(names: list[str]) -> None:
    old = virtual_service(*(route({"v1": 1}, name) for name in "abcdef"))
    found = pair(old, virtual_service(*(route({"v1": 1}, name) for name in names)))
    moved = {p.new.name for p in found.reordered}
    kept = [name for name in names if name not in moved]
    assert kept == sorted(kept)
    assert bool(moved) == (names != sorted(names))
