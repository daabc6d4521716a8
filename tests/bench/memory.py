"""Resident memory of the operator: idle, per 1,000 idle ScaledObjects, per 10,000 pods."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kube.client import Client, Json
from kube.resources import DEPLOYMENTS, NAMESPACES, NODES, PODS, SCALED_OBJECTS
from tandem.demo.brokers import WorkQueue
from tandem.sandbox_command import node
from tests.bench.stage import resident_mib, sandboxed
from tests.bench.table import Table

SCALED = 1_000
POD_COUNT = 10_000
PER_NODE = 100
SETTLE_S = 20.0
AT_ONCE = 32


async def measure() -> Table:
    """Three sizes of the operator's process, each after it has settled."""
    queue = WorkQueue(per_replica=20)
    async with queue.serving():
        idle, with_objects = await _with_objects(queue.trigger())
    with_pods = await _with_pods()
    return Table(
        "Memory of the operator",
        "python -m tests.bench memory",
        ("state", "resident MiB", "target"),
        [
            ("idle", f"{idle:.0f}", "≤ 150"),
            (f"growth by {SCALED:,} idle ScaledObjects", f"{with_objects - idle:.0f}", "≤ 50"),
            (f"growth by {POD_COUNT:,} pods", f"{with_pods - idle:.0f}", "≤ 120"),
        ],
    )


async def _with_objects(trigger: Json) -> tuple[float, float]:
    """Idle, and after 1,000 ScaledObjects at zero have been polled at least once each."""
    async with sandboxed("--pod-start=0s") as stage:
        await stage.client.create(NAMESPACES, {"metadata": {"name": "bench"}})
        async with stage.operator() as operator:
            await asyncio.sleep(SETTLE_S)
            idle = resident_mib(operator.pid)
            await each(SCALED, lambda n: scaled(stage.client, n, trigger))
            await asyncio.sleep(SETTLE_S * 2)
            return idle, resident_mib(operator.pid)


async def _with_pods() -> float:
    async with sandboxed("--pod-start=0s") as stage:
        await stage.client.create(NAMESPACES, {"metadata": {"name": "bench"}})
        await each(POD_COUNT // PER_NODE, lambda n: _node(stage.client, n))
        await each(POD_COUNT, lambda n: _pod(stage.client, n))
        async with stage.operator() as operator:
            await asyncio.sleep(SETTLE_S)
            return resident_mib(operator.pid)


async def each(count: int, act: Callable[[int], Awaitable[object]]) -> None:
    """Run `act(n)` for each n below *count*, some at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await act(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def scaled(client: Client, number: int, trigger: Json, **more: object) -> None:
    """A Deployment at zero and its ScaledObject."""
    name = f"work-{number}"
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "registry.invalid/work:1"}]},
    }
    selector = {"matchLabels": {"app": name}}
    spec = {"replicas": 0, "selector": selector, "template": template}
    await client.create(DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec}, namespace="bench")
    wanted = {"scaleTargetRef": {"name": name}, "pollingInterval": 30, "triggers": [trigger]}
    wanted |= more
    body = {"metadata": {"name": name}, "spec": wanted}
    await client.create(SCALED_OBJECTS, body, namespace="bench")


async def _node(client: Client, number: int) -> None:
    await client.create(NODES, node(f"node-{number}"))


async def _pod(client: Client, number: int) -> None:
    """A pod of the size that a cluster's usual pods have: labels, env, mounts and all."""
    requests = {"cpu": "25m", "memory": "64Mi"}
    env = [{"name": f"SETTING_{n}", "value": "x" * 40} for n in range(12)]
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    container: Json = {"name": "c", "image": "registry.invalid/work:1", "env": env}
    container |= {"resources": {"requests": requests}, "volumeMounts": mounts}
    labels = {"app": f"app-{number % 50}", "pod-template-hash": "5d4f7", "team": "shop"}
    spec = {
        "nodeName": f"node-{number // PER_NODE}",
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    metadata = {"name": f"pod-{number}", "labels": labels}
    await client.create(PODS, {"metadata": metadata, "spec": spec}, namespace="bench")
