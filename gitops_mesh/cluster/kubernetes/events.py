"""Kubernetes Events on the objects that a ledger entry is about: what `kubectl describe` shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from gitops_mesh.cluster.kubernetes.api import Api, ApiError
from gitops_mesh.cluster.kubernetes.decode import MANAGER
from gitops_mesh.errors import Unreachable
from gitops_mesh.model.ledger import Entry
from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.rollouts import Event
from gitops_mesh.ports import Clock

WARNINGS = frozenset(
    {Event.REGRESSED, Event.ROLLED_BACK, Event.EXPIRED, Event.ABORTED, Event.STATE_LOST, Event.REJECTED, Event.PAUSED}
)
LONGEST = 1000
"""Characters of a note; the API server takes 1,024 bytes."""
_MOST = 20
"""Objects of one entry that get an Event."""


class KubernetesEvents:
    """The Notifier port. `uid` tells an object's uid; `replica` is this process's name."""

    def __init__(self, api: Api, clock: Clock, uid: Callable[[ObjectKey], str], replica: str) -> None:
        self._api = api
        self._clock = clock
        self._uid = uid
        self._replica = replica

    def notify(self, cluster: str, entry: Entry) -> None:  # noqa: ARG002 - an Event is in its cluster
        """Write an Event for each object of the entry; one that is there already is fine. Raises Unreachable."""
        for key in entry.objects[:_MOST]:
            try:
                self._api.call(
                    "POST", f"/apis/events.k8s.io/v1/namespaces/{_home(key)}/events", None, self._event(key, entry)
                )
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise Unreachable(f"no Event on {key}: {error.message}") from error

    def _event(self, key: ObjectKey, entry: Entry) -> dict[str, object]:
        now = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        about = {"kind": key.kind, "namespace": key.namespace, "name": key.name, "uid": self._uid(key)}
        note = entry.sentence if not entry.weights else f"{entry.sentence} ({entry.weights})"
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{key.name[:200]}.{entry.operation}.{entry.sequence}", "namespace": _home(key)},
            "eventTime": now,
            "reportingController": f"{MANAGER}.io",
            "reportingInstance": self._replica[:128],
            "action": str(entry.event),
            "reason": str(entry.event),
            "type": "Warning" if entry.event in WARNINGS else "Normal",
            "note": note.encode()[:LONGEST].decode(errors="ignore"),
            "regarding": {"apiVersion": f"{key.group}/v1", **{k: v for k, v in about.items() if v}},
        }


def _home(key: ObjectKey) -> str:
    return key.namespace or "default"
