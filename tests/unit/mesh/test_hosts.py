import pytest

from gitops_mesh.mesh.hosts import covers, fqdn


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("reviews", "reviews.shop.svc.cluster.local"),
        ("Reviews", "reviews.shop.svc.cluster.local"),
        ("reviews.shop.svc.cluster.local.", "reviews.shop.svc.cluster.local"),
        ("api.example.com", "api.example.com"),
        ("*", "*"),
        ("*.example.com", "*.example.com"),
        ("*-eu", "*-eu"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_a_name_without_a_dot_is_a_service_of_the_namespace(written: str, full: str) -> None:
    assert fqdn(written, "shop") == full


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("*", "anything", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*-eu.example.com", "shop-eu.example.com", True),
        ("*-eu.example.com", "shop-us.example.com", False),
    ],
)
def test_wildcards_cover_by_their_end(pattern: str, host: str, *, covered: bool) -> None:
    assert covers(pattern, host) is covered
