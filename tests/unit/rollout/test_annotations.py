"""The state on an object, as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gitops_mesh.errors import ManifestError
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.measurements import Counts, Evidence
from gitops_mesh.model.rollouts import Event, Phase, Verb
from gitops_mesh.model.state import Accepted, ObjectState, Rejected
from gitops_mesh.rollout.annotations import OUTBOX_LIMIT, REJECTED_LIMIT, TYPES, decode, encode
from tests.fakes.rollouts import V2, record, ref, request, rollout
from tools.generate_annotation_schemas import whole

COUNTS = Counts(10, 1, ((0.5, 9), (float("inf"), 10)))
TEXTS = st.text(max_size=20)
ENTRIES = st.builds(
    lambda event, text: Entry("op", 1, event, text, 1.5, (ref().key,), weights=text),
    st.sampled_from(list(Event)),
    TEXTS,
)
STATES = st.builds(
    ObjectState,
    accepted=st.one_of(
        st.none(), st.builds(Accepted, TEXTS, TEXTS, TEXTS, st.just({"http/main": (record(v1=1, v2=2),)}))
    ),
    origin=TEXTS,
    rollouts=st.sampled_from(
        [
            {},
            {"http/main": rollout("mobile", "reviews", phase=Phase.BAKING, step=0, evidence=Evidence(COUNTS, COUNTS))},
            {
                "http/main": rollout(
                    phase=Phase.PAUSED, held=((ref(), record(v1=3, v2=1).split),), paused_from=Phase.BAKING
                )
            },
        ]
    ),
    rejected=st.lists(
        st.builds(Rejected, TEXTS, st.just(record(v2=1).release), TEXTS, TEXTS, st.just(1.0)), max_size=3
    ).map(tuple),
    request=st.one_of(st.none(), st.sampled_from(list(Verb)).map(request)),
    epoch=st.integers(0, 2**31),
    outbox=st.lists(ENTRIES, max_size=3).map(tuple),
)


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    text = resources.files("gitops_mesh.rollout").joinpath("annotations.schema.json").read_bytes()
    return Draft202012Validator(json.loads(text))


@settings(max_examples=100, deadline=None)
@given(STATES)
def test_what_is_written_is_read(state: ObjectState) -> None:
    assert decode(encode(state)) == state


@settings(max_examples=50, deadline=None)
@given(state=STATES)
def test_the_schema_describes_it(schema: Draft202012Validator, state: ObjectState) -> None:
    schema.validate({name: json.loads(text) for name, text in encode(state).items()})


def test_the_committed_schema_is_that_of_the_types(schema: Draft202012Validator) -> None:
    assert schema.schema == json.loads(json.dumps(whole()))


def test_nothing_is_nothing() -> None:
    assert encode(ObjectState()) == {}
    assert decode({}) == decode({"prune": "disabled"}) == ObjectState()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(TYPES)), st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, st.lists))
def test_odd_json_is_an_error_that_names_the_annotation_or_nothing(name: str, value: Any) -> None:
    try:
        decoded = decode({name: json.dumps(value)})
    except ManifestError as error:
        said = error.message
    else:
        said = f"gitops-mesh.io/{name}" if decode(encode(decoded)) == decoded else ""
    assert f"gitops-mesh.io/{name}" in said


@pytest.mark.parametrize("text", ["{", "[]", '{"revision": 1}', '{"revision": "a", "hash": "b"}', "9" * 400, "null"])
def test_a_damaged_accepted_record_is_an_error(text: str) -> None:
    with pytest.raises(ManifestError, match="accepted"):
        decode({"accepted": text})


def test_a_fraction_over_nothing_is_an_error() -> None:
    text = encode(ObjectState(rollouts={"r": rollout()}))["rollouts"].replace('"1/10"', '"1/0"')
    with pytest.raises(ManifestError, match="rollouts"):
        decode({"rollouts": text})


def test_a_damaged_request_loses_nothing_else() -> None:
    whole_ = encode(ObjectState(origin="a.yaml"))
    assert decode({**whole_, "request": '{"verb": "fly"}'}) == ObjectState(origin="a.yaml")


def test_fields_of_a_later_version_are_passed_over() -> None:
    text = json.loads(encode(ObjectState(request=request(Verb.PAUSE)))["request"])
    assert decode({"request": json.dumps({**text, "later": 1})}).request == request(Verb.PAUSE)


def test_a_full_state_is_far_below_what_an_object_may_carry() -> None:
    """Kubernetes allows 256 KiB for all annotations of an object."""
    failed = Rejected("http/main", record(v1=1, v2=1, v3=1).release, "r1", "x" * 300, 1.0)
    entry = Entry("op", 1, Event.STEPPED, "x" * 200, 1.0, (ref().key,) * 3, evidence="x" * 1000, weights="x" * 300)
    walking = rollout("a", "b", "c", evidence=Evidence(COUNTS, COUNTS, COUNTS))
    state = ObjectState(
        accepted=Accepted("a" * 40, "b" * 64, "c" * 40, {"http/main": (record(v1=1, v2=1),) * 3}),
        rollouts={"http/main": walking},
        rejected=(failed,) * 20,
        outbox=(entry,) * OUTBOX_LIMIT,
    )
    encoded = encode(state)
    assert sum(map(len, encoded.values())) < 64 * 1024
    assert len(decode(encoded).rejected) == REJECTED_LIMIT
    assert V2 in dict(decode(encoded).rejected[0].release)
    assert replace(state, rejected=state.rejected[-REJECTED_LIMIT:]) == decode(encoded)
