"""Operators that share the objects, killed, paused, joined and stopped, on both clusters."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from kube.client import Client
from kube.resources import DEPLOYMENTS, NAMESPACES, SCALED_OBJECTS
from tests.clusters import Cluster
from tests.e2e.audit import Audit, Proxy
from tests.e2e.operator import OperatorProcess
from tests.e2e.scene import install_crds
from tests.eventscaler.manifests import deployment, http_trigger, scaled_object

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
SHARDS = 6
NAMES = [f"work-{number}" for number in range(24)]
DEADLINE_S = 40.0
LEASE = "3s"


@asynccontextmanager
async def restless_queue(sampled: dict[str, float]) -> AsyncIterator[str]:
    """The URL of a queue of which no two readings are alike, so that every sample is a write."""
    depths = itertools.cycle((5, 10, 15))

    async def depth(request: web.Request) -> web.Response:
        sampled[request.match_info["name"]] = asyncio.get_running_loop().time()
        return web.json_response({"n": next(depths)})

    app = web.Application()
    app.router.add_get("/{name}", depth)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Operators:
    """Processes that share one Lease, each behind its own proxy."""

    cluster: Cluster
    folder: Path
    lease: str
    audit: Audit
    stack: AsyncExitStack
    running: dict[str, OperatorProcess] = field(default_factory=dict)

    async def start(self) -> str:
        """Its process id, which is its name here."""
        proxy = Proxy(self.cluster, self.audit)
        seen = await self.stack.enter_async_context(proxy.serving(self.folder))
        folder = self.folder / f"operator-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        flags = ("--only=events", "--namespace=default", f"--lease={self.lease}")
        process = OperatorProcess(
            seen, folder, *flags, f"--lease-duration={LEASE}", f"--shards={SHARDS}"
        )
        self.stack.push_async_callback(asyncio.to_thread, process.kill)
        starting = asyncio.create_task(asyncio.to_thread(process.start))
        while not process.started:
            await asyncio.sleep(0.01)
        proxy.who = str(process.pid)
        await starting
        self.running[proxy.who] = process
        return proxy.who

    def send(self, who: str, number: signal.Signals) -> None:
        self.running[who].send(number)

    async def end(self, who: str, how: Callable[[OperatorProcess], None]) -> None:
        await asyncio.to_thread(how, self.running.pop(who))

    async def settled(self, *whose: str) -> None:
        """Until exactly these hold all shards, evenly, and every object was read since."""
        least = SHARDS // len(whose)

        def even() -> bool:
            counts = [len(self.audit.held_by(who)) for who in whose]
            return sum(counts) == SHARDS and min(counts) >= least

        await self._until(even, f"{whose} hold everything")
        since = asyncio.get_running_loop().time()
        await self._until(
            lambda: all(self.audit.sampled.get(name, 0.0) > since for name in NAMES),
            "every object is read",
        )

    async def _until(self, true: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not true():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            told = f"not within {DEADLINE_S} s: {what}; {self.audit.holders}"
            raise AssertionError(told) from None


@asynccontextmanager
async def operators(cluster: Cluster, folder: Path, unique: str) -> AsyncIterator[Operators]:
    client = cluster.client()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": unique}})
        audit = Audit(unique, unique, SHARDS)
        url = await stack.enter_async_context(restless_queue(audit.sampled))
        await _populate(client, unique, url)
        stack.push_async_callback(_clear, client, unique)
        yield Operators(cluster, folder, unique, audit, stack)


async def _populate(client: Client, namespace: str, url: str) -> None:
    for name in NAMES:
        trigger = http_trigger(url=f"{url}/{name}")
        for resource, body in (
            (DEPLOYMENTS, deployment(name)),
            (SCALED_OBJECTS, scaled_object(name, trigger, pollingInterval=1, cooldownPeriod=0)),
        ):
            body["metadata"]["namespace"] = namespace
            await client.create(resource, body)


async def _clear(client: Client, namespace: str) -> None:
    for name in NAMES:
        await client.delete(SCALED_OBJECTS, name, namespace=namespace)
        await client.delete(DEPLOYMENTS, name, namespace=namespace)


async def test_no_object_has_two_writers_and_none_is_left(
    cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    async with operators(cluster, tmp_path, unique) as made:
        a, b, c = await asyncio.gather(made.start(), made.start(), made.start())
        await made.settled(a, b, c)

        await made.end(a, OperatorProcess.kill)
        await made.settled(b, c)

        made.send(b, signal.SIGSTOP)
        await made.settled(c)
        made.send(b, signal.SIGCONT)
        await made.settled(b, c)

        d = await made.start()
        await made.settled(b, c, d)
        await made.end(c, OperatorProcess.stop)
        await made.settled(b, d)

        writers = {who for who, _ in made.audit.writes}
        assert made.audit.foreign == []
        assert writers == {a, b, c, d}
        assert {name for _, name in made.audit.writes} == set(NAMES)
