"""The embedded cluster as one object: API server, kubeconfig, and the actors that give it life.

sandbox = Sandbox(SandboxSettings(crds=load_crds()), now)
url = await sandbox.serve()             # for kubectl
client = Client(sandbox.transport())    # for this process, without sockets
await sandbox.run()                     # controllers, scheduler, kubelets, until cancelled
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random  # noqa: TID251 - the seed of a sandbox is a setting; this is its one use

import msgspec

from kube.transport import Request, Response, Transport
from tandem.sandbox.api import Api
from tandem.sandbox.server import Server
from tandem.sandbox.status import Json
from tandem.sandbox.transport import MemoryTransport

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Settings of a sandbox.

    Args:
        pod_start_s: from bound to running.
        node_heartbeat_s: between two renewals of a node's Lease.
        seed: of uids and generated names; equal seeds and requests give equal answers.
        crds: CustomResourceDefinitions to serve from the start.
        history: changes kept for watches, for each resource.
    """

    pod_start_s: float = 1.0
    node_heartbeat_s: float = 10.0
    seed: int = 0
    crds: Sequence[Json] = ()
    history: int = 10_000


class Sandbox:
    def __init__(self, settings: SandboxSettings, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.now = now
        rng = Random(settings.seed)  # noqa: S311 - names of simulated objects, not secrets
        self.api = Api(now, rng, window=settings.history)
        self._server = Server(self.api)
        for name in NAMESPACES:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._create("/api/v1/namespaces", body)
        for crd in settings.crds:
            self._create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)

    def _create(self, path: str, body: Json) -> None:
        answer = self.api.handle(Request("POST", path, body=msgspec.json.encode(body)))
        if not isinstance(answer, Response) or answer.status != 201:
            name = body["metadata"]["name"]
            raise ValueError(f"{body['kind']} {name!r} refused: {getattr(answer, 'body', b'')!r}")

    def transport(self) -> Transport:
        return MemoryTransport(self.api)

    async def serve(self, port: int = 0) -> str:
        return await self._server.start(port)

    def kubeconfig(self, url: str) -> Json:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": url}}],
            "users": [{"name": "sandbox", "user": {}}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
            "current-context": "sandbox",
        }

    async def close(self) -> None:
        await self._server.close()
