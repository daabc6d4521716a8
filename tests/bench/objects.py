"""Thousands of ScaledObjects on one source: what the operator costs, and how soon it acts.

The API is the embedded one without controllers, the source a real server; the operator is a process
of its own. A reaction is counted from when the new value could be read until the new count is seen.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import msgspec
import psutil

from kube.cache import Cache, Change
from kube.client import Client, ClientSettings
from kube.http import HttpTransport
from kube.objects import ObjectMeta
from kube.resources import DEPLOYMENTS, NAMESPACES
from tests.bench.figures import UNKNOWN, number
from tests.bench.memory import each, scaled
from tests.bench.sources import PER_REPLICA, Source, prometheus_source, rabbit_source
from tests.bench.stage import Stage, resident_mib
from tests.bench.table import Table
from tests.clusters import Cluster
from tests.control_plane import kubeconfig
from tests.e2e.scene import install_crds
from tests.processes import Server

SIZES = tuple(int(n) for n in os.environ.get("TANDEM_BENCH_OBJECTS", "1000,10000").split(","))
POLL_S = 30
COOLDOWN_S = 5
BUSY = min(200, SIZES[-1])  # objects whose queues change: with more the embedded API is measured
WINDOW_S = 20.0
LONGEST_S = 120.0
READY_S = 60.0
START_S, WRITES_EACH, WRITES_S = 10.0, 4, 200  # a status, a label, two Events; at that rate
QUIET_S, QUIET_TIMES, QUIET_WRITES = 2.0, 3, 20


NOTES = (
    f"mCPU, reads/s: over {WINDOW_S:g} s with all objects at zero.",
    "KEDA at 10,000 on Prometheus, as measured in kedacore/keda#7676: 333 mCPU, 1,163 MiB.",
    "0 → n, n → m: from when a changed value could be read until the new count was seen.",
    f"{BUSY:,} change at once. At zero an object is read every pollingInterval, else every 15 s.",
    "told: from the operator's start until each new object had its status, label and Events.",
    f"To zero: those values at 0, cooldownPeriod {COOLDOWN_S}, until the last count is 0.",
)


class Spec(msgspec.Struct, frozen=True):
    replicas: int = 0


class Scaled(msgspec.Struct, frozen=True):
    metadata: ObjectMeta
    spec: Spec = Spec()


@dataclass
class Row:
    """What one size came to; times in seconds."""

    source: str
    objects: int
    mcpu: float = 0.0
    resident: float = 0.0
    grown: float = 0.0
    reads_s: float | None = None
    told: float = 0.0
    from_zero: list[float] = field(default_factory=list)
    at_work: list[float] = field(default_factory=list)
    to_zero: float | None = None

    def cells(self) -> tuple[str, ...]:
        return (
            self.source,
            f"{self.objects:,}",
            f"{self.mcpu:.0f}",
            f"{self.resident:.0f}",
            f"{1000 * self.grown / self.objects:.0f}",
            number(self.reads_s),
            *_spread(self.from_zero),
            *_spread(self.at_work),
            number(self.to_zero, 1),
            f"{self.told:.0f}",
        )


def _spread(delays: Sequence[float]) -> tuple[str, str]:
    if not delays:
        return UNKNOWN, UNKNOWN
    cuts = quantiles(delays, n=100)
    return f"{cuts[49]:.1f}", f"{cuts[98]:.1f}"


async def measure() -> Table:
    """Both sources, each in all sizes."""
    rows: list[Row] = []
    for name in SOURCES:
        rows += [row async for row in _rows(OPENED[name])]
    return Table(
        f"ScaledObjects by the thousand, pollingInterval {POLL_S}",
        "python -m tests.bench objects",
        (
            "source",
            "objects",
            "mCPU",
            "resident MiB",
            "MiB per 1,000",
            "reads/s",
            "0 → n p50 s",
            "p99 s",
            "n → m p50 s",
            "p99 s",
            f"{BUSY:,} to zero s",
            "told s",
        ),
        [row.cells() for row in rows],
        NOTES,
    )


Opened = Callable[[Path], AbstractAsyncContextManager[Source]]


async def _rows(opened: Opened) -> AsyncIterator[Row]:
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as name:
        folder = Path(name)
        async with opened(folder) as source, bare(folder) as stage:
            await source.set(0, SIZES[-1])
            async with stage.operator("--only=events") as operator:
                await asyncio.sleep(5.0)
                idle, made = resident_mib(operator.pid), 0
            for size in SIZES:
                await _grow(stage.client, source, made, size)
                new, made = size - made, size
                async with stage.operator("--only=events") as operator:
                    process = psutil.Process(operator.pid)
                    yield await _row(Row(source.name, size), source, stage, process, idle, new)


async def _grow(client: Client, source: Source, made: int, size: int) -> None:
    async def one(step: int) -> None:
        await scaled(client, made + step, source.trigger(made + step), cooldownPeriod=COOLDOWN_S)

    await each(size - made, one)


async def _row(
    row: Row, source: Source, stage: Stage, process: psutil.Process, idle: float, new: int
) -> Row:
    row.told = await _quiet(stage.client, new)
    await asyncio.sleep(POLL_S)  # each has had its first sample and has its place in the interval
    reads, busy = await source.reads(), _cpu_s(process)
    await asyncio.sleep(WINDOW_S)
    row.mcpu = 1000 * (_cpu_s(process) - busy) / WINDOW_S
    after = await source.reads()
    row.reads_s = (after - reads) / WINDOW_S if after is not None and reads is not None else None
    row.resident = resident_mib(process.pid)
    row.grown = row.resident - idle
    if row.objects < SIZES[-1]:
        return row
    async with watched(stage.client) as counts:
        row.from_zero = await counts.reached(source, PER_REPLICA * 2, 2, BUSY)
        row.at_work = await counts.reached(source, PER_REPLICA * 3, 3, BUSY)
        row.to_zero = max(await counts.reached(source, 0, 0, BUSY))
    return row


async def _quiet(client: Client, objects: int) -> float:
    """Wait until that many new objects are told of; the seconds that took."""
    loop = asyncio.get_running_loop()
    began, before, calm = loop.time(), 0, 0
    await asyncio.sleep(START_S + WRITES_EACH * objects / WRITES_S)
    while calm < QUIET_TIMES:
        await asyncio.sleep(QUIET_S)
        found = (await client.list(NAMESPACES))["metadata"]["resourceVersion"]
        calm = calm + 1 if int(found) - before <= QUIET_WRITES else 0
        before = int(found)
    return loop.time() - began - QUIET_S * QUIET_TIMES


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


OPENED: Mapping[str, Opened] = {"prometheus": prometheus_source, "rabbitmq": rabbit_source}
SOURCES = os.environ.get("TANDEM_BENCH_SOURCES", "prometheus,rabbitmq").split(",")


class Counts:
    """When each Deployment got its newest count."""

    def __init__(self) -> None:
        self.since: dict[str, tuple[int, float]] = {}
        self.missing = 0
        self._wanted = -1
        self._done = asyncio.Event()

    def changed(self, change: Change[Scaled]) -> None:
        if change.new is None:
            return
        replicas = change.new.spec.replicas
        was = self.since.get(change.new.metadata.name, (-1, 0.0))[0]
        if replicas != was:
            now = asyncio.get_running_loop().time()
            self.since[change.new.metadata.name] = (replicas, now)
            self.missing += (was == self._wanted) - (replicas == self._wanted)
            if self.missing <= 0:
                self._done.set()

    async def reached(self, source: Source, depth: int, replicas: int, count: int) -> list[float]:
        """Set the depth; the seconds until each has the count that follows."""
        self._wanted, self.missing = replicas, count
        self._done.clear()
        changed = await source.set(depth, count)
        async with asyncio.timeout(LONGEST_S):
            await self._done.wait()
        return [self.since[f"work-{n}"][1] - changed[n] for n in range(count)]


@asynccontextmanager
async def watched(client: Client) -> AsyncIterator[Counts]:
    counts = Counts()
    cache = Cache(client, DEPLOYMENTS, Scaled)
    cache.subscribe(counts.changed)
    task = asyncio.create_task(cache.run())
    await cache.wait_synced()
    try:
        yield counts
    finally:
        task.cancel()


@asynccontextmanager
async def bare(folder: Path) -> AsyncIterator[Stage]:
    """The embedded API with our kinds and a namespace, without controllers."""
    address, config = folder / "address", folder / "kubeconfig"
    command = [sys.executable, "-m", "tests.sandbox_process", str(address)]
    server = Server(command, folder / "sandbox.log")
    try:
        await asyncio.to_thread(server.wait_until, address.is_file, READY_S)
        url = address.read_text()
        config.write_text(kubeconfig(url))
        settings = ClientSettings(per_s=100_000, burst=100_000)
        client = Client(HttpTransport(url), settings=settings)
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": "bench"}})
        yield Stage(Cluster("sandbox", url, config), client, folder)
        await client.close()
    finally:
        await asyncio.to_thread(server.stop)
