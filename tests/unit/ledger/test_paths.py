from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_mesh.errors import LedgerError
from gitops_mesh.ledger.paths import files_of, identity, key_of, part_of, rollout_path
from gitops_mesh.model.ledger import TreeChange
from gitops_mesh.model.objects import ObjectKey

REVIEWS = ObjectKey("networking.istio.io", "VirtualService", "shop", "reviews")
CHANGE = TreeChange("live", None, "{}")


def test_where_an_object_stands() -> None:
    assert dict(files_of(REVIEWS, CHANGE)) == {
        "objects/networking.istio.io/VirtualService/shop/reviews.yaml": b"live",
        "accepted/networking.istio.io/VirtualService/shop/reviews.yaml": None,
        "state/networking.istio.io/VirtualService/shop/reviews.json": b"{}",
    }
    cluster_wide = ObjectKey("", "Namespace", "", "shop")
    assert next(files_of(cluster_wide, CHANGE))[0] == "objects/core/Namespace/_cluster/shop.yaml"


@pytest.mark.parametrize(
    "name", ["..", ".", ".git", "a/b", "../x", "a..b", "", "a\nb", "-a", "a ", "a\\b", "é", '"a"', "x" * 300]
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    for key in (
        ObjectKey("g", "K", "n", name),
        ObjectKey("g", "K", name or "..", "x"),
        ObjectKey("g", name, "n", "x"),
        ObjectKey(name or "/", "K", "n", "x"),
    ):
        with pytest.raises(LedgerError, match="cannot keep"):
            identity(key)


def test_a_namespace_cannot_pose_as_none() -> None:
    for key in (ObjectKey("g", "K", "_cluster", "x"), ObjectKey("core", "K", "n", "x")):
        with pytest.raises(LedgerError):
            identity(key)


@settings(max_examples=50)
@given(*(st.from_regex(r"\A[a-z]([a-z0-9.-]{0,9}[a-z0-9])?\Z").filter(lambda t: ".." not in t and t != "core"),) * 4)
def test_a_path_means_the_object_that_it_was_made_for(group: str, kind: str, namespace: str, name: str) -> None:
    for key in (ObjectKey(group, kind, namespace, name), ObjectKey("", kind, "", name)):
        assert key_of(identity(key)) == key
        assert [part_of(path) for path, _ in files_of(key, CHANGE)] == [
            ("live", key),
            ("accepted", key),
            ("state", key),
        ]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "objects",
        "README.md",
        "objects/x.yaml",
        "objects/g/K/n/x.json",
        "objects/g/K/n/x/y.yaml",
        "objects/g/K/../x.yaml",
        "objects/_cluster/K/n/x.yaml",
        "other/g/K/n/x.yaml",
        "state/g/K/n/.json",
        "rollouts/r-1.jsonl",
    ],
)
def test_files_of_somebody_else_mean_nothing(path: str) -> None:
    assert part_of(path) is None


def test_a_rollout_has_one_file() -> None:
    assert rollout_path("reviews-1a2b") == "rollouts/reviews-1a2b.jsonl"
    for rollout in ("", "../x", "a/b", "a\nb", "."):
        with pytest.raises(LedgerError):
            rollout_path(rollout)
