"""Envoy's supervisor, as others see it: `start`, `stop`, `running`.

The supervisor is a process of its own, because Envoy ends with the process that started it, and the
daemon may come and go without taking the traffic with it. It holds a lock on `supervisor.lock` for as
long as it lives, so nobody has to guess whether a process id is still the right one.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitops_mesh.cluster.standalone.admin import Admin
from gitops_mesh.cluster.standalone.binary import find_envoy
from gitops_mesh.cluster.standalone.bootstrap import LOOPBACK, bootstrap, clusters_file, discovery, listeners_file
from gitops_mesh.cluster.standalone.feeds import Feed
from gitops_mesh.cluster.standalone.keeper import ENDED, LOCK, LOG, end_orphan, holder, keep
from gitops_mesh.errors import Busy, ClusterError, Unreachable
from gitops_mesh.model.settings import StandaloneSettings

READY = 20.0
"""Seconds that Envoy may take to serve; it takes 0.2."""
STOP = 10.0
"""Seconds that the supervisor may take to end before it is made to."""
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A supervisor that runs, and the Envoy below it."""

    pid: int
    folder: Path
    admin_port: int

    def stop(self) -> None:
        """End both."""
        stop(self.folder)


def start(state_dir: Path, settings: StandaloneSettings, *, envoy: Path | None = None) -> Supervisor:
    """Run Envoy in this folder (the one that `EnvoyPlane` writes), or find the one that runs; back when it serves.

    One that runs with another admin port is replaced. Raises ClusterError (no Envoy, it does not start),
    Busy (a port in use, with the key of the configuration that names it).
    """
    folder = state_dir.resolve()
    wanted = bootstrap(folder, settings)
    file = Feed("bootstrap", folder / "bootstrap.json", "")
    pid = running(folder)
    if pid and file.content() == wanted:
        _await_ready(folder, settings, None)
        return Supervisor(pid, folder, settings.admin_port)
    binary = find_envoy(envoy)
    stop(folder)
    _free(LOOPBACK, settings.admin_port, "clusters[].standalone.adminPort")
    _free(settings.address, settings.mesh_port, "clusters[].standalone.meshPort")
    file.put(wanted)
    for path in (clusters_file(folder), listeners_file(folder)):
        feed = Feed(path.stem, path, "")
        if not feed.content():
            feed.put(discovery([])[0])
    said = len(_text(folder / LOG))
    _spawn(folder, binary)
    _await_ready(folder, settings, said)
    return Supervisor(running(folder) or 0, folder, settings.admin_port)


def running(state_dir: Path) -> int | None:
    """The process id of the supervisor of this folder, `None` when there is none."""
    return holder(state_dir.resolve() / LOCK)


def stop(state_dir: Path) -> None:
    """End the supervisor of this folder and its Envoy; back when they are gone. None is fine."""
    folder = state_dir.resolve()
    for send, patience in ((signal.SIGTERM, STOP), (signal.SIGKILL, STOP)):
        pid = running(folder)
        if pid is None:
            end_orphan(folder)
            return
        with suppress(ProcessLookupError):
            if send is signal.SIGKILL:
                os.killpg(pid, send)
            else:
                os.kill(pid, send)
        until = time.monotonic() + patience
        while running(folder) == pid and time.monotonic() < until:
            time.sleep(_POLL)
    if running(folder):
        raise ClusterError(f"Envoy's supervisor in {folder} does not end", remedy="end it by hand, and see its log")


def _spawn(folder: Path, binary: Path) -> None:
    command = [sys.executable, "-m", "gitops_mesh.cluster.standalone.supervisor", "--state", str(folder)]
    with (folder / LOG).open("ab") as log:
        subprocess.run(
            [*command, "--envoy", str(binary)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", check=False
        )


def _await_ready(folder: Path, settings: StandaloneSettings, said: int | None) -> None:
    """One that was just started has to come up at once; one that was there may be coming back from a crash.

    `said` is how much the supervisor's log held before the start.
    """
    admin = Admin(settings.admin_port)
    until = time.monotonic() + READY
    while time.monotonic() < until and (said is None or ENDED not in _text(folder / LOG)[said:]):
        with suppress(Unreachable):
            if admin.live() and running(folder):
                return
        time.sleep(_POLL)
    stop(folder)
    words = (_text(folder / "envoy.log") or _text(folder / LOG)).strip().splitlines()
    reason = words[-1][-500:] if words else "it says nothing"
    raise ClusterError(f"Envoy does not start: {reason}", remedy=f"see {folder / 'envoy.log'}")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _free(address: str, port: int, key: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise Busy(
                f"port {port} on {address} cannot be used: {error.strerror}",
                remedy=f"end what uses it, or choose another port in the configuration, {key}",
            ) from error


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
