"""What an idle operator writes: every mutating request of some minutes, counted at the API server.

The counter is a proxy between the operator and the embedded cluster, so that the operator's own
account of itself is not needed. Two clusters are watched at once: one with nodes of the user's own,
and one whose nodes the operator launched itself for pods that keep them busy.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web

from kube.client import Client, Json
from kube.resources import DEPLOYMENTS, NAMESPACES, NODES, PODS, PROVISIONERS
from tandem.demo.brokers import WorkQueue
from tandem.demo.scenario import Scenario
from tandem.sandbox_command import node
from tests.bench.memory import each, scaled
from tests.bench.stage import sandboxed
from tests.bench.table import Table
from tests.clusters import Cluster
from tests.proxied import passed

OBJECTS = 100
MINUTES = float(os.environ.get("TANDEM_BENCH_MINUTES", "10"))
SETTLE_S = 45.0
READY_S = 120.0
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class Counted:
    """Passes requests on and counts those that change something."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.writes: Counter[str] = Counter()
        self.left = 0
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield
            finally:
                await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if request.method in WRITES:
            self.writes[f"{request.method} {_kind(request.path)}"] += 1
        headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        timeout = aiohttp.ClientTimeout(total=None)
        target = self._url + request.path_qs
        asked = self._session.request(
            request.method, target, headers=headers, data=await request.read(), timeout=timeout
        )
        async with asked as answer:
            response, stayed = await passed(request, answer)
            self.left += not stayed  # a watcher has seen enough, or the operator has ended
            return response


def _kind(path: str) -> str:
    """The resource of a path: "leases" of /apis/coordination.k8s.io/v1/namespaces/a/leases/b."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    return rest[2] if rest[0] == "namespaces" and len(rest) > 2 else rest[0]


async def measure() -> Table:
    """Writes of an operator with 100 ScaledObjects at zero, beside 100 nodes of either kind."""
    async with asyncio.TaskGroup() as group:
        own = group.create_task(_counted(_own_nodes))
        launched = group.create_task(_counted(_launched_nodes))
    columns = own.result(), launched.result()
    kinds = sorted({kind for writes in columns for kind in writes})
    rows = [(kind, *(str(writes[kind]) for writes in columns)) for kind in kinds]
    others = [sum(n for kind, n in writes.items() if "leases" not in kind) for writes in columns]
    rows.append(("all but Lease renewals", *map(str, others)))
    return Table(
        f"Writes of {MINUTES:g} idle minutes: {OBJECTS} ScaledObjects, {OBJECTS} nodes",
        "python -m tests.bench idle",
        ("request", "the user's own nodes", "nodes launched by Tandem, busy"),
        rows,
        ("Target: Lease renewals only.",),
    )


async def _counted(populate: Callable[[Client], Awaitable[None]]) -> Counter[str]:
    queue = WorkQueue(per_replica=20)
    async with queue.serving(), sandboxed("--pod-start=0s") as stage:
        counted, client = Counted(stage.cluster.url), stage.client
        async with counted.serving():
            stage.cluster = _through(counted, stage.folder / "counted")
            await client.create(NAMESPACES, {"metadata": {"name": "bench"}})
            await each(OBJECTS, lambda n: scaled(client, n, queue.trigger()))
            await populate(client)
            async with stage.operator(elect=True):
                await _until_settled(client)
                counted.writes.clear()
                await asyncio.sleep(MINUTES * 60)
                return Counter(counted.writes)


def _through(counted: Counted, path: Path) -> Cluster:
    """The cluster as the operator is to see it: behind the counter."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": counted.url}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    path.write_text(yaml.safe_dump(config))  # once, small
    return Cluster("sandbox", counted.url, path)


async def _until_settled(client: Client) -> None:
    """All nodes are there and no pod waits; then as long again as the slowest controller needs."""
    async with asyncio.timeout(READY_S):
        while len(await client.items(NODES)) < OBJECTS or await _waiting(client):
            await asyncio.sleep(1.0)
    await asyncio.sleep(SETTLE_S)


async def _waiting(client: Client) -> int:
    return len(await client.items(PODS, fields="status.phase=Pending"))


async def _own_nodes(client: Client) -> None:
    await client.create(PROVISIONERS, Scenario().manifests({})[0])
    await each(OBJECTS, lambda n: client.create(NODES, node(f"node-{n}")))


async def _launched_nodes(client: Client) -> None:
    """A Deployment whose every pod fills a node of its own."""
    provisioner = Scenario().manifests({})[0]
    provisioner["spec"] = {"provider": {"instanceTypes": ["m5.large"]}, "ttlSecondsAfterEmpty": 5}
    await client.create(PROVISIONERS, provisioner)
    container: Json = {"name": "c", "image": "registry.invalid/work:1"}
    container["resources"] = {"requests": {"cpu": "1500m", "memory": "2Gi"}}
    spec = {
        "replicas": OBJECTS,
        "selector": {"matchLabels": {"app": "busy"}},
        "template": {"metadata": {"labels": {"app": "busy"}}, "spec": {"containers": [container]}},
    }
    body = {"metadata": {"name": "busy"}, "spec": spec}
    await client.create(DEPLOYMENTS, body, namespace="bench")
