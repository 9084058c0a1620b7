"""Starts the real parts, in the order in which they need each other, and ends them in reverse."""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import orjson

from gitops_mesh.app import standalone_state
from gitops_mesh.cluster.standalone import supervisor
from gitops_mesh.cluster.standalone.keeper import LOCK
from gitops_mesh.config import load
from gitops_mesh.demo import backends, layout, wire
from gitops_mesh.demo.acts import Play, Screen
from gitops_mesh.demo.children import Children
from gitops_mesh.demo.layout import Layout, Pace
from gitops_mesh.demo.load import Load, Target
from gitops_mesh.demo.watching import Watch
from gitops_mesh.errors import GitOpsMeshError

START = 30.0
"""Seconds within which each part must be there."""
GATEWAY_RATE = 10.0
"""Requests a second from outside; each makes the frontend ask `reviews` once."""


@contextmanager
def staged(folder: Path, template: Path, pace: Pace, screen: Screen) -> Iterator[Play]:
    """Everything running, with traffic on v1. Raises GitOpsMeshError naming the part that does not start."""
    with ExitStack() as stack:
        where, team = layout.make(folder, template, pace)
        screen.say(f"the team's repository: {where.clone} (origin {where.origin})")
        children = stack.enter_context(Children())
        ports = _backends(children, where)
        layout.configure(where, ports, pace)
        _envoy(children, where)
        children.start("daemon", command("run", where), where.log("daemon"))
        load = Load(_targets(where, pace))
        watch = Watch(ports["control"], where.ports.server, load)
        _wait(children, where, "daemon", "to answer", lambda: watch.status() is not None)
        _wait(children, where, "daemon", "to route the first requests", lambda: _routes(where))
        screen.say(f"Envoy routes reviews on 127.0.0.1:{where.ports.mesh}, {pace.rate:.0f} requests a second are on v1")
        stack.enter_context(load)
        yield Play(where, pace, team, watch, children, screen)


def command(verb: str, where: Layout) -> list[str]:
    """The product's command line, on this demo's configuration."""
    return [sys.executable, "-m", "gitops_mesh", "-c", str(where.config), verb]


def _backends(children: Children, where: Layout) -> dict[str, int]:
    """Start the services; the port of each."""
    line = [sys.executable, "-m", backends.__name__, "--mesh-port", str(where.ports.mesh)]
    child = children.start("backends", line, where.log("backends"), piped=True)
    if child.stdout is None:
        raise GitOpsMeshError("the backends have no output to name their ports on")
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        announced = child.stdout.readline() if selector.select(START) else b""
    if not announced:
        raise GitOpsMeshError(f"the demo's backends did not start: {_tail(where, 'backends')}")
    ports: dict[str, int] = orjson.loads(announced)
    return ports


def _envoy(children: Children, where: Layout) -> None:
    """Run Envoy where the daemon will look for it."""
    settings = load(where.config, env={})
    mesh = settings.clusters[0]
    folder = standalone_state(settings, mesh) / "envoy"
    folder.mkdir(parents=True, exist_ok=True)
    children.adopt("envoy", folder / LOCK)
    supervisor.start(folder, mesh.standalone)


def _targets(where: Layout, pace: Pace) -> list[Target]:
    return [
        Target("mesh", where.ports.mesh, backends.REVIEWS_HOST, "/reviews/1", pace.rate),
        Target("gateway", where.ports.gateway, "shop.example.com", "/", GATEWAY_RATE, connections=2),
    ]


def _routes(where: Layout) -> bool:
    """Whether both ways in are answered by a backend."""
    try:
        mesh = asyncio.run(wire.get(where.ports.mesh, backends.REVIEWS_HOST, "/reviews/1"))
        gateway = asyncio.run(wire.get(where.ports.gateway, "shop.example.com", "/"))
    except (OSError, EOFError, TimeoutError, wire.Malformed):
        return False
    return all(wire.SERVED_BY in got.headers for got in (mesh, gateway))


def _wait(children: Children, where: Layout, name: str, what: str, there: Callable[[], bool]) -> None:
    end, pause = monotonic() + START, Event()
    while not there():
        try:
            children.check()
        except GitOpsMeshError as error:
            raise GitOpsMeshError(f"{error.message}: {_tail(where, name)}") from error
        if monotonic() > end:
            raise GitOpsMeshError(f"waited {START:.0f} s for the {name} {what}: {_tail(where, name)}")
        pause.wait(0.1)


def _tail(where: Layout, name: str) -> str:
    """The end of a log, for an error's message."""
    lines = where.log(name).read_text(errors="replace").splitlines()[-8:]
    return "\n  ".join(["", *lines]) if lines else "its log is empty"
