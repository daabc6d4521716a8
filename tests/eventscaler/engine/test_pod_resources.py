"""cpu and memory beside a queue: how many replicas they ask for, and what they leave to others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kube.client import Json
from kube.resources import PODS
from tests.eventscaler.manifests import deployment, pod, pods_trigger, scaled_object
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
MEMORY = {"type": "memory", "metricType": "AverageValue", "metadata": {"value": "64Mi"}}
LONG_AGO = "2026-05-01T11:00:00Z"
AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}


async def runs(world: World, count: int, usage: str, *, request: str = "100m") -> None:
    """The workload has *count* pods that have been ready for an hour and use that much."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}
    status = {"phase": "Running", "startTime": LONG_AGO, "conditions": [ready]}
    for index in range(count):
        body = pod(f"orders-{index}", "orders")
        body["metadata"]["annotations"] = {"tandem.sh/usage": usage}
        requests = {"cpu": request} if request else {}
        body["spec"]["containers"][0]["resources"] = {"requests": requests}
        await world.client.create(PODS, body)
        await world.client.patch(
            PODS,
            body["metadata"]["name"],
            {"status": status},
            namespace="default",
            subresource="status",
        )


def order(*triggers: Json, **spec: Any) -> Json:
    config = {"horizontalPodAutoscalerConfig": {"behavior": AT_ONCE}}
    return scaled_object("orders", *triggers, advanced=config, **spec)


async def test_the_largest_demand_wins() -> None:
    """Two pods at 150 % of their requests, 50 wanted: six; memory and queue ask for less."""
    async with running() as world:
        await world.work(1)
        await runs(world, 2, "cpu=150m,memory=96Mi")
        await world.apply(deployment(replicas=2), order(pods_trigger(), CPU, MEMORY))
        await asyncio.sleep(1)
        status = await world.status()

        assert await world.replicas() == 6
        told = "scaled Deployment default/orders from 2 to 6: s1-cpu: 150 at 50 % asks for 6"
        assert ("SuccessfulRescale", told) in await world.events()
        assert status["externalMetricNames"] == ["s0-workload-default"]
        assert status["resourceMetricNames"] == ["cpu", "memory"]
        assert list(status["triggersActivity"]) == ["s0-workload-default"]


async def test_memory_alone_counts_a_workload_that_never_rests() -> None:
    async with running() as world:
        await runs(world, 4, "memory=30Mi")
        await world.apply(deployment(replicas=4), order(MEMORY, minReplicaCount=1))
        await asyncio.sleep(1)

        assert await world.replicas() == 2
        assert (await world.condition("Active"))[0] == "True"


async def test_the_queue_says_whether_there_is_work() -> None:
    """A busy processor does not keep from zero, and nothing to measure is no trouble there."""
    async with running() as world:
        await runs(world, 2, "cpu=100m")
        await world.apply(deployment(replicas=2), order(pods_trigger(), CPU, cooldownPeriod=30))
        await asyncio.sleep(60)
        assert await world.replicas() == 0

        for index in range(2):
            await world.client.delete(PODS, f"orders-{index}", namespace="default", grace_s=0)
        await world.work(3)
        await asyncio.sleep(31)
        assert await world.replicas() == 3
        assert (await world.condition("Ready"))[:2] == ("True", "ScaledObjectReady")


async def test_a_missing_request_is_told_and_holds() -> None:
    async with running() as world:
        await world.work(1)
        await runs(world, 4, "cpu=10m", request="")
        await world.apply(deployment(replicas=4), order(pods_trigger(), CPU))
        await asyncio.sleep(1)

        assert await world.replicas() == 4
        status, _, message = await world.condition("Ready")
        assert status == "Unknown"
        assert "container main of pod orders-0 requests no cpu" in message
