"""What every metrics provider does, fake or real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import pytest

from gitops_mesh.mesh.series import series
from gitops_mesh.metrics.envoy import EnvoyMetrics
from gitops_mesh.model.measurements import Counts, Reading
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from gitops_mesh.ports import Metrics
from tests.fakes.clock import VirtualClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.metrics import FakeMetrics
from tests.fakes.promreader import reader
from tests.fakes.query_api import Answer, Asked, QueryApi, vector
from tests.fakes.statistics import Statistics

KEY = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
REF = RouteRef(KEY, "http/main")
V1, V2 = (Destination("reviews.shop.svc.cluster.local", version) for version in ("v1", "v2"))
BOTH = ((REF, V1), (REF, V2))


class Bench(Protocol):
    """A provider whose route gets 100 requests at a time, 75 to v1 and 25 to v2, of which 5 fail."""

    metrics: Metrics

    def serve(self) -> None: ...
    def away(self, *, away: bool) -> None: ...


class OnFake:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        cluster = FakeCluster()
        route = [{"destination": {"host": "reviews", "subset": s}, "weight": w} for s, w in (("v1", 75), ("v2", 25))]
        body = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "reviews", "namespace": "shop"},
            "spec": {"hosts": ["reviews"], "http": [{"name": "main", "route": route}]},
        }
        cluster.replace(KEY, body, keep_state=False)
        self.fake = FakeMetrics(cluster, self.clock, {"v2": 0.2})
        self.metrics: Metrics = self.fake

    def serve(self) -> None:
        self.clock.advance(1)

    def away(self, *, away: bool) -> None:
        self.fake.problem = "gone" if away else ""


class OnEnvoy:
    def __init__(self, statistics: Statistics) -> None:
        self.statistics = statistics
        self.metrics: Metrics = EnvoyMetrics(statistics.url + "/", timeout=2)
        self.serve()

    def serve(self) -> None:
        for destination, requests, errors in ((V1, 75, 0), (V2, 25, 5)):
            name = series(REF, destination)
            before = self.statistics.totals.get(name, (1000, 10))
            self.statistics.totals[name] = (before[0] + requests, before[1] + errors)

    def away(self, *, away: bool) -> None:
        self.statistics.status = 503 if away else 200


class OnPrometheus:
    """The provider on Istio's metrics; `tests/e2e/test_prometheus.py` has the real Prometheus."""

    def __init__(self, api: QueryApi) -> None:
        self.api = api
        self.totals = {("v1", "200"): 1000, ("v2", "200"): 500, ("v2", "503"): 10}
        api.answer = self.answer
        self.metrics: Metrics = reader(api.url, timeout=2).metrics

    def answer(self, asked: Asked) -> Answer:
        latency = "_bucket" in asked.query
        return vector(
            *(
                ({**self.labels(version, code), **({"le": le} if latency else {})}, total if le != "0.5" else 0)
                for (version, code), total in self.totals.items()
                for le in (("0.5", "25", "+Inf") if latency else ("",))
                if not (latency and code == "503")
            )
        )

    @staticmethod
    def labels(version: str, code: str) -> dict[str, str]:
        return {
            "instance": "gateway",
            "destination_service": V1.host,
            "destination_version": version,
            "destination_workload": "reviews",
            "response_code": code,
        }

    def serve(self) -> None:
        for key, requests in ((("v1", "200"), 75), (("v2", "200"), 20), (("v2", "503"), 5)):
            self.totals[key] += requests

    def away(self, *, away: bool) -> None:
        self.api.faults = [Answer(503)] * 4 if away else []


@pytest.fixture(params=["fake", "envoy", "prometheus"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "fake":
        yield OnFake()
        return
    if request.param == "prometheus":
        api = QueryApi(lambda _: vector())
        yield OnPrometheus(api)
        api.close()
        return
    statistics = Statistics()
    yield OnEnvoy(statistics)
    statistics.close()


def counts(reading: Reading) -> Mapping[str, tuple[int, int]]:
    assert not reading.problem
    return {m.destination.subset: (m.counts.requests, m.counts.errors) for m in reading.measurements}


def test_the_first_reading_brings_nothing(bench: Bench) -> None:
    assert counts(bench.metrics.read(BOTH)) == {}


def test_a_reading_brings_what_came_since_the_one_before(bench: Bench) -> None:
    bench.metrics.read(BOTH)
    for _ in range(2):
        bench.serve()
        assert counts(bench.metrics.read(BOTH)) == {"v1": (75, 0), "v2": (25, 5)}
    assert counts(bench.metrics.read(BOTH)) == {"v1": (0, 0), "v2": (0, 0)}


def test_measurements_name_their_route_and_destination(bench: Bench) -> None:
    bench.metrics.read(BOTH)
    bench.serve()
    assert {(m.ref, m.destination) for m in bench.metrics.read(BOTH).measurements} == set(BOTH)


def test_latency_comes_in_cumulative_buckets_that_end_with_infinity(bench: Bench) -> None:
    bench.metrics.read(BOTH)
    bench.serve()
    for measurement in bench.metrics.read(BOTH).measurements:
        edges = [edge for edge, _ in measurement.counts.buckets]
        risen = [count for _, count in measurement.counts.buckets]
        assert edges == sorted(edges)
        assert edges[-1] == float("inf")
        assert risen == sorted(risen)
        counts = measurement.counts
        assert counts.requests - counts.errors <= risen[-1] <= counts.requests, "failed ones may be left out"


def test_a_provider_that_fails_is_a_problem_and_loses_nothing(bench: Bench) -> None:
    bench.metrics.read(BOTH)
    bench.serve()
    bench.away(away=True)
    reading = bench.metrics.read(BOTH)
    assert reading.problem
    assert reading.measurements == ()
    bench.serve()
    bench.away(away=False)
    assert counts(bench.metrics.read(BOTH)) == {"v1": (150, 0), "v2": (50, 10)}


def test_nothing_watched_is_nothing_read(bench: Bench) -> None:
    assert counts(bench.metrics.read(())) == {}


def test_envoy_is_asked_for_the_series_that_are_watched_and_for_all_when_they_are_too_many() -> None:
    statistics = Statistics()
    metrics = EnvoyMetrics(statistics.url)
    metrics.read(BOTH)
    metrics.read([(RouteRef(KEY, f"http/{i}"), V1) for i in range(2000)])
    statistics.close()
    assert series(REF, V1) in statistics.patterns[0]
    assert "http" not in statistics.patterns[1]
    assert len(statistics.patterns[1]) < 300


def test_an_envoy_that_is_not_there_is_a_problem_with_its_address() -> None:
    reading = EnvoyMetrics("http://127.0.0.1:1", timeout=0.5).read(BOTH)
    assert "http://127.0.0.1:1" in reading.problem
    assert reading.measurements == ()


def test_a_cluster_that_was_made_anew_counts_from_0() -> None:
    statistics = Statistics()
    metrics, name = EnvoyMetrics(statistics.url), series(REF, V1)
    for totals in ((500, 0), (7, 1)):
        statistics.totals[name] = totals
        reading = metrics.read(BOTH)
    statistics.close()
    (measurement,) = reading.measurements
    assert (measurement.counts.requests, measurement.counts.errors) == (7, 1)
    assert isinstance(measurement.counts, Counts)
