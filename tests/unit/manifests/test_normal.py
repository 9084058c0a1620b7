from gitops_mesh.manifests.normal import fingerprint, key_of, normal
from gitops_mesh.model.objects import ObjectKey


def test_the_fingerprint_ignores_what_the_server_adds_and_our_state() -> None:
    body = {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": {"b": [1], "a": 2}}
    live = {
        "status": {"x": 1},
        "spec": {"a": 2, "b": [1]},
        "kind": "A",
        "apiVersion": "v1",
        "metadata": {"name": "a", "uid": "u", "labels": {}, "annotations": {"gitops-mesh.io/accepted": "{}"}},
    }
    assert fingerprint(body) == fingerprint(live)
    assert fingerprint(body) != fingerprint({**body, "spec": {"b": [1], "a": 3}})
    assert normal(live) == body


def test_users_annotations_under_our_prefix_stay() -> None:
    body = {"metadata": {"annotations": {"gitops-mesh.io/note": "x", "gitops-mesh.io/epoch": "1"}}}
    assert normal(body) == {"metadata": {"annotations": {"gitops-mesh.io/note": "x"}}}


def test_cluster_scoped_kinds_have_no_namespace() -> None:
    group = "gateway.networking.k8s.io"
    body = {"apiVersion": f"{group}/v1", "kind": "GatewayClass", "metadata": {"name": "a"}}
    assert key_of(body) == ObjectKey(group, "GatewayClass", "", "a")
    assert key_of({**body, "kind": "Gateway"}) == ObjectKey(group, "Gateway", "default", "a")
