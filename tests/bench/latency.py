"""From the first message to the first running pod, step by step, on the embedded cluster.

All marks are taken by one clock, in this process: the queue marks when it is read, watches mark the
rest. Pods start at once here and nodes after a set delay, so that what remains is Tandem's own.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from itertools import pairwise

import msgspec
from aiohttp import web

from kube.cache import Cache, Change
from kube.client import Client
from kube.objects import ObjectMeta
from kube.resources import DEPLOYMENTS, NAMESPACES, NODE_CLAIMS, NODES, PODS, PROVISIONERS
from tandem.demo.brokers import WorkQueue
from tandem.demo.scenario import NAMESPACE, Scenario
from tandem.demo.world import World
from tests.bench.stage import Stage, sandboxed
from tests.bench.table import Table

RUNS = 5
NODE_START_S = 1.0
SCENARIO = Scenario(polling_s=1, cooldown_s=1, empty_s=1, pod_start_s=0.0)
STEPS: tuple[str, ...] = ("published", "read", "scaled", "pending", "claimed", "joined")
STEPS += ("registered", "initialised", "bound", "running")
MEANING = {
    "read": "wait for the poll",
    "scaled": "read, decide, write /scale",
    "pending": "pods made, found unschedulable",
    "claimed": "batch, plan, NodeClaim written",
    "joined": "launch, the node's start-up delay",
    "registered": "register",
    "initialised": "initialise",
    "bound": "bind (the scheduler's)",
    "running": "start (the kubelet's; set to 0 s)",
}


class Spec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    replicas: int = 0
    node_name: str = ""


class Condition(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    status: str = ""


class Status(msgspec.Struct, frozen=True, gc=False):
    phase: str = ""
    conditions: tuple[Condition, ...] = ()


class Seen(msgspec.Struct, frozen=True, gc=False):
    """The few fields that tell where a Deployment, Pod, NodeClaim or Node has got to."""

    metadata: ObjectMeta
    spec: Spec = Spec()
    status: Status = Status()


class Marks:
    """When each step was first seen."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._clock = asyncio.get_running_loop().time

    def mark(self, step: str) -> None:
        self.at.setdefault(step, self._clock())

    def follow(self, *tests: tuple[str, Callable[[Seen], bool]]) -> Callable[[Change[Seen]], None]:
        def look(change: Change[Seen]) -> None:
            for step, reached in tests:
                if change.new is not None and reached(change.new):
                    self.mark(step)

        return look


class MarkedQueue(WorkQueue):
    """A work queue that marks the first read that finds a message."""

    marks: Marks

    async def _read(self, request: web.Request) -> web.Response:
        if self.depth:
            self.marks.mark("read")
        return await super()._read(request)


async def measure() -> Table:
    """The median of each step over some runs."""
    steps: dict[str, list[float]] = {step: [] for step in STEPS[1:]}
    async with sandboxed("--pod-start=0s") as stage:
        for _ in range(RUNS):
            at = await _run(stage)
            for before, after in pairwise(STEPS):
                steps[after].append(at[after] - at[before])
    medians = {step: statistics.median(values) for step, values in steps.items()}
    own = sum(medians.values()) - medians["read"] - NODE_START_S
    rows = [
        (step, MEANING[step], f"{medians[step] * 1e3:.0f}", f"{max(steps[step]) * 1e3:.0f}")
        for step in STEPS[1:]
    ]
    rows.append(("sum", "from message to running pod", f"{sum(medians.values()) * 1e3:.0f}", ""))
    rows.append(("own", "without the poll and the start-up delay", f"{own * 1e3:.0f}", ""))
    return Table(
        "From the first message to the first running pod",
        "python -m tests.bench latency",
        ("step", "what happens in it", "median ms", "worst ms"),
        rows,
        (f"{RUNS} runs; polled every {SCENARIO.polling_s} s, start-up {NODE_START_S:.0f} s.",),
    )


async def _run(stage: Stage) -> dict[str, float]:
    queue, marks = MarkedQueue(per_replica=20), Marks()
    queue.marks = marks
    async with queue.serving(), stage.operator(f"--node-startup={NODE_START_S:.0f}s"):
        world = World(stage.client, queue)
        await world.create(SCENARIO.manifests(queue.trigger()))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cache.run()) for cache in _caches(stage.client, marks)]
            tasks.append(group.create_task(world.run(work_s=0.02)))
            await asyncio.sleep(2.5)  # the operator has polled the empty queue and is idle
            marks.mark("published")
            await queue.publish(100)
            async with asyncio.timeout(60):
                while not (queue.depth == 0 and (await world.sample(0)).at_zero):
                    await asyncio.sleep(0.2)
            for task in tasks:
                task.cancel()
        await stage.client.delete(NAMESPACES, NAMESPACE)
        await stage.client.delete(PROVISIONERS, "default")
        async with asyncio.timeout(30):
            while [n for n in await stage.client.items(NAMESPACES) if _name(n) == NAMESPACE]:
                await asyncio.sleep(0.1)
    return marks.at


def _name(body: dict[str, dict[str, str]]) -> str:
    return body["metadata"]["name"]


def _caches(client: Client, marks: Marks) -> list[Cache[Seen]]:
    follow = marks.follow
    wanted = {
        DEPLOYMENTS: follow(("scaled", lambda o: o.spec.replicas > 0)),
        PODS: follow(
            ("pending", lambda o: _is(o, "PodScheduled", "False")),
            ("bound", lambda o: bool(o.spec.node_name)),
            ("running", lambda o: o.status.phase == "Running"),
        ),
        NODE_CLAIMS: follow(("claimed", lambda _: True)),
        NODES: follow(
            ("joined", lambda _: True),
            ("registered", lambda o: "karpenter.sh/registered" in o.metadata.labels),
            ("initialised", lambda o: "karpenter.sh/initialized" in o.metadata.labels),
        ),
    }
    caches = []
    for resource, callback in wanted.items():
        cache = Cache(client, resource, Seen)
        cache.subscribe(callback)
        caches.append(cache)
    return caches


def _is(seen: Seen, kind: str, status: str) -> bool:
    return any(c.type == kind and c.status == status for c in seen.status.conditions)
