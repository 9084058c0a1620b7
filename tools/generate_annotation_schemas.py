"""Write `gitops_mesh/rollout/annotations.schema.json` from the types of the state on an object.

python tools/generate_annotation_schemas.py           # rewrites it
python tools/generate_annotation_schemas.py --check   # exits 1 if the committed one differs
"""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from gitops_mesh.rollout.annotations import TYPES

TARGET = Path(__file__).resolve().parent.parent / "gitops_mesh" / "rollout" / "annotations.schema.json"
SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"anyOf": [{"type": "number"}, {"const": "inf"}]},
    Fraction: {"type": "string", "pattern": "^[0-9]+(/[0-9]+)?$"},
}


def main() -> int:
    text = json.dumps(whole(), indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv[1:]:
        same = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        print("the schema is up to date" if same else f"{TARGET.name} is out of date")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


def whole() -> dict[str, Any]:
    """One property for each annotation, and the types that they are made of."""
    definitions: dict[str, Any] = {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The annotations below gitops-mesh.io/ that hold the state of an object, parsed from their JSON.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: schema(wanted, definitions) for name, wanted in TYPES.items()},
        "$defs": definitions,
    }


def schema(wanted: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a declared type."""
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return {"anyOf": [{"type": "null"} if arg is type(None) else schema(arg, definitions) for arg in args]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return {"type": "array", "items": schema(args[0], definitions)}
        items = [schema(arg, definitions) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is not None:
        return {"type": "object", "additionalProperties": schema(args[1], definitions)}
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return {"enum": [member.value for member in wanted]}
    if isinstance(wanted, type) and is_dataclass(wanted):
        if wanted.__name__ not in definitions:
            definitions[wanted.__name__] = {}
            definitions[wanted.__name__] = _object(wanted, definitions)
        return {"$ref": f"#/$defs/{wanted.__name__}"}
    return SCALARS[wanted]


def _object(wanted: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(wanted)
    needed = [f.name for f in fields(wanted) if f.default is MISSING and f.default_factory is MISSING]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": needed,
        "properties": {f.name: schema(hints[f.name], definitions) for f in fields(wanted)},
    }


if __name__ == "__main__":
    sys.exit(main())
