"""The CRDs and the engine on both clusters: embedded over HTTP, and a real control plane."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from eventscaler.engine import EventEngine
from kube.client import Client, Json
from kube.errors import Invalid
from kube.events import Recorder
from kube.resources import (
    DEPLOYMENTS,
    EVENTS,
    PODS,
    SCALED_OBJECTS,
)
from scalers.io import IO
from tandem.clock import now
from tests.eventscaler.clusters import placed, until
from tests.eventscaler.manifests import deployment, pod, scaled_object


async def test_the_schema_defaults_prunes_and_refuses(client: Client, namespace: str) -> None:
    body = scaled_object("orders", fallback={"failureThreshold": 3, "replicas": 2}, notAField=1)
    made = await client.create(SCALED_OBJECTS, placed(body, namespace))

    assert made["spec"]["fallback"]["behavior"] == "static"
    assert "notAField" not in made["spec"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"minReplicaCount": 5, "maxReplicaCount": 3}, "minReplicaCount must be at most"),
        ({"minReplicaCount": 101}, "minReplicaCount must be at most"),
        ({"maxReplicaCount": 0}, "spec.maxReplicaCount"),
        ({"pollingInterval": 0}, "spec.pollingInterval"),
        ({"triggers": []}, "spec.triggers"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.name"),
    ],
    ids=["min above max", "min above 100", "max 0", "poll 0", "no trigger", "no target"],
)
async def test_the_schema_refuses(client: Client, namespace: str, spec: Json, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        await client.create(SCALED_OBJECTS, placed(scaled_object("bad", **spec), namespace))


async def test_from_zero_and_back(client: Client, namespace: str) -> None:
    """The whole round, in real time: pods that wait are the queue."""
    recorder = Recorder(client, component="tandem", instance="test", now=now)
    engine = EventEngine(
        client,
        IO(now, client),
        recorder,
        now=now,
        rng=random.Random(1),
        registry=CollectorRegistry(),
    )
    for index in range(3):
        await client.create(PODS, placed(pod(f"work-{index}"), namespace))
    await client.create(DEPLOYMENTS, placed(deployment(), namespace))
    body = scaled_object("orders", pollingInterval=1, cooldownPeriod=1)
    made = await client.create(SCALED_OBJECTS, placed(body, namespace))

    async def replicas(count: int) -> bool:
        found = await client.get(DEPLOYMENTS, "orders", namespace=namespace)
        return bool(found["spec"]["replicas"] == count)

    async def reasons() -> set[str]:
        return {event["reason"] for event in await client.items(EVENTS, namespace=namespace)}

    async def told() -> bool:
        return {"KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated"} <= await reasons()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(engine.run()), group.create_task(recorder.run())]
        await asyncio.sleep(0)
        engine.changed(made)
        await until(partial(replicas, 3))
        for index in range(3):
            await client.delete(PODS, f"work-{index}", namespace=namespace, grace_s=0)
        await until(partial(replicas, 0))
        await until(told)
        for task in tasks:
            task.cancel()

    status = (await client.get(SCALED_OBJECTS, "orders", namespace=namespace))["status"]
    ready = next(found for found in status["conditions"] if found["type"] == "Ready")
    assert ready["status"] == "True"
    assert status["scaleTargetKind"] == "apps/v1.Deployment"
