import re

from gitops_mesh.mesh.series import series
from gitops_mesh.model.routes import Destination, RouteRef
from tests.fakes.meshes import key, to


def test_each_route_destination_and_mirror_has_a_name_of_its_own() -> None:
    main, other = RouteRef(key(), "http/main"), RouteRef(key(), "http/other")
    names = [
        series(main, to("v1")),
        series(main, to("v2")),
        series(other, to("v1")),
        series(main, to("v1"), mirror=True),
        series(main, Destination(to().host, "v1", 80)),
        series(RouteRef(key(namespace="prod"), "http/main"), to("v1")),
    ]
    assert len(set(names)) == len(names)
    assert names[0].startswith("reviews_v1_")
    assert names[0] == series(main, to("v1"))


def test_a_name_is_safe_in_statistics() -> None:
    name = series(RouteRef(key(), "http/é"), Destination("bücher-shop.example.com", "v1.2"))
    assert re.fullmatch(r"[a-zA-Z0-9_]+", name)
