"""The demo's folder: a bare origin, a working clone, a configuration, logs, on free ports of loopback."""

from __future__ import annotations

import random
import shutil
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import yaml

from gitops_mesh.demo.team import BRANCH, Team
from gitops_mesh.errors import Busy, GitOpsMeshError

CLUSTER = "demo"
LEDGER = f"gitops-mesh/ledger/{CLUSTER}"
ROUTE = "mesh/reviews.yaml"
POLICY = "mesh/rollout-policy.yaml"
BELOW_EPHEMERAL = range(20000, 32000)
"""Ports that no outgoing connection takes by chance (Linux begins those at 32768)."""


@dataclass(frozen=True, slots=True)
class Ports:
    mesh: int
    admin: int
    gateway: int
    server: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the demo dwells: seconds."""

    bake: float
    watch: float
    poll: float = 1.0
    rate: float = 200.0
    """Requests a second to `reviews`."""
    steps: tuple[float, ...] = (0.1, 0.25, 0.5)
    """Fractions on the way; the last step, 1, is always there."""


SHOWN = Pace(bake=8, watch=8, steps=(0.05, 0.1, 0.25, 0.5))
FAST = Pace(bake=2.5, watch=2)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of one demo is."""

    folder: Path
    ports: Ports

    @property
    def origin(self) -> Path:
        return self.folder / "origin.git"

    @property
    def clone(self) -> Path:
        return self.folder / "shop"

    @property
    def config(self) -> Path:
        return self.folder / "gitops-mesh.yaml"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


def free_ports(count: int) -> tuple[int, ...]:
    """So many ports of loopback that nobody listens on now."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(BELOW_EPHEMERAL, len(BELOW_EPHEMERAL)):
            try:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return tuple(found)
    raise Busy(f"no {count} free ports on loopback between {BELOW_EPHEMERAL.start} and {BELOW_EPHEMERAL.stop}")


def make(folder: Path, template: Path, pace: Pace) -> tuple[Layout, Team]:
    """The folder with its repositories. Raises GitOpsMeshError when there is something in it already."""
    if folder.exists() and any(folder.iterdir()):
        raise GitOpsMeshError(f"{folder} is not empty", remedy="name a folder that is empty or not there yet")
    layout = Layout(folder, Ports(*free_ports(4)))
    layout.log("").parent.mkdir(parents=True)
    shutil.copytree(template, layout.clone)
    put_policy(layout.clone, pace)
    return layout, Team.found(layout.origin, layout.clone)


def put_policy(repository: Path, pace: Pace) -> None:
    """Let rollouts go at this pace."""
    (repository / POLICY).write_text(yaml.safe_dump(policy(pace), sort_keys=False))


def policy(pace: Pace) -> dict[str, object]:
    """A RolloutPolicy for people who watch."""
    steps = [
        *({"fraction": fraction, "bake": f"{pace.bake:g}s"} for fraction in pace.steps),
        {"fraction": 1, "bake": "0s"},
    ]
    return {
        "apiVersion": "gitops-mesh.io/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "demo", "namespace": "shop"},
        "spec": {
            "selector": {"namespaces": ["shop"]},
            "steps": steps,
            "analysis": {
                "interval": "1s",
                "metrics": [{"name": "error-rate", "limit": 0.01, "margin": 0.01, "minRequests": 25}],
            },
            "watch": f"{pace.watch:g}s",
            "deadlines": {"hold": "60s"},
        },
    }


def configure(layout: Layout, backends: Mapping[str, int], pace: Pace) -> None:
    """Write the daemon's configuration for these backends."""
    ports = layout.ports
    reviews = [
        {"address": "127.0.0.1", "port": port, "labels": {"version": name}}
        for name, port in backends.items()
        if name.startswith("v")
    ]
    frontend = [{"address": "127.0.0.1", "port": backends["frontend"]}]
    content = {
        "source": {"repository": layout.origin.name, "branch": BRANCH, "path": "mesh", "interval": f"{pace.poll:g}s"},
        "clusters": [
            {
                "name": CLUSTER,
                "kind": "standalone",
                "standalone": {
                    "meshPort": ports.mesh,
                    "adminPort": ports.admin,
                    "ports": {80: ports.gateway},
                    "endpoints": {"reviews.shop": reviews, "frontend.shop": frontend},
                },
            }
        ],
        "server": f"127.0.0.1:{ports.server}",
    }
    layout.config.write_text(yaml.safe_dump(content, sort_keys=False))
