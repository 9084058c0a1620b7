"""Small bodies for tests of the pure rooms, and Hypothesis strategies for them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from gitops_mesh.model.objects import ObjectKey
from gitops_mesh.model.routes import Destination, Split

ISTIO = "networking.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"


def body(kind: str, spec: Any, name: str = "reviews", namespace: str = "shop", group: str = ISTIO, **meta: Any) -> Any:
    version = f"{group}/v1" if group else "v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": spec,
    }


def entry(subset: str = "", weight: int | None = None, host: str = "reviews", **more: Any) -> dict[str, Any]:
    to = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": to, **({} if weight is None else {"weight": weight}), **more}


def route(weights: Mapping[str, int], name: str = "", match: Any = None, **more: Any) -> dict[str, Any]:
    """A VirtualService's HTTP route from subset → weight."""
    out: dict[str, Any] = {"name": name} if name else {}
    if match is not None:
        out["match"] = match
    return {**out, "route": [entry(subset, weight) for subset, weight in weights.items()], **more}


def virtual_service(*http: Any, name: str = "reviews", namespace: str = "shop", **spec: Any) -> Any:
    return body("VirtualService", {"hosts": ["reviews"], "http": list(http), **spec}, name, namespace)


def rule(subsets: Mapping[str, str], name: str = "reviews", host: str = "reviews", **spec: Any) -> Any:
    """A DestinationRule from subset → version label."""
    listed = [{"name": subset, "labels": {"version": version}} for subset, version in subsets.items()]
    return body("DestinationRule", {"host": host, "subsets": listed, **spec}, name)


def backend(name: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


def http_route(*rules: Any, name: str = "reviews") -> Any:
    spec = {"parentRefs": [{"name": "edge"}], "rules": list(rules)}
    return body("HTTPRoute", spec, name, group=GATEWAY_API)


def key(kind: str = "VirtualService", name: str = "reviews", namespace: str = "shop", group: str = ISTIO) -> ObjectKey:
    return ObjectKey(group, kind, namespace, name)


def to(subset: str = "", host: str = "reviews") -> Destination:
    return Destination(host if "." in host else f"{host}.shop.svc.cluster.local", subset)


def split(**weights: int) -> Split:
    return Split.of({to(subset): Fraction(weight) for subset, weight in weights.items()})


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)

weights = st.dictionaries(
    st.sampled_from(["v1", "v2", "v3", "v4"]), st.integers(0, 100), min_size=1, max_size=4
).filter(lambda found: any(found.values()))

splits = weights.map(lambda found: split(**found))


@st.composite
def named_routes(draw: st.DrawFn) -> dict[str, Any]:
    """A route with a name of its own, perhaps a match, per-destination fields and a timeout."""
    name = draw(st.sampled_from(["a", "b", "c", "d"]))
    more = draw(st.fixed_dictionaries({}, optional={"timeout": st.sampled_from(["1s", "2s"]), "retries": st.just({})}))
    prefix = draw(st.sampled_from([None, "/a", "/b", "/c"]))
    match = None if prefix is None else [{"uri": {"prefix": prefix}}]
    out = route(draw(weights), name, match, **more)
    if draw(st.booleans()):
        out["route"][0]["headers"] = {"request": {"set": {"x": draw(st.sampled_from("yz"))}}}
    return out


virtual_services = st.lists(named_routes(), max_size=4).map(lambda found: virtual_service(*found))
unique_virtual_services = st.lists(named_routes(), max_size=4, unique_by=lambda r: r["name"]).map(
    lambda found: virtual_service(*found)
)
