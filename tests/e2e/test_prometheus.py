"""The Prometheus provider on a real Prometheus, which scrapes exporters of Istio's and Envoy's shapes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3

from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, RouteRef
from tests.controlplane.binaries import Binaries
from tests.controlplane.certificates import certificates
from tests.controlplane.processes import until
from tests.controlplane.prometheus import Prometheus
from tests.fakes.exporter import HOST, Exporter
from tests.fakes.promreader import REF, V1, V2, Reader, reader
from tests.fakes.query_api import QueryApi, forwarding

pytestmark = pytest.mark.e2e

HASH = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
"""Of the password `test`."""


def scraped(prometheus: Prometheus, *exporters: Exporter) -> None:
    """Wait until Prometheus holds what the exporters tell now."""
    for exporter in exporters:
        query, wanted = f'exporter_changes{{instance="{exporter.target}"}}', float(exporter.changes)
        if exporter.broken:
            query, wanted = f'up{{instance="{exporter.target}"}}', 0.0
        until(partial(_says, prometheus, query, wanted), what=f"{query} is {wanted}")


def _says(prometheus: Prometheus, query: str, wanted: float) -> bool:
    return prometheus.value(query) == wanted


class Scene:
    """Two exporters, a gateway and a client, and the Prometheus that scrapes both."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.gateway, self.client = Exporter(), Exporter()
        targets = {exporter.target: "/metrics" for exporter in (self.gateway, self.client)}
        self.prometheus = Prometheus(program, folder, targets, interval="500ms")
        self.url = self.prometheus.url

    def scraped(self) -> None:
        scraped(self.prometheus, self.gateway, self.client)

    def clear(self) -> None:
        for exporter in (self.gateway, self.client):
            exporter.broken = False
            exporter.clear()
        self.scraped()

    def begun(self) -> Reader:
        """A provider that has read once, when both versions had traffic already."""
        self.clear()
        self.gateway.istio("v1", 1000)
        self.gateway.istio("v2", 10)
        self.scraped()
        found = reader(self.url)
        assert found.rises() == {}
        return found

    def close(self) -> None:
        self.prometheus.stop()
        self.gateway.close()
        self.client.close()


@pytest.fixture(scope="module")
def scene(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(programs.prometheus, tmp_path_factory.mktemp("prometheus"))
    yield made
    made.close()


def test_increments_of_istios_metrics(scene: Scene) -> None:
    metrics = scene.begun()
    scene.gateway.istio("v1", 75)
    scene.gateway.istio("v2", 20)
    scene.gateway.istio("v2", 4, "503", response_flags="UF")
    scene.gateway.istio("v2", 1, "0", response_flags="DC")
    scene.gateway.istio("v2", 2, request_protocol="grpc", grpc_response_status="14")
    scene.gateway.istio("v2", 3, request_protocol="grpc", grpc_response_status="5")
    scene.gateway.istio("v2", 500, reporter="destination")
    scene.scraped()
    found = metrics.counts()
    assert (found["v1"].requests, found["v1"].errors) == (75, 0)
    assert found["v1"].buckets == ((0.001, 0), (0.025, 75), (0.1, 75), (float("inf"), 75))
    assert (found["v2"].requests, found["v2"].errors) == (30, 7)
    assert found["v2"].buckets[-1] == (float("inf"), 23), "latency is of what did not fail"
    assert metrics.rises() == {"v1": (0, 0), "v2": (0, 0)}, "nothing new was scraped"


def test_a_counter_that_begins_again(scene: Scene) -> None:
    metrics = scene.begun()
    scene.gateway.clear()
    scene.gateway.istio("v1", 7)
    scene.gateway.istio("v2", 3)
    scene.scraped()
    assert metrics.rises() == {"v1": (7, 0), "v2": (3, 0)}


def test_a_restart_that_looks_like_a_lag_makes_no_error_rate_up(scene: Scene) -> None:
    metrics = scene.begun()
    scene.gateway.istio("v2", 390)
    scene.gateway.istio("v2", 4, "503")
    scene.scraped()
    assert metrics.rises() == {"v1": (0, 0), "v2": (394, 4)}
    scene.gateway.clear()
    scene.gateway.istio("v2", 250)
    scene.gateway.istio("v2", 1, "503")
    scene.scraped()
    assert metrics.rises() == {"v1": (0, 0), "v2": (0, 0)}, "251 of 404 may be what another replica has"
    scene.gateway.istio("v2", 200)
    scene.gateway.istio("v2", 2, "503")
    scene.scraped()
    assert metrics.rises() == {"v1": (0, 0), "v2": (453, 3)}


def test_a_version_that_had_no_requests_counts_from_its_first_one(scene: Scene) -> None:
    scene.clear()
    scene.gateway.istio("v1", 1000)
    scene.scraped()
    metrics = reader(scene.url)
    assert metrics.rises() == {}
    scene.gateway.istio("v2", 20)
    scene.gateway.istio("v2", 6, "500")
    scene.scraped()
    found = metrics.counts()
    assert (found["v1"].requests, found["v2"].requests, found["v2"].errors) == (0, 26, 6)
    assert found["v2"].buckets == ((0.001, 0), (0.025, 20), (0.1, 20), (float("inf"), 20))


def test_a_new_process_counts_from_its_second_sample_and_a_new_counter_of_an_old_one_from_0(scene: Scene) -> None:
    metrics = scene.begun()
    scene.client.istio("v1", 5000)
    scene.gateway.istio("v2", 6, "500")
    scene.scraped()
    assert metrics.rises() == {"v1": (0, 0), "v2": (6, 6)}
    scene.client.istio("v1", 11)
    scene.scraped()
    assert metrics.rises() == {"v1": (11, 0), "v2": (0, 0)}


def test_a_failed_scrape_takes_nothing_and_brings_nothing_twice(scene: Scene) -> None:
    metrics = scene.begun()
    scene.gateway.broken = True
    scene.scraped()
    assert metrics.rises() == {"v1": (0, 0), "v2": (0, 0)}
    scene.gateway.broken = False
    scene.gateway.istio("v1", 9)
    scene.scraped()
    assert metrics.rises() == {"v1": (9, 0), "v2": (0, 0)}


def test_connections_refused_are_told_by_the_revision_and_the_rest_makes_unclear(scene: Scene) -> None:
    metrics = scene.begun()
    scene.gateway.istio("v1", 90)
    scene.gateway.istio(
        "unknown",
        10,
        "503",
        response_flags="UF",
        destination_workload="reviews-v2",
        destination_canonical_revision="v2",
    )
    scene.scraped()
    assert metrics.rises() == {"v1": (90, 0), "v2": (10, 10)}
    scene.gateway.istio(
        "unknown",
        10,
        "503",
        response_flags="UH",
        destination_workload="unknown",
        destination_canonical_revision="latest",
    )
    scene.scraped()
    ((ref, why),) = metrics.read().unclear
    assert ref == REF
    assert f"10 failed requests to {HOST}, of 10, name no version" in why


def test_increments_of_cluster_statistics(scene: Scene) -> None:
    scene.clear()
    metrics = reader(scene.url, preset="envoy")
    names = {v: f"outbound|9080|{v}|{HOST}" for v in ("v1", "v2")}

    def serve(amount: int, failed: int) -> None:
        for exporter, metric, name, of_class, classes in (
            (scene.gateway, "envoy_cluster_upstream_rq", "cluster_name", "response_code_class", ("2xx", "5xx")),
            (scene.client, "envoy_cluster_upstream_rq_xx", "envoy_cluster_name", "envoy_response_code_class", "25"),
        ):
            for version, count in (("v1", amount - failed), ("v2", amount - failed)):
                exporter.add(metric, count, **{name: names[version], of_class: classes[0]})
                for edge in ("5", "+Inf"):
                    own = {name: names[version], "le": edge}
                    exporter.add("envoy_cluster_upstream_rq_time_bucket", count, **own)
            exporter.add(metric, failed, **{name: names["v2"], of_class: classes[1]})
            exporter.add(metric, 999, **{name: f"inbound|9080||{HOST}", of_class: classes[1]})

    serve(100, 0)
    scene.scraped()
    assert metrics.rises() == {}
    serve(50, 5)
    scene.scraped()
    found = metrics.counts()
    assert (found["v1"].requests, found["v1"].errors) == (90, 0)
    assert (found["v2"].requests, found["v2"].errors) == (100, 10)
    assert found["v2"].buckets == ((0.005, 90), (float("inf"), 90))


def test_increments_of_custom_queries(scene: Scene) -> None:
    scene.clear()
    chosen = 'app_total{host=~"{{ hosts }}", version=~"{{ versions }}"'
    queries = {
        "requests": f"sum by (instance, host, version) ({chosen}}})",
        "errors": f'sum by (instance, host, version) ({chosen}, outcome="bad"}})',
        "latency": 'app_seconds_bucket{host=~"{{ hosts }}"}',
    }
    metrics = reader(scene.url, preset="custom", queries=queries)
    for amount in (100, 10):
        for version in ("v1", "v2", "v3"):
            scene.client.add("app_total", amount, host=HOST, version=version, outcome="good")
            scene.client.add("app_total", amount / 10, host=HOST, version=version, outcome="bad")
            for edge in ("0.5", "+Inf"):
                scene.client.add("app_seconds_bucket", amount, host=HOST, version=version, le=edge)
        scene.scraped()
        found = metrics.counts()
    assert {v: (c.requests, c.errors, c.buckets) for v, c in found.items()} == dict.fromkeys(
        ("v1", "v2"), (11, 1, ((0.5, 10), (float("inf"), 10)))
    )


def test_a_wrong_custom_query_is_told(scene: Scene) -> None:
    bad = reader(scene.url, preset="custom", queries={"requests": "sum(", "errors": "x"}).read()
    assert "bad_data: " in bad.problem
    assert "parse error" in bad.problem
    scalar = reader(scene.url, preset="custom", queries={"requests": "1", "errors": "x"}).read()
    assert "the query gives a scalar, where an instant vector is needed" in scalar.problem


def test_hosts_are_matched_literally(scene: Scene) -> None:
    """`.` and what else means something in RE2 or in PromQL means nothing in a host."""
    scene.clear()
    odd = 'r.vws|.*"})or(up{a="\\'
    watched = [(REF, Destination(odd, "v1")), (REF, Destination(odd, "v2"))]
    metrics = Reader(reader(scene.url).metrics, watched)
    for amount in (10, 5):
        scene.gateway.istio("v1", amount, destination_service=odd)
        scene.gateway.istio("v1", amount, destination_service="revws")
        scene.scraped()
        found = metrics.rises()
    assert found == {"v1": (5, 0), "v2": (0, 0)}


def test_a_thousand_rollouts_take_one_query_for_each_metric(scene: Scene) -> None:
    scene.clear()
    hosts = [f"service-{i:04d}.a-rather-long-namespace.svc.cluster.local" for i in range(1000)]
    watched = [
        (RouteRef(ObjectKey("networking.istio.io", "VirtualService", "n", host), "http/0"), Destination(host, version))
        for host in hosts
        for version in ("v1", "v2")
    ]
    metrics = Reader(reader(scene.url, timeout=20).metrics, watched)
    for round_ in range(2):
        for index, host in enumerate(hosts):
            scene.gateway.istio("v1", 100, destination_service=host)
            scene.gateway.istio("v2", 1 + index * round_, destination_service=host)
        scene.scraped()
        asked = metrics.metrics.asked
        began = time.monotonic()
        reading = metrics.read()
        took = time.monotonic() - began
        assert metrics.metrics.asked - asked == 2
    assert not reading.problem
    assert len(reading.measurements) == 2000
    found = {(m.destination.host, m.destination.subset): m.counts.requests for m in reading.measurements}
    assert all(found[host, "v1"] == 100 and found[host, "v2"] == 1 + i for i, host in enumerate(hosts))
    assert took < 5


def test_a_prometheus_that_is_away_loses_nothing(programs: Binaries, tmp_path: Path) -> None:
    exporter = Exporter()
    prometheus = Prometheus(programs.prometheus, tmp_path, {exporter.target: "/metrics"}, interval="500ms")
    try:
        exporter.istio("v1", 10)
        scraped(prometheus, exporter)
        metrics = reader(prometheus.url)
        metrics.read()
        prometheus.stop()
        exporter.istio("v1", 5)
        away = metrics.read()
        assert "Connection refused" in away.problem
        assert prometheus.url in away.problem
        prometheus.start()
        scraped(prometheus, exporter)
        assert metrics.rises() == {"v1": (5, 0), "v2": (0, 0)}
    finally:
        prometheus.stop()
        exporter.close()


def test_a_password_and_client_certificates(
    programs: Binaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, own = Exporter(), certificates(tmp_path / "keys")
    headers = urllib3.make_headers(basic_auth="mesh:test")
    targets, users = {exporter.target: "/metrics"}, {"basic_auth_users": {"mesh": HASH}}
    prometheus = Prometheus(
        programs.prometheus, tmp_path, targets, interval="500ms", web=users, certificates=own, headers=headers
    )
    monkeypatch.setenv("PASSWORD", "test")
    monkeypatch.setenv("WRONG", "hunter2")
    tls: dict[str, Any] = {"ca_file": str(own.authority), "cert_file": str(own.client), "key_file": str(own.client_key)}
    try:
        exporter.istio("v1", 10)
        scraped(prometheus, exporter)
        metrics = reader(prometheus.url, username="mesh", password_env="PASSWORD", **tls)
        assert metrics.rises() == {}
        exporter.istio("v1", 5)
        scraped(prometheus, exporter)
        assert metrics.rises() == {"v1": (5, 0), "v2": (0, 0)}
        wrong = reader(prometheus.url, username="mesh", password_env="WRONG", **tls).read().problem
        assert "it does not let us in; check the token or the password (status 401)" in wrong
        assert "hunter2" not in wrong
        strange = reader(prometheus.url, username="mesh", password_env="PASSWORD").read().problem
        assert "certificate verify failed" in strange
        nobody = reader(prometheus.url, username="mesh", password_env="PASSWORD", ca_file=tls["ca_file"]).read().problem
        assert "does it want a client certificate (`certFile`)?" in nobody
        missing = tls | {"ca_file": str(tmp_path / "none.pem")}
        lost = reader(prometheus.url, username="mesh", password_env="PASSWORD", **missing).read().problem
        assert f"the file {tmp_path / 'none.pem'} cannot be read" in lost
    finally:
        prometheus.stop()
        exporter.close()


def test_a_bearer_token_is_read_again_when_it_changes(scene: Scene, tmp_path: Path) -> None:
    scene.begun()
    proxy, token = QueryApi(forwarding(scene.url, "Bearer second")), tmp_path / "token"
    token.write_text("first\n")
    try:
        metrics = reader(proxy.url, token_file=str(token))
        problem = metrics.read().problem
        assert "it does not let us in" in problem
        assert "first" not in problem
        token.write_text("second\n")
        assert metrics.rises() == {}
        scene.gateway.istio("v2", 3)
        scene.scraped()
        assert metrics.rises() == {"v1": (0, 0), "v2": (3, 0)}
    finally:
        proxy.close()


def test_destinations_of_one_version_are_unclear_and_cost_others_nothing(scene: Scene) -> None:
    metrics = scene.begun()
    other = RouteRef(ObjectKey("networking.istio.io", "VirtualService", "shop", "other"), "http/0")
    metrics.watched = [(REF, V1), (REF, V2), (other, V1), (other, Destination(HOST))]
    metrics.read()
    scene.gateway.istio("v1", 4)
    scene.scraped()
    reading = metrics.read()
    assert {(m.ref, m.destination): m.counts.requests for m in reading.measurements} == {(REF, V1): 4, (REF, V2): 0}
    ((ref, why),) = reading.unclear
    assert ref == other
    assert "reviews and reviews:v1 cannot be told apart by their metrics" in why
