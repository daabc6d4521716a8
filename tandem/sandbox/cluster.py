"""The embedded cluster as one object: API server, kubeconfig, and the actors that give it life.

sandbox = Sandbox(SandboxSettings(crds=load_crds()), now)
url = await sandbox.serve()             # for kubectl
client = Client(sandbox.transport())    # for this process, without sockets
await sandbox.run()                     # controllers, scheduler, kubelets, until cancelled
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from random import Random  # noqa: TID251 - the seed of a sandbox is a setting; this is its one use

import msgspec

from kube.client import Client, ClientSettings
from kube.transport import Request, Response, Transport
from tandem.sandbox.api import Api
from tandem.sandbox.assets import load_crds
from tandem.sandbox.controllers.manager import run_controllers
from tandem.sandbox.controllers.settings import ControllerSettings
from tandem.sandbox.server import Server
from tandem.sandbox.status import Json
from tandem.sandbox.transport import MemoryTransport

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


# The actors are the cluster: no limit that a polite client of a real server would keep.
_FAST = ClientSettings(per_s=100_000.0, burst=100_000, in_flight=1_000, user_agent="tandem-sandbox")
_ROOT = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TANDEM_CRDS = tuple(load_crds())  # read at import: a running loop must not wait for a disk
_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Settings of a sandbox.

    Args:
        pod_start_s: from bound to running.
        node_heartbeat_s: between two renewals of a node's Lease; None renews none.
        seed: of uids and generated names; equal seeds and requests give equal answers.
        crds: CustomResourceDefinitions to serve from the start; by default Tandem's own.
        history: changes kept for watches, for each resource.
        controllers: every other setting of the actors.
    """

    pod_start_s: float = 1.0
    node_heartbeat_s: float | None = None
    seed: int = 0
    crds: Sequence[Json] = TANDEM_CRDS
    history: int = 10_000
    controllers: ControllerSettings = field(default_factory=ControllerSettings)


class Sandbox:
    def __init__(self, settings: SandboxSettings, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.now = now
        rng = Random(settings.seed)  # noqa: S311 - names of simulated objects, not secrets
        self.api = Api(now, rng, window=settings.history)
        self._server = Server(self.api)
        for path, body in _initial(settings):
            self._create(path, body)

    def _create(self, path: str, body: Json) -> None:
        answer = self.api.handle(Request("POST", path, body=msgspec.json.encode(body)))
        if not isinstance(answer, Response) or answer.status != HTTPStatus.CREATED:
            name, found = body["metadata"]["name"], getattr(answer, "body", b"")
            raise ValueError(f"{body['kind']} {name!r} refused: {found.decode()}")

    def transport(self) -> Transport:
        return MemoryTransport(self.api)

    async def serve(self, port: int = 0) -> str:
        return await self._server.start(port)

    def kubeconfig(self, url: str) -> Json:
        context = {"cluster": "sandbox", "user": "sandbox"}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": url}}],
            "users": [{"name": "sandbox", "user": {}}],
            "contexts": [{"name": "sandbox", "context": context}],
            "current-context": "sandbox",
        }

    async def run(self) -> None:
        """Run controllers, scheduler and kubelets until cancelled."""
        client = Client(self.transport(), settings=_FAST)
        settings = replace(
            self.settings.controllers,
            pod_start_s=self.settings.pod_start_s,
            heartbeat_s=self.settings.node_heartbeat_s,
        )
        try:
            await run_controllers(client, now=self.now, settings=settings)
        finally:
            await client.close()

    async def close(self) -> None:
        await self._server.close()


def _initial(settings: SandboxSettings) -> Iterator[tuple[str, Json]]:
    """Give what a fresh cluster has, and the path of each."""
    for name in NAMESPACES:
        body: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        yield "/api/v1/namespaces", body
        account: Json = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default"},
        }
        yield f"/api/v1/namespaces/{name}/serviceaccounts", account
    for name, value in _PRIORITIES.items():
        names: Json = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
        priority = names | {"metadata": {"name": name}, "value": value}
        yield "/apis/scheduling.k8s.io/v1/priorityclasses", priority
    for crd in settings.crds:
        yield _ROOT, crd
