from typing import Any

import pytest

from gitops_mesh.model.plan import Wave
from gitops_mesh.plan import kinds
from tests.fakes.meshes import GATEWAY_API, ISTIO, body, http_route, rule, virtual_service

PAIRS = [
    (body("Namespace", None, group=""), Wave.PREREQUISITES, Wave.PRUNE_PREREQUISITES),
    (rule({}), Wave.DESTINATION_RULES, Wave.PRUNE_DESTINATION_RULES),
    (body("ServiceEntry", {}), Wave.ENTRIES_AND_GATEWAYS, Wave.PRUNE_ENTRIES_AND_GATEWAYS),
    (body("Gateway", {}), Wave.ENTRIES_AND_GATEWAYS, Wave.PRUNE_ENTRIES_AND_GATEWAYS),
    (body("VirtualService", {"http": []}), Wave.DELEGATES, Wave.PRUNE_DELEGATES),
    (body("ReferenceGrant", {}, group=GATEWAY_API), Wave.GRANTS, Wave.PRUNE_DELEGATES),
    (virtual_service(), Wave.ROUTES, Wave.PRUNE_ROUTES),
    (http_route(), Wave.ROUTES, Wave.PRUNE_ROUTES),
]


@pytest.mark.parametrize(("found", "made", "pruned"), PAIRS)
def test_each_kind_has_its_waves(found: Any, made: Wave, pruned: Wave) -> None:
    assert kinds.wave(found) is made
    assert kinds.prune_wave(found) is pruned


def test_what_refers_to_others_comes_after_them_and_goes_before_them() -> None:
    by_making = [kinds.prune_wave(found) for found, made, _ in sorted(PAIRS, key=lambda pair: pair[1])]
    assert by_making == sorted(by_making, reverse=True)


def test_unknown_kinds_of_the_mesh_are_not_called_harmless() -> None:
    assert kinds.cutover_fields((ISTIO, "NewThing")) == kinds.EVERYTHING
    assert kinds.cutover_fields((kinds.SECURITY, "AuthorizationPolicy")) == kinds.EVERYTHING
    assert kinds.cutover_fields(("example.com", "Other")) == frozenset()


def test_the_table_of_the_docstring_names_every_kind() -> None:
    for _, kind in kinds.CUTOVER_FIELDS:
        assert kind in (kinds.__doc__ or "")


def test_only_routes_route_traffic() -> None:
    assert kinds.routes_traffic(virtual_service())
    assert not kinds.routes_traffic(rule({}))
