"""A real control plane for tests: etcd and kube-apiserver, and on demand what makes it move.

The programs come from KUBEBUILDER_ASSETS or from the folder that tests.controlplane.build fills.
Everything listens on 127.0.0.1 only; etcd does not sync to disk, since no test outlives it.

The ServiceAccount admission plugin is off: without a controller manager no namespace has the
account that the plugin demands of every pod.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from tests import certificates
from tests.controlplane import build
from tests.processes import Server, free_ports

Json = dict[str, Any]

READY_S = 60.0
ANSWER_S = 5.0
FORGOTTEN = 10  # revisions that lie before the memory of a fresh control plane
TOKEN = "administrator-of-a-test-cluster"
NEEDED = ("etcd", "kube-apiserver")
AUDIT_LOG = "audit.log"  # in the folder: what each ServiceAccount asked for, and the answer's code
AUDITED = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}
CONTROLLER_PROGRAMS = ("kube-controller-manager", "kube-scheduler")


def assets(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder with the programs, or None when there is none."""
    named = environ.get("KUBEBUILDER_ASSETS")
    found = Path(named) if named else build.folder(environ)
    return found if all((found / program).is_file() for program in NEEDED) else None


def missing() -> str:
    """Why there is no real control plane here, and what would give one."""
    return (
        f"no etcd and kube-apiserver in KUBEBUILDER_ASSETS nor in the cache for {build.release()}; "
        "`python -m tests.controlplane.build` builds them where Go is installed"
    )


class ControlPlane:
    """Started by its constructor, ended by `stop`; `folder` keeps the logs.

    The API server aggregates: see tests.aggregation.

    Attributes:
        aggregated: certificate and key for a server of ours that it aggregates.
    """

    def __init__(self, programs: Path, folder: Path, *, with_controllers: bool = False) -> None:
        self.folder, self._programs = folder, programs
        self._servers: list[Server] = []
        self._keys = certificates.make(folder)
        self._etcd_port, self._peer_port, self._port = free_ports(3)
        self.url, self.token, self.authority = (
            f"https://127.0.0.1:{self._port}",
            TOKEN,
            self._keys.authority,
        )
        self.aggregated = (self._keys.server, self._keys.server_key)
        try:
            self._start(with_controllers=with_controllers)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every program, the last started first; etcd's data is worthless and dies at once."""
        for server in reversed(self._servers):
            server.stop(signal.SIGKILL)
        self._servers.clear()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def _start(self, *, with_controllers: bool) -> None:
        self._run("etcd", *self._etcd_flags()).wait_until(self._etcd_answers, READY_S)
        self._forget_the_past()
        (self.folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        (self.folder / "audit.json").write_text(json.dumps(AUDITED))
        api = self._run("kube-apiserver", *self._api_flags())
        api.wait_until(lambda: self._answers("/readyz"), READY_S)
        if with_controllers:
            absent = [each for each in CONTROLLER_PROGRAMS if not (self._programs / each).is_file()]
            if absent:
                raise FileNotFoundError(f"{self._programs} lacks {', '.join(absent)}")
            config = self.write_kubeconfig()
            self._run("kube-controller-manager", *self._manager_flags(config))
            self._run("kube-scheduler", *client_flags(config))

    def write_kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig"
        path.write_text(kubeconfig(self.url, token=TOKEN, authority=self.authority))
        return path

    def _run(self, program: str, *flags: str) -> Server:
        server = Server([str(self._programs / program), *flags], self.folder / f"{program}.log")
        self._servers.append(server)
        return server

    def _answers(self, path: str) -> bool:
        try:
            with self._open(path) as answer:
                return answer.status == HTTPStatus.OK
        except (urllib.error.URLError, OSError):
            return False

    def _open(self, path: str) -> HTTPResponse:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(self.url + path, headers=bearer)
        trust = ssl.create_default_context(cafile=str(self.authority))
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=ANSWER_S, context=trust)
        return answer

    def _forget_the_past(self) -> None:
        """Compact etcd's first revisions, as every cluster does that is older than some minutes.

        Before the API server starts: it would keep what it has seen in its own memory.
        """
        entry = {"key": "L3RhbmRlbQ==", "value": "MQ=="}
        written = [self._etcd("put", entry)["header"]["revision"] for _ in range(FORGOTTEN)]
        self._etcd("compaction", {"revision": written[-1], "physical": True})

    def _etcd(self, verb: str, body: Json) -> Json:
        url = f"http://127.0.0.1:{self._etcd_port}/v3/kv/{verb}"
        data = json.dumps(body).encode()
        with urllib.request.urlopen(url, data=data, timeout=ANSWER_S) as answer:
            found: Json = json.load(answer)
        return found

    def _etcd_answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._etcd_port), ANSWER_S).close()
        except OSError:
            return False
        return True

    def _etcd_flags(self) -> list[str]:
        client = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{self._peer_port}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _api_flags(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self._port}",
            f"--tls-cert-file={self._keys.server}",
            f"--tls-private-key-file={self._keys.server_key}",
            f"--cert-dir={self.folder}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._keys.account_public}",
            f"--service-account-signing-key-file={self._keys.account_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
            *self._aggregation_flags(),
            f"--audit-policy-file={self.folder / 'audit.json'}",
            f"--audit-log-path={self.folder / AUDIT_LOG}",
            "--enable-priority-and-fairness=false",
            "--profiling=false",
        ]

    def _aggregation_flags(self) -> list[str]:
        return [
            f"--requestheader-client-ca-file={self._keys.authority}",
            f"--requestheader-allowed-names={certificates.FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={self._keys.proxy}",
            f"--proxy-client-key-file={self._keys.proxy_key}",
        ]

    def _manager_flags(self, config: Path) -> list[str]:
        return [
            *client_flags(config),
            f"--service-account-private-key-file={self._keys.account_key}",
            # Test nodes have no kubelet that beats; they must not be called dead for it.
            "--node-monitor-grace-period=1h",
            "--node-startup-grace-period=1h",
        ]


def client_flags(config: Path) -> list[str]:
    return [
        f"--kubeconfig={config}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def kubeconfig(url: str, *, token: str | None = None, authority: Path | None = None) -> str:
    """A kubeconfig for one cluster and one user, as text."""
    trust = f', "certificate-authority": "{authority}"' if authority else ""
    user = f'{{"token": "{token}"}}' if token else "{}"
    return f"""apiVersion: v1
kind: Config
current-context: test
clusters: [{{"name": "test", "cluster": {{"server": "{url}"{trust}}}}}]
users: [{{"name": "test", "user": {user}}}]
contexts: [{{"name": "test", "context": {{"cluster": "test", "user": "test"}}}}]
"""
