"""The data plane as the standalone cluster sees it."""

from __future__ import annotations

from typing import Protocol

from gitops_mesh.cluster.standalone.translate.config import MeshConfig


class DataPlane(Protocol):
    """Takes whole configurations; what is in force afterwards is exactly the last one that it took."""

    def blank(self) -> bool:
        """Whether nothing was ever put in force."""
        ...

    def sync(self, config: MeshConfig) -> None:
        """Put this configuration in force and come back when it is. One that is in force already costs nothing.

        Raises Refused, quoting the data plane (then the one before is in force again), and Unreachable.
        """
        ...
