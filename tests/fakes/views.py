"""Objects in their three states, for tests of plans."""

from typing import Any

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.model.objects import Manifest
from gitops_mesh.model.plan import (
    InFlight,
    ObjectPlan,
    ObjectView,
    Plan,
)
from gitops_mesh.model.routes import RouteRef, SplitRecord
from gitops_mesh.model.state import ObjectState
from tests.fakes.meshes import key, route, split, virtual_service

X = virtual_service(route({"v1": 1}, "main"))
Y = virtual_service(route({"v1": 1}, "main", timeout="1s"))
Z = virtual_service(route({"v2": 1}, "main"))
KEPT = {"gitops-mesh.io/prune": "disabled"}


def view(desired: Any, accepted: Any, live: Any) -> ObjectView:
    key = key_of(desired or accepted or live)
    manifest = None if desired is None else Manifest(key, desired, "mesh/a.yaml", document=2)
    return ObjectView(key, manifest, accepted, live, ObjectState(origin="mesh/was.yaml"), scope="all")


def same(found: Any) -> ObjectView:
    return view(found, found, found)


def gone(found: Any) -> ObjectView:
    return view(None, found, found)


def flight(base: str = "v1", target: str = "v2") -> InFlight:
    records = [SplitRecord(split(**{subset: 1})) for subset in (base, target)]
    return InFlight(RouteRef(key(), "http/main"), "r1", records[0], records[1], split(**{base: 1, target: 1}))


def of(found: Plan, kind: str = "VirtualService", name: str = "reviews") -> ObjectPlan:
    [only] = [one for one in found.objects if (one.key.kind, one.key.name) == (kind, name)]
    return only


def names(changes: Any) -> list[str]:
    return [type(change).__name__ for change in changes]
