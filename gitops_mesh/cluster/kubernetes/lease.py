"""Which of several replicas decides: a Lease of the API group coordination.k8s.io.

The protocol is client-go's (tools/leaderelection): whoever holds the Lease renews it; another one takes it when
it has seen it unrenewed for its whole duration, by its own monotonic clock, so that the clocks of the replicas
need not agree. `leaseTransitions` is the epoch: it rises with each new holder, and every object that we write
carries it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gitops_mesh.cluster.kubernetes.api import Api, ApiError
from gitops_mesh.errors import GitOpsMeshError, Unreachable

log = logging.getLogger(__name__)


class Lease:
    """Campaigns in a thread. `duration` in seconds; a holder that cannot renew stops writing after two thirds of it.

    `floor` tells the highest epoch that any object carries: should the Lease have been deleted, the new
    one starts above it.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration: float,
        now: Callable[[], float],
        floor: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self._api = api
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._duration = duration
        self._now = now
        self._floor = floor
        self._changed = changed
        self._deadline = float("-inf")
        self._seen: tuple[str, float] = ("", 0.0)
        """The Lease's version, and when it was first seen (monotonic)."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self.holder = ""
        self.epoch = 0
        self.problem = ""

    def start(self) -> None:
        self._thread.start()

    @property
    def leads(self) -> bool:
        """Whether this replica may write now."""
        return time.monotonic() < self._deadline

    def stop(self) -> None:
        """Stop campaigning, and give the Lease back, so that another need not wait for its end."""
        self._ending.set()
        self._thread.join(timeout=self._duration)
        if self.leads:
            self._deadline = float("-inf")
            try:
                found = self._api.get(f"{self._collection}/{self._name}")
                if found.get("spec", {}).get("holderIdentity") == self._identity:
                    self._put(found, {**found["spec"], "holderIdentity": "", "leaseDurationSeconds": 1})
            except GitOpsMeshError as error:
                log.warning("the lease was not given back, and ends by itself: %s", error)

    def _run(self) -> None:
        while not self._ending.is_set():
            led = self.leads
            try:
                self._campaign()
                self.problem = ""
            except (ApiError, Unreachable) as error:
                self.problem = str(error)
            if self.leads != led:
                log.info("leads since epoch %d" if self.leads else "does not lead since epoch %d", self.epoch)
                self._changed()
            self._ending.wait(self._duration / 6)

    def _campaign(self) -> None:
        asked = time.monotonic()
        found = self._find()
        spec: Mapping[str, Any] = found.get("spec") or {}
        version = str((found.get("metadata") or {}).get("resourceVersion") or "")
        if self._seen[0] != version:
            self._seen = (version, asked)
        self.holder = str(spec.get("holderIdentity") or "")
        mine = self.holder == self._identity
        if not mine:
            self._deadline = float("-inf")
        duration = float(spec.get("leaseDurationSeconds") or self._duration)
        if not mine and self.holder and asked - self._seen[1] < duration:
            return
        transitions = int(spec.get("leaseTransitions") or 0)
        epoch = transitions if mine and self.epoch == transitions else max(transitions, self._floor()) + 1
        now = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        taken = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(round(self._duration), 1),
            "leaseTransitions": epoch,
            "acquireTime": spec.get("acquireTime") if mine else now,
            "renewTime": now,
        }
        try:
            answer = self._put(found, taken)
        except ApiError as error:
            if error.reason in ("Conflict", "AlreadyExists"):
                return
            raise
        self._seen = (str(answer["metadata"]["resourceVersion"]), asked)
        self.holder, self.epoch = self._identity, epoch
        self._deadline = asked + self._duration * 2 / 3

    def _find(self) -> dict[str, Any]:
        try:
            return self._api.call("GET", f"{self._collection}/{self._name}", seconds=self._duration / 3)
        except ApiError as error:
            if error.reason == "NotFound":
                return {}
            raise

    def _put(self, found: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": dict(spec)}
        seconds = self._duration / 3
        if not found:
            body["metadata"] = {"name": self._name, "namespace": self._namespace}
            return self._api.call("POST", self._collection, None, body, seconds=seconds)
        version = found["metadata"]["resourceVersion"]
        body["metadata"] = {"name": self._name, "namespace": self._namespace, "resourceVersion": version}
        return self._api.call("PUT", f"{self._collection}/{self._name}", None, body, seconds=seconds)
