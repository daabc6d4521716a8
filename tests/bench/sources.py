"""Real sources with thousands of queues: a Prometheus with a series each, a RabbitMQ."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import aio_pika
import aiohttp
from aiohttp import web

from kube.client import Json
from tests.processes import Server, free_ports
from tests.services import rabbitmq
from tests.services.install import program

SCRAPE_S = 2
START_S = 60.0
CHANNELS = 8
PER_REPLICA = 5


class Source(Protocol):
    """Queues by number; those that were never set are empty."""

    name: str

    def trigger(self, number: int) -> Json: ...

    async def set(self, depth: int, count: int) -> Sequence[float]:
        """Give the first *count* queues that depth; when each could be read (the loop's clock)."""
        ...

    async def reads(self) -> float | None:
        """How often it was read so far, where it tells."""
        ...


class PrometheusSource:
    """A server that scrapes this process."""

    name = "Prometheus"

    def __init__(self) -> None:
        self.url = ""
        self._depths: list[int] = []
        self._scraped = asyncio.Event()
        self._scraped_at = 0.0

    def trigger(self, number: int) -> Json:
        metadata = {
            "serverAddress": self.url,
            "query": f'sum(bench_depth{{queue="{number}"}})',
            "threshold": str(PER_REPLICA),
        }
        return {"type": "prometheus", "metadata": metadata}

    async def set(self, depth: int, count: int) -> Sequence[float]:
        self._depths[:count] = [depth] * count
        for _ in range(2):  # the scrape under way may have begun before
            self._scraped.clear()
            await self._scraped.wait()
        return [self._scraped_at] * count

    async def reads(self) -> float | None:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            text = await answer.text()
        found = re.findall(
            r'prometheus_http_requests_total\{.*handler="/api/v1/query"\} (\S+)', text
        )
        return sum(map(float, found))

    async def metrics(self, _: web.Request) -> web.Response:
        lines = [f'bench_depth{{queue="{n}"}} {depth}\n' for n, depth in enumerate(self._depths)]
        self._scraped_at = asyncio.get_running_loop().time()
        self._scraped.set()
        return web.Response(text="".join(lines))


@asynccontextmanager
async def prometheus_source(folder: Path) -> AsyncIterator[PrometheusSource]:
    source = PrometheusSource()
    app = web.Application()
    app.router.add_get("/metrics", source.metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    binary = program("prometheus")
    if binary is None:
        raise RuntimeError("no prometheus on this machine; run `make services`")
    (port,) = free_ports(1)
    config = (
        f"global: {{scrape_interval: {SCRAPE_S}s}}\n"
        "scrape_configs:\n"
        f"  - {{job_name: bench, static_configs: "
        f"[{{targets: ['127.0.0.1:{runner.addresses[0][1]}']}}]}}\n"
    )
    (folder / "prometheus.yml").write_text(config)
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = Server(command, folder / "prometheus.log")
    source.url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(START_S):
            await source._scraped.wait()
        yield source
    finally:
        await asyncio.to_thread(server.stop)
        await runner.cleanup()


class RabbitSource:
    """A broker with a queue each."""

    name = "RabbitMQ"

    def __init__(self, url: str, channels: Sequence[aio_pika.abc.AbstractChannel]) -> None:
        self._url = url
        self._channels = channels
        self._depth: list[int] = []

    def trigger(self, number: int) -> Json:
        metadata = {
            "host": self._url,
            "queueName": f"bench-{number}",
            "mode": "QueueLength",
            "value": str(PER_REPLICA),
            "protocol": "amqp",
        }
        return {"type": "rabbitmq", "metadata": metadata}

    async def set(self, depth: int, count: int) -> Sequence[float]:
        moments = [0.0] * count
        numbers = iter(range(count))

        async def work(channel: aio_pika.abc.AbstractChannel) -> None:
            for number in numbers:
                await self._fill(channel, number, depth)
                moments[number] = asyncio.get_running_loop().time()

        async with asyncio.TaskGroup() as group:
            for channel in self._channels:
                group.create_task(work(channel))
        return moments

    async def reads(self) -> float | None:
        return None

    async def _fill(self, channel: aio_pika.abc.AbstractChannel, number: int, depth: int) -> None:
        name = f"bench-{number}"
        if number >= len(self._depth):
            self._depth += [-1] * (number + 1 - len(self._depth))
        if self._depth[number] < 0:
            await channel.declare_queue(name)
            self._depth[number] = 0
        if depth < self._depth[number]:
            await (await channel.get_queue(name, ensure=False)).purge()
            self._depth[number] = 0
        for _ in range(depth - self._depth[number]):
            message = aio_pika.Message(b"work")
            await channel.default_exchange.publish(message, routing_key=name)
        self._depth[number] = depth


@asynccontextmanager
async def rabbit_source(folder: Path) -> AsyncIterator[RabbitSource]:
    with rabbitmq.started(folder) as server:
        connection = await aio_pika.connect(server.amqp)
        async with connection:
            channels = [await connection.channel(publisher_confirms=False) for _ in range(CHANNELS)]
            yield RabbitSource(server.amqp, channels)
