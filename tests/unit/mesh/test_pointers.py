"""Which pointers may leave a field to others."""

import pytest

from gitops_mesh.mesh.pointers import parsed


@pytest.mark.parametrize(
    ("pointer", "kind", "segments"),
    [
        ("/spec/http/0/timeout", "VirtualService", ("spec", "http", "0", "timeout")),
        ("/spec/http/*/retries/attempts", "", ("spec", "http", "*", "retries", "attempts")),
        ("/spec/hosts", "VirtualService", ("spec", "hosts")),
        ("/metadata/labels/x", "Gateway", ("metadata", "labels", "x")),
        ("/metadata/annotations/example.com~1a~0b", "", ("metadata", "annotations", "example.com/a~b")),
        ("/metadata/labels/~01", "", ("metadata", "labels", "~1")),
        ("/spec/rules", "AuthorizationPolicy", ("spec", "rules")),
        ("/spec/host", "Sidecar", ("spec", "host")),
        ("/spec/trafficPolicy", "DestinationRule", ("spec", "trafficPolicy")),
    ],
)
def test_segments_are_read_as_rfc_6901_says(pointer: str, kind: str, segments: tuple[str, ...]) -> None:
    assert parsed(pointer, kind) == segments


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("", "a pointer begins with `/`"),
        ("spec.http[0].timeout", "a pointer begins with `/`; expected a field below /spec"),
        ("/spec/a~", "after `~` comes 0 or 1"),
        ("/spec/a~2b", "after `~` comes 0 or 1"),
        ("/", "expected a field below /spec"),
        ("/spec", "expected a field below /spec"),
        ("/status/x", "expected a field below /spec"),
        ("/*/x", "expected a field below /spec"),
        ("/metadata/name", "one of /metadata/labels and /metadata/annotations"),
        ("/metadata/labels", "one of /metadata/labels and /metadata/annotations"),
        ("/metadata/labels/x/y", "one of /metadata/labels and /metadata/annotations"),
        ("/spec/http//timeout", "a segment of it is empty"),
        ("/metadata/annotations/gitops-mesh.io~1drift", "annotations of gitops-mesh itself are always as in Git"),
    ],
)
def test_what_is_no_pointer_to_a_field_is_refused(pointer: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z]") as error:
        parsed(pointer, "VirtualService")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("pointer", "kind", "own"),
    [
        ("/spec/http/0/route", "VirtualService", "/spec/http/*/route"),
        ("/spec/http/*/route/0/weight", "VirtualService", "/spec/http/*/route"),
        ("/spec/http", "VirtualService", "/spec/http/*/name"),
        ("/spec/*", "VirtualService", "/spec/http/*/name"),
        ("/spec/tcp/*/*", "VirtualService", "/spec/tcp/*/name"),
        ("/spec/rules/1/backendRefs", "GRPCRoute", "/spec/rules/*/backendRefs"),
        ("/spec/rules", "", "/spec/rules/*/name"),
        ("/spec/subsets/0/labels/version", "DestinationRule", "/spec/subsets"),
        ("/spec/host", "DestinationRule", "/spec/host"),
    ],
)
def test_what_is_shifted_is_left_to_nobody(pointer: str, kind: str, own: str) -> None:
    with pytest.raises(ValueError, match="by which gitops-mesh shifts traffic") as error:
        parsed(pointer, kind)
    assert own in str(error.value)
