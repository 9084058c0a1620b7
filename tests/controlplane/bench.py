"""A real cluster adapter on the test API server, and what a test does behind its back."""

from __future__ import annotations

import time
from typing import Any

import yaml

from gitops_mesh.clock import SystemClock
from gitops_mesh.cluster.kubernetes.api import Api, Deadlines
from gitops_mesh.cluster.kubernetes.cluster import KubernetesCluster
from gitops_mesh.manifests.normal import is_state
from gitops_mesh.model.objects import PREFIX, STATE_KEYS, LiveObject, ObjectKey, Tree
from gitops_mesh.model.routes import Destination
from gitops_mesh.model.settings import KubernetesSettings
from gitops_mesh.validation.kinds import POLICY_GROUP, served
from tests.controlplane.apiserver import APPLY, Answered, ApiServer, path_of
from tests.controlplane.processes import until
from tests.controlplane.stage import denying
from tests.controlplane.wire import Wire

KINDS = {
    (group, kind): found.versions
    for group, of_group in served().items()
    for kind, found in of_group.items()
    if group != POLICY_GROUP
}


class OnKubernetes:
    """The adapter on a wire of its own. Every method waits until the adapter has seen what was done."""

    def __init__(self, server: ApiServer, *, replica: str = "", settings: KubernetesSettings | None = None) -> None:
        self.server = server
        self.wire = Wire(server.port)
        config = yaml.safe_load(server.kubeconfig().read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.wire.port}"
        self.kubeconfig = server.folder / f"wire-{self.wire.port}.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(config))
        self.api = Api(str(self.kubeconfig), deadlines=Deadlines(connect=1, call=3, watch=30))
        self.cluster = KubernetesCluster(
            "test", KINDS, settings or KubernetesSettings(), self.api, SystemClock(), replica=replica
        )
        self._policies: dict[str, ObjectKey] = {}
        for name in ("reviews", "ratings"):
            server.apply(_slice(name))

    def close(self) -> None:
        self.cluster.close()
        self.wire.close()
        for name in self._policies:
            for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
                self.server.delete(f"/apis/admissionregistration.k8s.io/v1/{kind}/{name}")
        for key in self._policies.values():
            until(lambda key=key: not self._refuses(key), 20)
        for plural in ("virtualservices", "destinationrules", "serviceentries"):
            self.server.delete(f"/apis/networking.istio.io/v1/namespaces/shop/{plural}")
        self.server.delete("/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes")

    def live(self, key: ObjectKey) -> LiveObject | None:
        """An object as the adapter sees it."""
        return next((one for one in self.cluster.objects() if one.key == key), None)

    def raw(self, key: ObjectKey, body: Tree | None = None) -> dict[str, Any]:
        """An object as the API server has it."""
        return self.server.get(self.path(key, body))

    @staticmethod
    def path(key: ObjectKey, body: Tree | None = None) -> str:
        version = str((body or {}).get("apiVersion") or f"{key.group}/v1")
        return path_of(
            {"apiVersion": version, "kind": key.kind, "metadata": {"name": key.name, "namespace": key.namespace}}
        )

    def replace(self, key: ObjectKey, body: Tree, *, keep_state: bool) -> LiveObject:
        found = self.raw(key)
        old = found["metadata"].get("annotations") or {}
        state = {name: text for name, text in old.items() if is_state(name) and keep_state}
        metadata = {**body["metadata"], "resourceVersion": found["metadata"]["resourceVersion"]}
        metadata["annotations"] = {**metadata.get("annotations", {}), **state}
        told = self.server.call("PUT", f"{self.path(key)}?fieldManager=kubectl-replace", {**body, "metadata": metadata})
        return self._seen(key, told)

    def annotate(self, key: ObjectKey, name: str, value: str | None) -> LiveObject:
        full = PREFIX + name if name in STATE_KEYS else name
        return self.patch(key, {"metadata": {"annotations": {full: value}}})

    def patch(self, key: ObjectKey, patch: Tree, manager: str = "kubectl-patch") -> LiveObject:
        """A merge patch by somebody."""
        return self._seen(key, self.server.patch(self.path(key), patch, manager))

    def remove(self, key: ObjectKey) -> bool:
        self.server.delete(self.path(key))
        until(lambda: self.live(key) is None, 10)
        return True

    def refuse(self, key: ObjectKey) -> None:
        """Let admission turn this object down."""
        name = f"no-{key.name}"
        policy, binding = denying(name, f"object.metadata.name != '{key.name}'", "no")
        policy["spec"]["matchConstraints"]["resourceRules"][0]["resources"] = ["virtualservices"]
        self.server.apply(policy, binding)
        self._policies[name] = key
        until(lambda: self._refuses(key), 20)

    def away(self) -> None:
        self.wire.break_off()

    def unready(self, destination: Destination) -> None:
        name = destination.host.partition(".")[0]
        self.server.apply(_slice(name, ready=False))
        until(lambda: destination in self.cluster.unready([destination]), 10)

    def _seen(self, key: ObjectKey, told: dict[str, Any]) -> LiveObject:
        version = told["metadata"]["resourceVersion"]
        until(lambda: (self.live(key) or LiveObject(key, {}, "", {})).version == version, 10)
        found = self.live(key)
        assert found is not None
        return found

    def _refuses(self, key: ObjectKey) -> bool:
        document = {
            "apiVersion": f"{key.group}/v1",
            "kind": key.kind,
            "metadata": {"name": key.name, "namespace": key.namespace},
            "spec": {"hosts": [f"probe-{time.monotonic_ns()}"]},
        }
        try:
            self.server.call("PATCH", f"{self.path(key)}?fieldManager=probe&dryRun=All", document, APPLY)
        except Answered as error:
            return error.status == 422
        return False


def _slice(service: str, *, ready: bool = True) -> dict[str, Any]:
    """An EndpointSlice with one endpoint; nobody is there, and nobody asks."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-1",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.1.1"], "conditions": {"ready": ready}}],
        "ports": [{"name": "http", "port": 80}],
    }
