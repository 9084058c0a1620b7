"""The standalone cluster beyond the contract: what reaches the data plane, and when."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_mesh.cluster.standalone.cluster import StandaloneCluster
from gitops_mesh.cluster.standalone.store import Store
from gitops_mesh.cluster.standalone.translate.config import MeshConfig
from gitops_mesh.errors import ClusterError, Refused, Unreachable
from gitops_mesh.manifests.normal import key_of
from gitops_mesh.model.objects import LiveObject, Manifest, Write
from gitops_mesh.model.routes import Destination
from tests.fakes.cluster import NullPlane
from tests.fakes.translation import HOST, REVIEWS, RULE, SETTINGS, made


class Bench:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.plane = NullPlane()
        self.store = Store(path)
        self.cluster = StandaloneCluster("test", self.store, SETTINGS, self.plane, probe=lambda *_: True)

    def write(self, *bodies: dict[str, Any]) -> list[LiveObject | ClusterError]:
        live = {found.key: found for found in self.store.objects()}
        writes = []
        for body in bodies:
            found = live.get(key_of(body))
            writes.append(Write(key_of(body), body, found.state if found else {}, found.version if found else None))
        return list(self.cluster.apply(writes))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path / "mesh.sqlite")
    yield found
    found.store.close()


def service(*, timeout: str = "1s", extra: str = "", host: str = "reviews") -> dict[str, Any]:
    route = f"route: [{{destination: {{host: {host}}}}}]"
    return made("VirtualService", f"{{hosts: [reviews], http: [{{name: main, timeout: {timeout}, {route}{extra}}}]}}")


def timeouts(config: MeshConfig) -> set[str]:
    return {r["route"]["timeout"] for h in config.routes["mesh"]["virtual_hosts"] for r in h["routes"]}


def test_the_data_plane_has_what_was_written(bench: Bench) -> None:
    assert isinstance(bench.write(service(timeout="7s"))[0], LiveObject)
    assert timeouts(bench.plane.configs[-1]) == {"7s"}


def test_a_wave_reaches_the_data_plane_in_one_go(bench: Bench) -> None:
    bench.write(RULE, service())
    assert len(bench.plane.configs) == 1


def test_writes_of_our_state_alone_do_not_touch_the_data_plane(bench: Bench) -> None:
    (live,) = bench.write(service())
    bench.plane.away = "gone"
    assert isinstance(live, LiveObject)
    (answer,) = bench.cluster.apply([Write(REVIEWS, live.body, {"epoch": "7"}, live.version)])
    assert isinstance(answer, LiveObject)
    assert answer.state == {"epoch": "7"}


def test_a_field_that_cannot_be_honoured_refuses_its_object_alone_and_names_the_place(bench: Bench) -> None:
    answers = bench.write(service(extra=", corsPolicy: {}"), RULE)
    assert isinstance(answers[0], Refused)
    assert "spec.http.0.corsPolicy" in answers[0].message
    assert str(REVIEWS) in answers[0].message
    assert isinstance(answers[1], LiveObject)
    assert [live.key.kind for live in bench.store.objects()] == ["DestinationRule"]


def test_a_host_without_endpoints_is_refused_with_the_key_of_the_configuration(bench: Bench) -> None:
    (answer,) = bench.write(service(host="nobody"))
    assert isinstance(answer, Refused)
    assert "clusters[].standalone.endpoints" in answer.remedy


def test_a_write_is_not_refused_for_what_was_wrong_before(bench: Bench) -> None:
    bench.store.replace(REVIEWS, service(extra=", corsPolicy: {}"), keep_state=True)
    (answer,) = bench.write(service(timeout="9s", extra=", corsPolicy: {}"))
    assert isinstance(answer, LiveObject)


def test_what_is_refused_is_found_in_a_wave_of_many(bench: Bench) -> None:
    http = "http: [{route: [{destination: {host: reviews}}]}]"
    bodies = [made("VirtualService", f"{{hosts: [h{i}.example.com], {http}}}", name=f"s{i}") for i in range(9)]

    class Picky(NullPlane):
        def sync(self, config: MeshConfig) -> None:
            if any(host["name"] == "h4.example.com" for host in config.routes["mesh"]["virtual_hosts"]):
                raise Refused("not h4")
            super().sync(config)

    bench.cluster = StandaloneCluster("test", bench.store, SETTINGS, Picky())
    answers = bench.write(*bodies)
    assert [i for i, answer in enumerate(answers) if isinstance(answer, Refused)] == [4]
    assert len(bench.store.objects()) == 8


def test_edits_of_other_processes_reach_the_data_plane_at_the_next_look_and_only_once(bench: Bench) -> None:
    bench.write(service())
    other = Store(bench.path)
    other.replace(REVIEWS, service(timeout="9s"), keep_state=True)
    other.close()
    for _ in range(3):
        bench.cluster.objects()
    assert timeouts(bench.plane.configs[-1]) == {"9s"}
    assert len(bench.plane.configs) == 2


def test_a_start_brings_the_data_plane_to_the_store(bench: Bench) -> None:
    bench.store.replace(REVIEWS, service(timeout="4s"), keep_state=True)
    bench.cluster.objects()
    assert timeouts(bench.plane.configs[-1]) == {"4s"}


def test_a_new_mesh_serves_its_configured_hosts_and_a_lost_store_leaves_traffic_alone(bench: Bench) -> None:
    bench.cluster.objects()
    assert [host["name"] for host in bench.plane.configs[-1].routes["mesh"]["virtual_hosts"]] == [HOST]
    bench.write(service())
    lost = Store(bench.path.with_name("new.sqlite"))
    before = list(bench.plane.configs)
    StandaloneCluster("test", lost, SETTINGS, bench.plane).objects()
    lost.close()
    assert bench.plane.configs == before


def test_a_data_plane_that_is_away_or_refuses_does_not_stop_reading_and_is_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.replace(REVIEWS, service(), keep_state=True)
    bench.plane.away = "Envoy is away"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert len(bench.cluster.objects()) == 1
        bench.plane.away, bench.plane.refusal = "", "no thanks"
        bench.cluster.objects()
    assert [record.message.split(": ")[1] for record in caplog.records] == ["Envoy is away", "no thanks"]
    bench.plane.refusal = ""
    bench.store.replace(REVIEWS, service(timeout="2s"), keep_state=True)
    bench.cluster.objects()
    assert timeouts(bench.plane.configs[-1]) == {"2s"}


def test_when_the_commit_fails_the_data_plane_goes_back(bench: Bench) -> None:
    bench.write(service(timeout="1s"))

    class Unlucky(NullPlane):
        def sync(self, config: MeshConfig) -> None:
            super().sync(config)
            if len(self.configs) == 1:
                bench.store._connection.execute("ROLLBACK")  # so that there is nothing to commit

    plane = Unlucky()
    bench.cluster = StandaloneCluster("test", bench.store, SETTINGS, plane)
    (answer,) = bench.write(service(timeout="2s"))
    assert isinstance(answer, ClusterError)
    assert [timeouts(config) for config in plane.configs] == [{"2s"}, {"1s"}]
    assert [live.body["spec"]["http"][0]["timeout"] for live in bench.store.objects()] == ["1s"]


def test_a_store_that_cannot_be_read_is_unreachable_and_says_why(bench: Bench) -> None:
    bench.store.close()
    with pytest.raises(Unreachable, match=r"mesh\.sqlite"):
        bench.cluster.objects()
    with pytest.raises(Unreachable):
        bench.cluster.unready([Destination(HOST)])
    (answer,) = bench.cluster.delete([LiveObject(REVIEWS, {}, "1", {})])
    assert isinstance(answer, ClusterError)


def test_check_tells_the_place_in_the_file(bench: Bench) -> None:
    body = service(extra=", corsPolicy: {}")
    manifest = Manifest(REVIEWS, body, "mesh/reviews.yaml", document=2, inside=("items", 3))
    (finding,) = bench.cluster.check([manifest])
    assert (finding.path, finding.document) == ("mesh/reviews.yaml", 2)
    assert finding.pointer == ("items", 3, "spec", "http", 0, "corsPolicy")
    assert finding.rule == "standalone-unsupported"


def test_without_a_data_plane_objects_are_only_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "mesh.sqlite")
    cluster = StandaloneCluster("test", store, SETTINGS, None, probe=lambda *_: True)
    (live,) = cluster.apply([Write(REVIEWS, service(), {}, None)])
    assert isinstance(live, LiveObject)
    assert list(cluster.objects()) == [live]
    assert list(cluster.delete([live])) == [None]
    assert cluster.name == "test"
    store.close()
