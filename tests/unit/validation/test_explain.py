"""What the schemas of the kinds cannot bring about today, yet a later one may."""

from gitops_mesh.validation.explain import alternatives, bad_value, field, type_of
from gitops_mesh.validation.nearest import choices
from gitops_mesh.validation.schemas import SchemaError, pointer_of


def test_a_keyword_without_words_of_its_own_is_named() -> None:
    error = SchemaError("contains", ("spec", "a"), [1], {"contains": {"type": "string"}})
    assert bad_value(error) == ("`spec.a` does not meet `contains` of its schema", "")
    types = SchemaError("anyOf", (), 1.5, {"anyOf": [{"type": "string"}, {"type": "boolean"}]})
    assert alternatives(types) == ("the object does not meet `anyOf` of its schema", "")


def test_one_of_several_may_be_needed() -> None:
    error = SchemaError("anyOf", ("spec",), {"c": 1}, {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})
    assert alternatives(error) == ("`spec` needs one of `a`, `b`", "add one of them")


def test_sets_have_no_entry_twice() -> None:
    error = SchemaError("uniqueItems", ("spec", "hosts"), ["a", "a"], {"uniqueItems": True})
    assert "the same entry twice" in bad_value(error)[0]


def test_places_are_written_as_people_do() -> None:
    assert field(("spec", "http", 0, "route", 1, "weight")) == "`spec.http[0].route[1].weight`"
    assert field(("items", 3)) == "`items[3]`"
    assert field(()) == "the object"


def test_types_have_their_json_names() -> None:
    values = (None, True, 1, 1.5, "a", {}, [])
    assert [type_of(v) for v in values] == ["null", "boolean", "integer", "number", "string", "object", "array"]


def test_a_path_is_followed_as_far_as_it_leads() -> None:
    assert pointer_of({"a": {"b": "text"}}, ["a", "b", "c"]) == ("a", "b")
    assert pointer_of({"a": [{"x": 1}]}, ["a", 0, "x"]) == ("a", 0, "x")
    assert pointer_of({"a": 1}, ["z"]) == ()


def test_many_choices_are_cut() -> None:
    names = [f"n{n}" for n in range(20)]
    assert choices("n7", names).startswith("choose from: n7, ")
    assert choices("n7", names).endswith(", and 8 more")
    assert choices("x", []) == ""
