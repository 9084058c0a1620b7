from dataclasses import replace

from gitops_mesh.analysis.evidence import accumulate, fresh
from gitops_mesh.analysis.split_check import applied
from gitops_mesh.model.measurements import Counts, Evidence, Measurement, Reading
from gitops_mesh.rollout.machine import expected
from tests.fakes.rollouts import V1, V2, V3, ref, rollout

MEMBERS = rollout("mobile", "reviews", step=0).members


def reading(**counts: tuple[int, int]) -> Reading:
    to = {"v1": V1, "v2": V2, "v3": V3}
    return Reading(9.0, tuple(Measurement(ref(), to[name], Counts(*pair)) for name, pair in counts.items()))


def test_canary_and_stable_are_told_apart_and_summed() -> None:
    evidence = accumulate(Evidence(), reading(v1=(90, 1), v2=(10, 2), v3=(5, 5)), MEMBERS)
    evidence = accumulate(evidence, reading(v1=(90, 1), v2=(10, 0)), MEMBERS)
    assert evidence.canary == Counts(20, 2)
    assert evidence.stable == evidence.before == Counts(180, 2)
    assert (evidence.readings, evidence.at) == (2, 9.0)


def test_other_routes_count_for_nothing() -> None:
    other = Reading(9.0, (Measurement(ref("other"), V2, Counts(10, 10)),))
    assert accumulate(Evidence(), other, MEMBERS).canary == Counts()


def test_a_failed_reading_adds_nothing_and_is_remembered_until_the_next() -> None:
    before = accumulate(Evidence(), reading(v2=(10, 0)), MEMBERS)
    failed = accumulate(before, Reading(10.0, problem="timeout"), MEMBERS)
    assert (failed.canary, failed.readings, failed.problem) == (before.canary, 1, "timeout")
    assert accumulate(failed, reading(v2=(10, 0)), MEMBERS).problem == ""


def test_a_route_that_cannot_be_told_is_a_problem_of_its_own_rollout_only() -> None:
    unclear = replace(reading(v2=(10, 0)), unclear=((ref(), "no label tells v2"),))
    assert accumulate(Evidence(), unclear, MEMBERS).problem == "no label tells v2"
    elsewhere = replace(reading(v2=(10, 0)), unclear=((ref("elsewhere"), "no label tells v2"),))
    assert accumulate(Evidence(), elsewhere, MEMBERS).canary == Counts(10, 0)


def test_requests_that_routes_share_are_counted_once() -> None:
    names = ("mobile", "reviews")
    both = tuple(Measurement(ref(name), to, Counts(10, 1)) for name in names for to in (V1, V2))
    shared = accumulate(Evidence(), Reading(9.0, both, shared=True), MEMBERS)
    apart = accumulate(Evidence(), Reading(9.0, both), MEMBERS)
    assert (shared.canary, shared.stable) == (Counts(10, 1), Counts(10, 1))
    assert apart.canary == Counts(20, 2)


def test_a_new_step_begins_anew_but_remembers_the_stable_version() -> None:
    evidence = accumulate(Evidence(), reading(v1=(90, 1), v2=(10, 2)), MEMBERS)
    assert fresh(evidence) == Evidence(before=Counts(90, 1))


def test_histograms_are_summed_by_edge() -> None:
    inf = float("inf")
    assert Counts(2, 0, ((0.5, 1), (inf, 2))).plus(Counts(1, 0, ((0.1, 1), (inf, 1)))).buckets == (
        (0.1, 1),
        (0.5, 1),
        (inf, 3),
    )


def test_the_clock_starts_when_the_traffic_is_where_the_weights_say() -> None:
    wanted = expected(rollout("mobile", "reviews", step=0, phase="Verifying"))

    def said(canary: int, stable: int, problem: str = "") -> str:
        return applied(MEMBERS, wanted, Evidence(Counts(canary), Counts(stable), problem=problem))

    assert said(0, 0) == "no traffic"
    assert "only 19 requests" in said(2, 17)
    assert said(100, 900) == ""
    assert said(2, 18) == ""
    assert "30.0% of 1,000 requests reach the canary where 10.0% is the weight" in said(300, 700)
    assert said(0, 1000) != ""
    assert applied(MEMBERS, wanted, Evidence(Counts(300), Counts(700)), mixed=True) == ""
    assert "none of 1,000" in applied(MEMBERS, wanted, Evidence(Counts(0), Counts(1000)), mixed=True)
    assert said(100, 900, "timeout") == "the metrics provider failed: timeout"
