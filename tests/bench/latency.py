"""From the first message to the first running pod, step by step, on the embedded cluster.

Marks are taken by one clock, in this process: the queue marks when it is read, watches mark the
rest. What happens inside one step of theirs, read and decide, the operator's own log line tells.
Pods start at once here and nodes after a set delay, so that what remains is Tandem's own.
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
MESSAGES = 100
NODE_START_S = 1.0
SCENARIO = Scenario(polling_s=1, cooldown_s=1, empty_s=1, pod_start_s=0.0)
MARKS: tuple[str, ...] = ("published", "polled", "scaled", "pending", "claimed")
MARKS += ("joined", "registered", "bound", "running")
MEANING = {
    "poll": "wait for the next poll",
    "read": "ask the queue and have its answer",
    "decide": "replicas from the readings",
    "/scale": "written, and seen by a watcher",
    "pending": "pods made, found unschedulable (the cluster's)",
    "plan": "batch, pack, NodeClaim written",
    "launch": "the cloud asked, the node there, without its start-up delay",
    "start-up": "the node's start-up delay, as set",
    "register": "labels and taints settled",
    "bind": "the scheduler's",
    "start": "the kubelet's, set to 0 s",
}
NOT_OURS = ("poll", "start-up")


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
            self.marks.mark("polled")
        return await super()._read(request)


async def measure() -> Table:
    """The median and the worst of each step over some runs."""
    async with sandboxed("--pod-start=0s") as stage:
        runs = [await _run(stage) for _ in range(RUNS)]
    own = [sum(ms for step, ms in run.items() if step not in NOT_OURS) for run in runs]
    rows = [(step, what, *_figures([run[step] for run in runs])) for step, what in MEANING.items()]
    whole = [sum(run.values()) for run in runs]
    rows.append(("all", "from message to running pod", *_figures(whole)))
    rows.append(("**own**", "all but poll and start-up; target < 1,000 ms", *_figures(own)))
    return Table(
        "From the first message to the first running pod",
        "python -m tests.bench latency",
        ("step", "what happens in it", "median ms", "worst ms"),
        rows,
        (f"{RUNS} runs; polled every {SCENARIO.polling_s} s, start-up {NODE_START_S:.0f} s.",),
    )


def _figures(values: list[float]) -> tuple[str, str]:
    return f"{statistics.median(values):.1f}", f"{max(values):.1f}"


async def _run(stage: Stage) -> dict[str, float]:
    """One round of the main job; the milliseconds of each step."""
    queue, marks = MarkedQueue(per_replica=20), Marks()
    queue.marks = marks
    async with queue.serving(), stage.operator(f"--node-startup={NODE_START_S:.0f}s") as operator:
        before = len(operator.lines())
        world = World(stage.client, queue)
        await world.create(SCENARIO.manifests(queue.trigger()))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cache.run()) for cache in _caches(stage.client, marks)]
            tasks.append(group.create_task(world.run(work_s=0.02)))
            await asyncio.sleep(2.5)  # the operator has polled the empty queue and is idle
            marks.mark("published")
            await queue.publish(MESSAGES)
            async with asyncio.timeout(60):
                while not (queue.depth == 0 and (await world.sample(0)).at_zero):
                    await asyncio.sleep(0.2)
            for task in tasks:
                task.cancel()
        decision = next(each for each in operator.lines()[before:] if each["event"] == "scaled")
        await _clear(stage.client)
    return _steps(marks.at, decision["read_ms"], decision["decide_ms"])


def _steps(at: dict[str, float], read_ms: float, decide_ms: float) -> dict[str, float]:
    """Milliseconds from mark to mark, where the operator's log splits what lies between two."""
    took = {after: (at[after] - at[before]) * 1e3 for before, after in pairwise(MARKS)}
    return {
        "poll": took["polled"],
        "read": read_ms,
        "decide": decide_ms,
        "/scale": took["scaled"] - read_ms - decide_ms,
        "pending": took["pending"],
        "plan": took["claimed"],
        "launch": took["joined"] - NODE_START_S * 1e3,
        "start-up": NODE_START_S * 1e3,
        "register": took["registered"],
        "bind": took["bound"],
        "start": took["running"],
    }


async def _clear(client: Client) -> None:
    await client.delete(NAMESPACES, NAMESPACE)
    await client.delete(PROVISIONERS, "default")
    async with asyncio.timeout(30):
        while [n for n in await client.items(NAMESPACES) if n["metadata"]["name"] == NAMESPACE]:
            await asyncio.sleep(0.1)


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
