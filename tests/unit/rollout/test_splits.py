from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.model.routes import Destination, Split
from gitops_mesh.rollout.splits import at, steps_of
from tests.fakes.rollouts import POLICY, V1, V2, V3, record

SPLITS = st.dictionaries(st.sampled_from([V1, V2, V3]), st.integers(1, 100), min_size=1).map(Split.of)
FRACTIONS = st.fractions(0, 1, max_denominator=200)


@settings(max_examples=200)
@given(SPLITS, SPLITS, FRACTIONS)
def test_a_place_on_the_way(base: Split, target: Split, fraction: Fraction) -> None:
    """Shares sum to 1 in whole hundredths, near the exact place, verbatim at the ends."""
    split = at(base, target, fraction)
    assert sum(share for _, share in split.shares) == 1
    if fraction in (0, 1):
        assert split == (target if fraction else base)
        return
    for destination in base.destinations | target.destinations:
        exact = base.share(destination) + fraction * (target.share(destination) - base.share(destination))
        assert (split.share(destination) * 100).denominator == 1
        assert abs(split.share(destination) - exact) <= Fraction(2, 100)


@settings(max_examples=100)
@given(SPLITS, SPLITS, FRACTIONS)
def test_a_new_destination_is_never_rounded_away(base: Split, target: Split, fraction: Fraction) -> None:
    new = target.destinations - base.destinations
    if fraction > 0:
        split = at(base, target, fraction)
        room = any(split.share(d) > Fraction(3, 100) for d in base.destinations - target.destinations)
        assert not room or all(split.share(destination) > 0 for destination in new)


def test_small_canaries() -> None:
    assert at(record(v1=100).split, record(v2=100).split, Fraction(1, 1000)) == record(v1=99, v2=1).split


def test_nobody_can_give_what_all_rise_to() -> None:
    """Everything but the crowd of newcomers rises: nothing is taken from those that rise too."""
    many = [Destination("h", f"s{n}") for n in range(120)]
    base, target = Split.of({many[0]: 1}), Split.of(dict.fromkeys(many[1:], 1))
    split = at(base, target, Fraction(999, 1000))
    assert sum(share for _, share in split.shares) == 1


def test_steps_that_mean_the_same_weights_are_one_with_the_later_bake() -> None:
    assert [s.fraction for s in steps_of(record(v1=100).split, record(v2=100).split, POLICY)] == [
        Fraction(1, 10),
        Fraction(1, 2),
        Fraction(1),
    ]
    assert [s.fraction for s in steps_of(record(v1=90, v2=10).split, record(v1=89, v2=11).split, POLICY)] == [
        Fraction(1)
    ]
