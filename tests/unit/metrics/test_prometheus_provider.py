"""Readings: what is told of which route, and what is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

import pytest

from gitops_mesh.errors import Unreachable
from gitops_mesh.mesh.index import Labels
from gitops_mesh.metrics.prometheus.provider import PrometheusMetrics
from gitops_mesh.model.measurements import Counts, Reading
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.model.settings import PrometheusSettings
from tests.fakes.clock import VirtualClock
from tests.fakes.promreader import HOST, REF, V1, V2, Reader, by_version, reader
from tests.fakes.query_api import Answer, Asked, QueryApi, vector

OTHER = RouteRef(ObjectKey("networking.istio.io", "VirtualService", "shop", "other"), "http/0")
Series = tuple[Mapping[str, str], Any]


class Prom:
    """Answers with `requests` and `buckets`, by what is asked."""

    def __init__(self) -> None:
        self.requests: list[Series] = []
        self.buckets: list[Series] = []
        self.api = QueryApi(self.answer)

    def answer(self, asked: Asked) -> Answer:
        return vector(*(self.buckets if "bucket" in asked.query else self.requests))


@pytest.fixture
def prom() -> Iterator[Prom]:
    made = Prom()
    yield made
    made.api.close()


def counter(version: str, value: Any, code: str = "200", **labels: str) -> Series:
    own = {"destination_service": HOST, "destination_version": version, "destination_workload": "w"}
    return {"instance": "a", "response_code": code, **own, **labels}, value


def totals(prom: Prom, *counters: Series) -> None:
    prom.requests = list(counters)


def test_increments_with_latency_in_seconds(prom: Prom) -> None:
    metrics = reader(prom.api.url)
    for v1, failed in ((10, 0), (30, 4)):
        totals(prom, counter("v1", v1), counter("v1", failed, "503"), counter("v2", v1))
        prom.buckets = [counter("v1", v1, le=le) for le in ("5", "+Inf", "NaN", "-1", "fast", "")]
        found = metrics.counts()
    assert found == {"v1": Counts(24, 4, ((0.005, 20), (inf, 20))), "v2": Counts(20)}


def test_a_reading_says_when_and_that_routes_share(prom: Prom) -> None:
    clock = VirtualClock()
    metrics = PrometheusMetrics(PrometheusSettings(prom.api.url), by_version, clock)
    assert metrics.read(()) == Reading(clock.now())
    assert metrics.asked == 0
    reading = metrics.read([(REF, V1)])
    assert (reading.at, reading.shared) == (clock.now(), True)


def test_two_routes_to_one_destination_get_the_same(prom: Prom) -> None:
    metrics = Reader(reader(prom.api.url).metrics, [(REF, V1), (OTHER, V1)])
    for value in (5, 9):
        totals(prom, counter("v1", value))
        reading = metrics.read()
    assert [(m.ref, m.counts.requests) for m in reading.measurements] == [(OTHER, 4), (REF, 4)]


def test_errors_are_never_more_than_requests(prom: Prom) -> None:
    queries = {"requests": "a", "errors": "bucket"}
    metrics = reader(prom.api.url, preset="custom", queries=queries)
    for value in (0, 5):
        totals(prom, counter("v1", value))
        prom.buckets = [counter("v1", 2 * value)]
        found = metrics.rises()
    assert found["v1"] == (5, 5)


@pytest.mark.parametrize(
    ("watched", "labels", "said"),
    [
        (
            [V1, Destination(HOST, "old")],
            "v1",
            "reviews:old and reviews:v1 cannot be told apart by their metrics: both",
        ),
        ([V1, Destination(HOST, "v1", 80)], "", f"both are version v1 of {HOST}; give each a subset"),
        ([V1, Destination(HOST)], "", f"a request may be of {HOST} as a whole and of version v1 of {HOST}"),
    ],
)
def test_destinations_that_look_the_same_are_unclear(
    prom: Prom, watched: list[Destination], labels: str, said: str
) -> None:
    def labels_of(to: Destination) -> Labels:
        return (("version", labels or to.subset),) if to.subset else ()

    metrics = PrometheusMetrics(PrometheusSettings(prom.api.url), labels_of, VirtualClock())
    reading = metrics.read([(REF, to) for to in watched])
    assert said in reading.problem
    assert [ref for ref, _ in reading.unclear] == [REF]
    assert metrics.asked == 0


def test_an_unclear_route_costs_the_others_nothing(prom: Prom) -> None:
    metrics = Reader(reader(prom.api.url).metrics, [(REF, V1), (OTHER, V1), (OTHER, Destination(HOST))])
    for value in (5, 9):
        totals(prom, counter("v1", value))
        reading = metrics.read()
    assert [(m.ref, m.counts.requests) for m in reading.measurements] == [(REF, 4)]
    assert [ref for ref, _ in reading.unclear] == [OTHER]
    assert reading.problem == ""


@pytest.mark.parametrize(
    ("lost", "told", "unclear"), [(4, 100, False), (5, 100, True), (5, 1000, False), (11, 1000, True)]
)
def test_failures_that_name_no_version(prom: Prom, lost: int, told: int, unclear: bool) -> None:
    """Few are passed over; of more, nobody may be judged as if they had not been."""
    metrics = reader(prom.api.url)
    for value in (0, 1):
        nobody = counter("unknown", lost * value, "503", destination_workload="unknown")
        totals(prom, counter("v1", told * value), nobody)
        reading = metrics.read()
    assert bool(reading.unclear) is unclear
    assert bool(reading.measurements) is not unclear
    assert ("the preset `envoy` tells" in reading.problem) is unclear, "no other route is watched"


def test_failures_that_name_no_version_are_those_of_a_host_without_a_subset(prom: Prom) -> None:
    metrics = Reader(reader(prom.api.url).metrics, [(REF, Destination(HOST))])
    for value in (0, 50):
        totals(prom, counter("unknown", value, "503", destination_workload="unknown"))
        found = metrics.rises()
    assert found == {"": (50, 50)}


def test_a_failure_loses_nothing(prom: Prom) -> None:
    metrics = reader(prom.api.url)
    totals(prom, counter("v1", 5))
    metrics.read()
    totals(prom, counter("v1", 8))
    prom.api.faults = [Answer(400)] * 2
    assert "no answer of Prometheus'" in metrics.read().problem
    assert metrics.read().measurements != ()
    totals(prom, counter("v1", 10))
    assert metrics.rises()["v1"] == (2, 0)


def test_counters_of_no_process_are_a_problem(prom: Prom) -> None:
    totals(prom, counter("v1", 5, instance=""))
    assert "neither `instance` nor `pod`" in reader(prom.api.url).read().problem


def test_what_cannot_be_believed_is_a_problem(prom: Prom) -> None:
    metrics = reader(prom.api.url)
    for value in (0, 2**53):
        totals(prom, counter("v1", value), counter("v1", value, "404"))
        reading = metrics.read()
    assert "are not believable" in reading.problem


def test_a_mesh_that_is_away_is_a_problem(prom: Prom) -> None:
    def away(_: Destination) -> Labels:
        raise Unreachable("the API server is away")

    reading = PrometheusMetrics(PrometheusSettings(prom.api.url), away, VirtualClock()).read([(REF, V2)])
    assert reading.problem == "the API server is away"


def test_secrets_in_clear_are_never_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    reader("http://far:9090")
    assert caplog.text == ""
    reader("http://far:9090", insecure=True)
    assert "a token or password may go to http://far:9090 in clear" in caplog.text
