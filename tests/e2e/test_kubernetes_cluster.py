"""The adapter on a real API server: what other writers, faults and replicas do."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
import yaml

from gitops_mesh.clock import SystemClock
from gitops_mesh.cluster.kubernetes.api import Api
from gitops_mesh.cluster.kubernetes.events import KubernetesEvents
from gitops_mesh.errors import Contested, Refused, Unreachable
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import LiveObject, ObjectKey, Write
from gitops_mesh.model.rollouts import Event
from gitops_mesh.model.settings import KubernetesSettings, LeaseSettings
from tests.controlplane.apiserver import ApiServer
from tests.controlplane.bench import OnKubernetes
from tests.controlplane.binaries import Binaries
from tests.controlplane.processes import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ISTIO, GATEWAY_API = "networking.istio.io", "gateway.networking.k8s.io"
REVIEWS = ObjectKey(ISTIO, "VirtualService", "shop", "reviews")
ROUTE = ObjectKey(GATEWAY_API, "HTTPRoute", "shop", "ratings")
METRICS = ObjectKey("telemetry.istio.io", "Telemetry", "shop", "metrics")


def virtual_service(subset: str = "v1", **metadata: Any) -> dict[str, Any]:
    to = {"destination": {"host": "reviews", "subset": subset}}
    return {
        "apiVersion": f"{ISTIO}/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "shop", **metadata},
        "spec": {"hosts": ["reviews"], "http": [{"name": "main", "route": [to]}]},
    }


def http_route() -> dict[str, Any]:
    return {
        "apiVersion": f"{GATEWAY_API}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "ratings", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [{"name": "ratings", "port": 80}]}]},
    }


def telemetry() -> dict[str, Any]:
    metadata = {"name": METRICS.name, "namespace": METRICS.namespace}
    return {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": metadata, "spec": {}}


@pytest.fixture
def bench(api_server: ApiServer) -> Iterator[OnKubernetes]:
    made = OnKubernetes(api_server)
    try:
        made.cluster.objects()
        yield made
    finally:
        made.close()


def written(bench: OnKubernetes, key: ObjectKey, body: dict[str, Any], **state: str) -> LiveObject:
    live = bench.live(key)
    (answer,) = bench.cluster.apply([Write(key, body, state, live.version if live else None)])
    assert isinstance(answer, LiveObject), answer
    return answer


def test_defaults_of_the_api_are_no_drift_and_stay_none_after_a_restart(bench: OnKubernetes) -> None:
    assert written(bench, ROUTE, http_route(), origin='"a.yaml"').body == http_route()
    assert bench.raw(ROUTE)["spec"]["rules"][0]["backendRefs"][0]["weight"] == 1
    again = OnKubernetes(bench.server)
    try:
        found = again.live(ROUTE)
    finally:
        again.cluster.close()
        again.wire.close()
    assert found is not None
    assert (found.body, found.state) == (http_route(), {"origin": '"a.yaml"'})
    edited = bench.patch(ROUTE, {"spec": {"hostnames": ["x.example.com"]}})
    assert edited.body["spec"]["hostnames"] == ["x.example.com"]
    assert written(bench, ROUTE, http_route()).body == http_route()
    assert "hostnames" not in bench.raw(ROUTE)["spec"]


def test_labels_of_others_are_left_to_them(bench: OnKubernetes) -> None:
    ours = virtual_service(labels={"team": "web"})
    written(bench, REVIEWS, ours)
    seen = bench.patch(REVIEWS, {"metadata": {"labels": {"theirs": "1"}}}, "somebody")
    assert seen.body == ours
    written(bench, REVIEWS, virtual_service("v2", labels={"team": "web"}))
    assert bench.raw(REVIEWS)["metadata"]["labels"] == {"team": "web", "theirs": "1"}


def test_a_foreign_manager_is_named_and_not_asked_again(bench: OnKubernetes) -> None:
    written(bench, REVIEWS, virtual_service())
    live = bench.patch(REVIEWS, {"spec": virtual_service("v2")["spec"]}, "flagger")
    calls = bench.cluster.calls
    for _ in range(3):
        (answer,) = bench.cluster.apply([Write(REVIEWS, virtual_service(), {}, live.version)])
        assert isinstance(answer, Contested)
        assert "flagger owns .spec.http" in answer.message
    assert bench.cluster.calls == calls + 1


def test_the_third_correction_against_one_manager_is_the_last(bench: OnKubernetes) -> None:
    written(bench, REVIEWS, virtual_service())
    for _ in range(3):
        bench.patch(REVIEWS, {"spec": virtual_service("v2")["spec"]}, "kubectl-edit")
        written(bench, REVIEWS, virtual_service())
    live = bench.patch(REVIEWS, {"spec": virtual_service("v2")["spec"]}, "kubectl-edit")
    (answer,) = bench.cluster.apply([Write(REVIEWS, virtual_service(), {}, live.version)])
    assert isinstance(answer, Contested)
    assert "kubectl-edit keeps changing it" in answer.message
    calls = bench.cluster.calls
    assert isinstance(bench.cluster.apply([Write(REVIEWS, virtual_service(), {}, live.version)])[0], Contested)
    assert bench.cluster.calls == calls


def test_what_happened_while_the_wire_was_cut_is_seen_afterwards(bench: OnKubernetes) -> None:
    written(bench, REVIEWS, virtual_service())
    bench.wire.break_off()
    bench.server.patch(bench.path(REVIEWS), {"spec": virtual_service("v2")["spec"]})
    bench.wire.mend()
    until(lambda: (bench.live(REVIEWS) or LiveObject(REVIEWS, {}, "", {})).body == virtual_service("v2"), 30)


def test_a_cluster_that_stays_away_is_said_to_be(bench: OnKubernetes) -> None:
    bench.wire.break_off()

    def away() -> bool:
        try:
            bench.cluster.objects()
        except Unreachable:
            return True
        return False

    until(away, 30)
    bench.wire.mend()
    until(lambda: not away(), 30)


def test_a_call_that_hangs_is_answered_within_seconds(bench: OnKubernetes) -> None:
    bench.wire.clog()
    began = monotonic()
    try:
        answers: list[object] = list(bench.cluster.apply([Write(REVIEWS, virtual_service(), {}, None)]))
    except Unreachable as error:
        answers = [error]
    assert not isinstance(answers[0], LiveObject)
    assert monotonic() - began < 8
    bench.wire.mend()


def test_a_kind_may_come_and_go(bench: OnKubernetes, programs: Binaries) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/telemetries.telemetry.istio.io"
    documents = [d for file in programs.crds for d in yaml.load_all(file.read_text(), yaml.CSafeLoader) if d]
    crd = next(d for d in documents if d["metadata"]["name"] == "telemetries.telemetry.istio.io")
    bench.server.delete(path)
    try:
        until(lambda: bench.cluster.rehearse([Write(METRICS, telemetry(), {}, None)])[0] is not None, 40)
        (answer,) = bench.cluster.apply([Write(METRICS, telemetry(), {}, None)])
        assert isinstance(answer, Refused)
        assert bench.cluster.objects() == (), "the others go on"
    finally:
        bench.server.apply(crd)
    until(lambda: bench.cluster.rehearse([Write(METRICS, telemetry(), {}, None)])[0] is None, 60)


def test_only_the_namespaces_that_are_named_are_seen(api_server: ApiServer) -> None:
    api_server.namespace("other")
    elsewhere = virtual_service()
    elsewhere["metadata"]["namespace"] = "other"
    api_server.apply(virtual_service(), elsewhere)
    bench = OnKubernetes(api_server, settings=KubernetesSettings(namespaces=("shop", "gitops-mesh")))
    try:
        assert [live.key for live in bench.cluster.objects()] == [REVIEWS]
        assert bench.patch(REVIEWS, {"spec": virtual_service("v2")["spec"]}).body == virtual_service("v2")
    finally:
        bench.close()
        api_server.delete(f"/apis/{ISTIO}/v1/namespaces/other/virtualservices/reviews")


def test_replicas_agree_and_epochs_rise(api_server: ApiServer) -> None:
    lease = LeaseSettings(namespace="gitops-mesh", name="replicas", duration=2.0)
    first, second = (
        OnKubernetes(api_server, replica=name, settings=KubernetesSettings(lease=lease)) for name in ("one", "two")
    )
    try:
        until(lambda: not first.cluster.leader(), 10)
        until(lambda: second.cluster.leader() == "one", 10)
        written(first, REVIEWS, virtual_service(), rollouts="{}")
        until(lambda: second.live(REVIEWS), 10)
        live = second.live(REVIEWS)
        assert live is not None
        with pytest.raises(Unreachable, match="does not lead"):
            second.cluster.apply([Write(REVIEWS, virtual_service("v2"), {}, live.version)])
        first.wire.break_off()
        until(first.cluster.leader, 10)
        until(lambda: not second.cluster.leader(), 15)
        until(lambda: second.cluster.objects() and epoch(second) == "2", 10)
        first.wire.mend()
        until(lambda: first.cluster.leader() == "two", 20)
        api_server.delete("/apis/coordination.k8s.io/v1/namespaces/gitops-mesh/leases/replicas")
        until(lambda: leading(first) != leading(second), 15)
        until(lambda: (first if leading(first) else second).cluster.objects() and int(epoch(second)) > 2, 15)
    finally:
        first.close()
        second.cluster.close()
        second.wire.close()


def leading(bench: OnKubernetes) -> bool:
    return not bench.cluster.leader()


def epoch(bench: OnKubernetes) -> str:
    return str(bench.raw(REVIEWS)["metadata"]["annotations"]["gitops-mesh.io/epoch"])


def test_a_transition_is_an_event_on_the_object(bench: OnKubernetes) -> None:
    written(bench, REVIEWS, virtual_service())
    entry = Entry("r-1", 3, Event.REGRESSED, "reviews: too many errors", 1_800_000_000.0, (REVIEWS,), weights="v2 5%")
    events = KubernetesEvents(Api(str(bench.kubeconfig)), SystemClock(), bench.cluster.uid, "one")
    events.notify("test", entry)
    events.notify("test", entry)
    found = bench.server.get("/apis/events.k8s.io/v1/namespaces/shop/events")["items"]
    (told,) = [one for one in found if one["regarding"]["name"] == "reviews" and one["reason"] == "Regressed"]
    assert (told["type"], told["note"]) == ("Warning", "reviews: too many errors (v2 5%)")
    assert told["regarding"]["uid"] == bench.cluster.uid(REVIEWS)
