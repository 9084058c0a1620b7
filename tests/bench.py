"""`make bench`: how long the usual things take here, each the best of a few runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from gitops_mesh import views
from gitops_mesh.manifests.limits import Limits
from gitops_mesh.manifests.parse import parse

SERVICES = 500

MANIFESTS = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: svc-{n}, namespace: shop}}
spec:
  host: svc-{n}
  subsets:
    - {{name: v1, labels: {{version: v1}}}}
    - {{name: v2, labels: {{version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: svc-{n}, namespace: shop}}
spec:
  hosts: [svc-{n}]
  http:
    - name: main
      timeout: 3s
      route:
        - {{destination: {{host: svc-{n}, subset: v1}}, weight: 90}}
        - {{destination: {{host: svc-{n}, subset: v2}}, weight: 10}}
"""


def best(what: str, work: Callable[[], object], runs: int = 3) -> None:
    times = []
    for _ in range(runs):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    print(f"{what:<48} {min(times) * 1000:9.1f} ms")


def main() -> None:
    command = [sys.executable, "-m", "gitops_mesh", "--help"]
    best("gitops-mesh --help", lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True), 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n in range(SERVICES):
            (folder / f"{n}.yaml").write_text(MANIFESTS.format(n=n))
        contents = [path.read_bytes() for path in sorted(folder.glob("*.yaml"))]
        best(f"parse {SERVICES} files", lambda: [parse(c, "a.yaml", limits=Limits()) for c in contents])
        best(f"validate {SERVICES} files", lambda: views.validate(folder, None))


if __name__ == "__main__":
    main()
