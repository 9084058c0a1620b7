"""A real kube-apiserver on a real etcd, on loopback, with TLS, RBAC and ServiceAccount tokens."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import urllib3
import yaml

from tests.controlplane.binaries import Binaries
from tests.controlplane.keys import rsa_key
from tests.controlplane.processes import Process, until
from tests.fakes.backend import free_ports

_ADMIN = "admin-of-the-tests"
_AUDIT = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: [system:serviceaccounts]
    omitManagedFields: true
  - level: None
"""
APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class Answered(Exception):
    """The API server answered with an error; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ApiServer:
    """etcd and kube-apiserver. `admin_token` may do everything."""

    def __init__(self, programs: Binaries, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self._client, self._peer = free_ports(3)
        self.url = f"https://127.0.0.1:{self.port}"
        self.admin_token = _ADMIN
        self.ca_file = folder / "certs" / "apiserver.crt"
        self._programs = programs
        self.audit_log = folder / "audit.log"
        (folder / "audit.yaml").write_text(_AUDIT)
        (folder / "sa.key").write_bytes(rsa_key())
        (folder / "tokens.csv").write_text(f"{_ADMIN},admin,1,system:masters\n")
        self._etcd = self._start_etcd()
        self._server = self._start_server()
        self._pool = urllib3.PoolManager(ca_certs=str(self.ca_file), retries=False, timeout=20)

    def _start_etcd(self) -> Process:
        client, peer = f"http://127.0.0.1:{self._client}", f"http://127.0.0.1:{self._peer}"
        flags = {
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "log-level": "error",
        }
        command = [*self._programs.etcd, *(f"--{k}={v}" for k, v in flags.items()), "--unsafe-no-fsync"]
        return Process(command, self.folder / "etcd.log")

    def _start_server(self) -> Process:
        key = str(self.folder / "sa.key")
        flags = {
            "etcd-servers": f"http://127.0.0.1:{self._client}",
            "secure-port": str(self.port),
            "bind-address": "127.0.0.1",
            "cert-dir": str(self.folder / "certs"),
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-signing-key-file": key,
            "service-account-key-file": key,
            "service-cluster-ip-range": "10.0.0.0/16",
            "authorization-mode": "RBAC",
            "token-auth-file": str(self.folder / "tokens.csv"),
            "disable-admission-plugins": "ServiceAccount",
            "allow-privileged": "true",
            "audit-policy-file": str(self.folder / "audit.yaml"),
            "audit-log-path": str(self.audit_log),
        }
        command = [*self._programs.apiserver, *(f"--{k}={v}" for k, v in flags.items())]
        server = Process(command, self.folder / "kube-apiserver.log")
        server.until(self._ready)
        return server

    def _ready(self) -> bool:
        if not self.ca_file.exists():
            return False
        try:
            with urllib3.PoolManager(ca_certs=str(self.ca_file), retries=False, timeout=2) as pool:
                headers = {"Authorization": f"Bearer {_ADMIN}"}
                return pool.request("GET", f"{self.url}/readyz", headers=headers).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def stop(self) -> None:
        self._server.end()
        self._etcd.end()
        self._pool.clear()

    def restart(self) -> None:
        """Kill the API server and start it again on the same data."""
        self._server.kill()
        self._server = self._start_server()

    def freeze(self) -> None:
        """Let every call hang."""
        self._server.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._server.send(signal.SIGCONT)

    def kubeconfig(self, token: str = _ADMIN, name: str = "admin") -> Path:
        """A kubeconfig file that signs in with `token`."""
        file = self.folder / f"{name}.kubeconfig"
        tree = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
        }
        file.write_text(yaml.safe_dump(tree))
        return file

    def token(self, namespace: str, account: str, seconds: int = 3600) -> str:
        """A token of a ServiceAccount, by the TokenRequest API."""
        body = {"spec": {"expirationSeconds": seconds}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self.call("POST", path, body)["status"]["token"])

    def get(self, path: str) -> dict[str, Any]:
        return self.call("GET", path)

    def apply(self, *documents: Mapping[str, Any], manager: str = "test-admin", force: bool = True) -> None:
        """Server-side apply as the administrator."""
        for document in documents:
            path = path_of(document)
            self.call("PATCH", f"{path}?fieldManager={manager}&force={str(force).lower()}", document, APPLY)

    def patch(self, path: str, patch: Mapping[str, Any], manager: str = "kubectl-patch") -> dict[str, Any]:
        """A merge patch by somebody."""
        return self.call("PATCH", f"{path}?fieldManager={manager}", patch, _MERGE)

    def delete(self, path: str) -> None:
        self.call("DELETE", path)

    def used(self, account: str) -> set[tuple[str, str, str, bool]]:
        """(group, resource, verb, allowed) of every call that a ServiceAccount made, by the audit log."""
        found = set()
        for line in self.audit_log.read_bytes().splitlines():
            told = orjson.loads(line)
            about = told.get("objectRef") or {}
            if told["user"]["username"].endswith(f":{account}") and about.get("resource"):
                allowed = (told.get("responseStatus") or {}).get("code") != 403
                found.add((about.get("apiGroup", ""), about["resource"], told["verb"], allowed))
        return found

    def namespace(self, *names: str) -> None:
        for name in names:
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def install_crds(self) -> None:
        """Istio's and Gateway API's, and wait until they are served."""
        documents = [d for file in self._programs.crds for d in yaml.load_all(file.read_text(), yaml.CSafeLoader) if d]
        crds = [d for d in documents if d["kind"] == "CustomResourceDefinition"]
        self.apply(*crds)
        for crd in crds:
            path = f"/apis/{crd['spec']['group']}/{crd['spec']['versions'][0]['name']}/{crd['spec']['names']['plural']}"
            until(lambda path=path: self._serves(path), what=path)

    def _serves(self, path: str) -> bool:
        try:
            self.get(f"{path}?limit=1")
        except Answered:
            return False
        return True

    def call(self, method: str, path: str, body: object = None, content: str = "application/json") -> dict[str, Any]:
        """Raises Answered."""
        headers = {"Authorization": f"Bearer {_ADMIN}", "Content-Type": content}
        data = orjson.dumps(body) if body is not None else None
        answer = self._pool.request(method, self.url + path, body=data, headers=headers)
        told = orjson.loads(answer.data) if answer.data.startswith(b"{") else {"message": answer.data.decode()}
        if answer.status >= 300:
            raise Answered(answer.status, str(told.get("message")))
        return dict(told)


_PLURALS = {"Gateway": "gateways", "ServiceEntry": "serviceentries", "NetworkPolicy": "networkpolicies"}
_GLOBAL = ("Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "GatewayClass")
_GLOBAL_TOO = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def path_of(document: Mapping[str, Any]) -> str:
    """Where the API server has an object."""
    version, kind, metadata = str(document["apiVersion"]), str(document["kind"]), document["metadata"]
    plural = _PLURALS.get(kind) or (f"{kind[:-1].lower()}ies" if kind.endswith("y") else f"{kind.lower()}s")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside = "" if kind in (*_GLOBAL, *_GLOBAL_TOO) else f"/namespaces/{metadata.get('namespace', 'default')}"
    return f"{root}{inside}/{plural}/{metadata['name']}"
