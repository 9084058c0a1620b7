"""Real Envoys configured by istiod over ADS: a gateway and a sidecar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import urllib3

from gitops_mesh.cluster.standalone.binary import find_envoy
from tests.controlplane.processes import Process
from tests.fakes.backend import free_ports

ADDRESS = "127.0.0.9"
"""The proxies' own; an endpoint with the same address would lend them its labels."""
_TAGS = [
    {"tag_name": "cluster_name", "regex": r"^cluster\.(([^;]+);\.)"},
    {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
]
"""As in the bootstrap of Istio's own proxies; istiod ends a cluster's name in statistics with a semicolon."""


class Envoy:
    """One proxy. `kind`: `router` (a gateway, with `labels` that Gateways select) or `sidecar`."""

    def __init__(self, kind: str, folder: Path, grpc: int, number: int, **labels: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (self._admin,) = free_ports(1)
        self.admin_url = f"http://127.0.0.1:{self._admin}"
        namespace = "istio-system" if kind == "router" else "shop"
        bootstrap = _bootstrap(kind, namespace, grpc, self._admin, labels)
        (folder / "bootstrap.json").write_bytes(orjson.dumps(bootstrap))
        command = [str(find_envoy()), "-c", str(folder / "bootstrap.json"), "--base-id", str(number)]
        command += [
            "--log-level",
            "warning",
            "--concurrency",
            "1",
            "--drain-time-s",
            "1",
            "--file-flush-interval-msec",
            "100",
        ]
        self._process = Process(command, folder / f"{kind}.log")
        self._process.until(self._live)

    def _live(self) -> bool:
        try:
            answer = urllib3.request(
                "GET", f"{self.admin_url}/stats?filter=cluster_manager.cds", retries=False, timeout=2
            )
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def dump(self, what: str) -> dict[str, Any]:
        """`/config_dump` of one kind of resource."""
        answer = urllib3.request("GET", f"{self.admin_url}/config_dump?resource={what}", retries=False, timeout=5)
        return dict(orjson.loads(answer.data))

    def stop(self) -> None:
        self._process.end()


def _bootstrap(kind: str, namespace: str, grpc: int, admin: int, labels: dict[str, str]) -> dict[str, Any]:
    metadata = {
        "NAMESPACE": namespace,
        "LABELS": labels,
        "INSTANCE_IPS": ADDRESS,
        "ISTIO_VERSION": "1.31.0",
        "CLUSTER_ID": "Kubernetes",
        "MESH_ID": "cluster.local",
        "PROXY_CONFIG": {},
    }
    ads = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    istiod = {
        "name": "istiod",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "istiod",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address("127.0.0.1", grpc)}}]}],
        },
    }
    return {
        "node": {
            "id": f"{kind}~{ADDRESS}~{kind}.{namespace}~{namespace}.svc.cluster.local",
            "cluster": kind,
            "metadata": metadata,
        },
        "admin": {"address": _address("127.0.0.1", admin)},
        "stats_config": {"stats_tags": _TAGS, "use_all_default_tags": False},
        "stats_flush_interval": "1s",
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}],
            },
        },
        "static_resources": {"clusters": [istiod]},
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
