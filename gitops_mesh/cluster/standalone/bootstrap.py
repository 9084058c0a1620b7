"""What Envoy is started with, and the envelope of what it reads afterwards. Pure.

    FOLDER/bootstrap.json
    FOLDER/cds/clusters.json        every cluster
    FOLDER/lds/listeners.json       every listener
    FOLDER/rds/NAME/routes.json     the routes of the listener NAME

Each file stands in a folder of its own, or a rename next to it would make Envoy read it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from gitops_mesh.cluster.standalone.translate.config import Listener, Resource
from gitops_mesh.cluster.standalone.translate.replies import FAULT, FAULT_TYPE
from gitops_mesh.model.settings import StandaloneSettings

LOOPBACK = "127.0.0.1"
_FILTERS = "type.googleapis.com/envoy.extensions.filters"


def clusters_file(folder: Path) -> Path:
    return folder / "cds" / "clusters.json"


def listeners_file(folder: Path) -> Path:
    return folder / "lds" / "listeners.json"


def routes_file(folder: Path, listener: str) -> Path:
    return folder / "rds" / listener / "routes.json"


def bootstrap(folder: Path, settings: StandaloneSettings) -> bytes:
    """Envoy's bootstrap: an admin interface on loopback, everything else from files."""
    address = {"socket_address": {"address": LOOPBACK, "port_value": settings.admin_port}}
    config = {
        "node": {"id": "gitops-mesh", "cluster": "gitops-mesh"},
        "admin": {"address": address},
        "stats_flush_interval": "1s",
        "dynamic_resources": {
            "lds_config": _watched(listeners_file(folder)),
            "cds_config": _watched(clusters_file(folder)),
        },
    }
    return orjson.dumps(config, option=orjson.OPT_INDENT_2)


def discovery(resources: Iterable[Resource]) -> tuple[bytes, str]:
    """A DiscoveryResponse with these resources, and its version, which says what is in it."""
    found = list(resources)
    version = hashlib.sha256(orjson.dumps(found, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    return orjson.dumps({"version_info": version, "resources": found}), version


def version_of(content: bytes) -> str:
    """The version of a DiscoveryResponse's text; empty when it is none."""
    try:
        loaded = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ""
    return str(loaded.get("version_info", "")) if isinstance(loaded, dict) else ""


def listener(name: str, wanted: Listener, folder: Path) -> Resource:
    """Envoy's Listener. It says nothing of routes, so that it changes only when its address does."""
    manager: dict[str, Any] = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": name, "config_source": _watched(routes_file(folder, name))},
        "http_filters": [
            {"name": FAULT, "typed_config": {"@type": FAULT_TYPE}},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"}},
        ],
        "use_remote_address": wanted.edge,
        "normalize_path": True,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": wanted.address, "port_value": wanted.port}},
        "enable_reuse_port": False,  # with it a second Envoy would take half of the requests in silence
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _watched(path: Path) -> dict[str, Any]:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
