"""What an idle operator writes: every mutating request of some minutes, counted at the API server.

The counter is a proxy between the operator and the embedded cluster, so that the operator's own
account of itself is not needed.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import yaml
from aiohttp import web

from kube.client import Client, Json
from kube.resources import NAMESPACES, NODES, PROVISIONERS
from tandem.demo.brokers import WorkQueue
from tandem.demo.scenario import Scenario
from tandem.sandbox_command import node
from tests.bench.memory import each, scaled
from tests.bench.stage import sandboxed
from tests.bench.table import Table
from tests.clusters import Cluster

OBJECTS = 100
MINUTES = float(os.environ.get("TANDEM_BENCH_MINUTES", "10"))
SETTLE_S = 45.0
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class Counted:
    """Passes requests on and counts those that change something."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.writes: Counter[str] = Counter()
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
            passed = web.StreamResponse(status=answer.status)
            passed.content_type = answer.content_type
            await passed.prepare(request)
            async for chunk in answer.content.iter_any():
                await passed.write(chunk)
            await passed.write_eof()
            return passed


def _kind(path: str) -> str:
    """The resource of a path: "leases" of /apis/coordination.k8s.io/v1/namespaces/a/leases/b."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    return rest[2] if rest[0] == "namespaces" and len(rest) > 2 else rest[0]


async def measure() -> Table:
    """Writes of an operator with 100 ScaledObjects at zero and 100 nodes of the user's own."""
    queue = WorkQueue(per_replica=20)
    async with queue.serving(), sandboxed("--pod-start=0s") as stage:
        counted = Counted(stage.cluster.url)
        async with counted.serving():
            through = stage.folder / "counted"
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": counted.url}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {}}],
                "current-context": "c",
            }
            through.write_text(yaml.safe_dump(config))  # once, small
            stage.cluster = Cluster("sandbox", counted.url, through)
            await _populate(stage.client, queue.trigger())
            async with stage.operator(elect=True):
                await asyncio.sleep(SETTLE_S)
                counted.writes.clear()
                await asyncio.sleep(MINUTES * 60)
                writes = dict(counted.writes)
    rows = [(what, str(count)) for what, count in sorted(writes.items())]
    others = sum(count for what, count in writes.items() if "leases" not in what)
    rows.append(("all but Lease renewals", str(others)))
    return Table(
        f"Writes of {MINUTES:g} idle minutes: {OBJECTS} ScaledObjects, {OBJECTS} nodes",
        "python -m tests.bench idle",
        ("request", "count"),
        rows,
        ("Target: Lease renewals only.",),
    )


async def _populate(client: Client, trigger: Json) -> None:
    await client.create(NAMESPACES, {"metadata": {"name": "bench"}})
    await client.create(PROVISIONERS, Scenario().manifests(trigger)[0])
    await each(OBJECTS, lambda n: client.create(NODES, node(f"node-{n}")))
    await each(OBJECTS, lambda n: scaled(client, n, trigger))
