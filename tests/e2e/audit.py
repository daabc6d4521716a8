"""What operators write, as the server sees it: one proxy for each, so that each has a name.

A write is judged when it arrives, against the shard's Lease as the server last confirmed it. Both
pass here, in one loop: so of a write and a takeover it is known which came first.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from eventscaler.engine.share import Share
from kube.client import Json
from tests.clusters import Cluster
from tests.control_plane import kubeconfig
from tests.proxied import passed

HOP = {"host", "content-length", "transfer-encoding", "connection", "authorization"}


@dataclass
class Audit:
    """The objects of one namespace, whose targets have their names.

    Attributes:
        holders: by Lease, as the server confirmed it.
        writes: how often each operator wrote each object.
        sampled: when each object's queue was last read, on the loop's clock.
        foreign: writes of somebody who did not hold the object's shard.
    """

    namespace: str
    lease: str
    shards: int
    holders: dict[str, str] = field(default_factory=dict)
    writes: Counter[tuple[str, str]] = field(default_factory=Counter)
    sampled: dict[str, float] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    def shard_of(self, name: str) -> int:
        body = {"metadata": {"name": name, "namespace": self.namespace}}
        return Share(self.shards).shard(body)

    def held_by(self, who: str) -> set[int]:
        """The shards of *who*, by the end of its identity, which is its process id."""
        names = {f"{self.lease}-shard-{n}": n for n in range(self.shards)}
        return {names[k] for k, v in self.holders.items() if k in names and v.endswith(f"_{who}")}

    def arrived(self, who: str, method: str, path: str) -> None:
        parts = path.strip("/").split("/")
        if self.namespace not in parts or parts[-1] not in {"scale", "status"}:
            return
        name = parts[-2]
        if method == "GET":
            return
        self.writes[who, name] += 1
        if self.shard_of(name) not in self.held_by(who):
            self.foreign.append(f"{who}: {method} {path} beside {self.holders}")

    def confirmed(self, body: Json) -> None:
        """A Lease as the server has it now."""
        if body.get("kind") == "Lease":
            self.holders[body["metadata"]["name"]] = body["spec"].get("holderIdentity") or ""


@dataclass
class Proxy:
    """Between one operator and the server; `who` is known when the process is started."""

    cluster: Cluster
    audit: Audit
    who: str = ""
    url: str = ""
    left: int = 0

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[Cluster]:
        """The cluster as the operator is to see it."""
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        async with self.cluster.http() as self._session:
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                path = folder / f"proxied-{runner.addresses[0][1]}"
                await asyncio.to_thread(path.write_text, kubeconfig(self.url))
                yield Cluster(self.cluster.name, self.url, path)
            finally:
                await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        self.audit.arrived(self.who, request.method, request.path)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
        asked = self._session.request(
            request.method,
            request.path_qs,
            headers=headers,
            data=await request.read() or None,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with asked as answer:
            if request.method in {"PUT", "POST"}:
                body = await answer.read()
                if "/leases" in request.path and answer.ok:
                    self.audit.confirmed(json.loads(body))
                return web.Response(
                    status=answer.status, body=body, content_type=answer.content_type
                )
            response, stayed = await passed(request, answer)
            self.left += not stayed  # whoever asked has ended
            return response
