"""The command line as a user meets it: processes, a real repository, a real Envoy, HTTP."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.backend import free_ports
from tests.fakes.repository import Repository
from tests.fakes.standalone import need_envoy, until

pytestmark = pytest.mark.e2e

MESH = [sys.executable, "-m", "gitops_mesh"]


class Shop:
    """A repository that was laid out by `init`, and its configuration on free ports."""

    def __init__(self, folder: Path) -> None:
        need_envoy()
        self.repository = Repository.create(folder)
        laid_out = folder / "laid-out"
        subprocess.run([*MESH, "init", str(laid_out)], check=True, capture_output=True)
        files = {str(p.relative_to(laid_out)): p.read_bytes() for p in laid_out.rglob("*") if p.is_file()}
        self.repository.commit(files, "Begin the mesh")
        text = (laid_out / "gitops-mesh.yaml").read_text().replace("repository: .", "repository: origin.git")
        self.mesh, self.admin, self.gateway, self.server = free_ports(4)
        ports = {"15001": self.mesh, "15000": self.admin, "8080": self.gateway, "8642": self.server}
        self.config = folder / "gitops-mesh.yaml"
        self.config.write_text(re.sub(r"15001|15000|8080|8642", lambda found: str(ports[found[0]]), text))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MESH, "-c", str(self.config), *words], capture_output=True, text=True, check=False, timeout=30
        )

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        command = [*MESH, "-c", str(self.config), *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            try:
                yield child
            finally:
                child.terminate()

    def ask(self, path: str) -> tuple[int, bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.server, timeout=5)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            line.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.run("envoy", "stop")


def test_a_day_with_the_daemon(shop: Shop) -> None:
    assert shop.run("plan", "--exit-code").returncode == 2
    assert shop.run("status", "--exit-code").returncode == 1
    assert f"mesh routes on 127.0.0.1:{shop.mesh}" in shop.run("envoy", "start").stdout
    with shop.started("run") as daemon:
        until(lambda: shop.ask("/readyz")[0] == 200)
        until(lambda: shop.run("status", "--exit-code").returncode == 0)
        assert shop.run("plan", "--exit-code").returncode == 0
        second = shop.run("run")
        assert (second.returncode, second.stdout) == (1, "")
        assert f"another daemon (process {daemon.pid}) works on the state" in second.stderr

        edited = (shop.repository.clone / "mesh/reviews.yaml").read_text().replace("subset: v1", "subset: v9")
        bad = shop.repository.commit({"mesh/reviews.yaml": edited}, "Break it")
        until(lambda: b"v9" in shop.ask("/api/status")[1])  # seen at once: the repository is watched
        status = json.loads(shop.ask("/api/status")[1])
        assert (status["head"], status["clusters"][0]["diverges"]) == (bad, True)
        assert re.search(r"mesh/reviews\.yaml:\d+:\d+: error: .*v9", shop.run("status").stdout)

        daemon.send_signal(signal.SIGTERM)
        _, log = daemon.communicate(timeout=20)
        assert daemon.returncode == 0
    assert re.search(r"^time=\S+Z level=info room=daemon message=\"HEAD is [0-9a-f]{40}\"$", log, re.MULTILINE)
    events = [line.split()[2] for line in shop.run("history").stdout.splitlines()]
    assert events[0] == "Created"
    assert events[-1] == "Rejected"
    assert shop.run("envoy", "status").returncode == 0, "it outlives the daemon"


def test_reconcile_does_one_pass(shop: Shop) -> None:
    shop.run("envoy", "start")
    told = shop.run("reconcile")
    assert told.returncode == 0, told.stderr
    assert "cluster local is at HEAD" in told.stdout


def test_without_envoy_reconcile_says_what_to_do(shop: Shop) -> None:
    told = shop.run("reconcile")
    assert told.returncode == 1
    assert "Envoy" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr


def test_envoy_stays_in_the_foreground_until_it_is_told(shop: Shop) -> None:
    with shop.started("envoy", "run") as envoy:
        assert envoy.stdout is not None
        assert f":{shop.mesh}, admin on 127.0.0.1:{shop.admin}" in envoy.stdout.readline()
        assert shop.run("envoy", "status").returncode == 0
        envoy.terminate()
        assert envoy.stdout.read() == "Envoy is stopped\n"
    assert envoy.returncode == 0
    assert shop.run("envoy", "status").returncode == 1


def test_a_port_in_use_is_told_with_the_key(shop: Shop) -> None:
    with shop.started("envoy", "run") as envoy:
        assert envoy.stdout is not None
        envoy.stdout.readline()
        text = shop.config.read_text().replace(f"127.0.0.1:{shop.server}", f"127.0.0.1:{shop.admin}")
        shop.config.write_text(text)
        told = shop.run("run")
    assert told.returncode == 1
    assert f"error: the server cannot listen on 127.0.0.1:{shop.admin}: Address already in use" in told.stderr
    assert "Traceback" not in told.stderr
