"""The control plane of the e2e tests, started once a session when something asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.controlplane.apiserver import ApiServer
from tests.controlplane.binaries import Binaries, Unavailable, binaries
from tests.controlplane.mesh import Mesh


@pytest.fixture(scope="session")
def programs() -> Binaries:
    """The control plane's programs; in CI a missing one fails, elsewhere it skips."""
    try:
        return binaries()
    except Unavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"the control plane cannot be built: {error}")
        pytest.skip(f"the control plane cannot be built: {error}")


@pytest.fixture(scope="session")
def api_server(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server with the CRDs and the namespaces `shop` and `gitops-mesh`."""
    server = ApiServer(programs, tmp_path_factory.mktemp("apiserver"))
    try:
        server.install_crds()
        server.namespace("shop", "gitops-mesh")
        yield server
    finally:
        server.stop()


@pytest.fixture
def test_mesh(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A whole mesh of its own."""
    with Mesh(programs, tmp_path_factory.mktemp("mesh")) as mesh:
        yield mesh
