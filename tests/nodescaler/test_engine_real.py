"""The node half against a real API server, controller manager and scheduler, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from kube.client import Client
from kube.errors import AlreadyExists, NotFound
from kube.events import Recorder
from kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    NAMESPACES,
    NODE_CLAIMS,
    NODES,
    PODS,
    PROVISIONERS,
)
from nodescaler.clouds.kwok import KwokCloud
from nodescaler.engine import NodeEngine, NodeSettings
from tandem.sandbox.controllers.kubelet import run_kubelets
from tandem.sandbox.controllers.settings import ControllerSettings
from tests.clusters import Cluster
from tests.nodescaler.controllers.world import crds, deployment, provisioner

NAMESPACE = "node-engine"
PODS_WANTED = 4


def now() -> datetime:
    return datetime.now(UTC)


async def until(holds: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():
            await asyncio.sleep(0.2)


async def prepare(client: Client) -> None:
    for crd in crds():
        try:
            await client.create(CUSTOM_RESOURCE_DEFINITIONS, crd)
        except AlreadyExists:
            continue  # another test of this session was first

    async def served() -> bool:
        try:
            await client.items(NODE_CLAIMS)
            await client.items(PROVISIONERS)
        except NotFound:
            return False
        return True

    await until(served, within_s=30)
    await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_nodes_come_and_go_on_a_real_control_plane(real_cluster: Cluster) -> None:
    client = real_cluster.client()
    await prepare(client)
    recorder = Recorder(client, component="tandem", instance="test", now=now)
    engine = NodeEngine(
        client,
        {"kwok": KwokCloud(client, now=now)},
        recorder,
        now=now,
        settings=NodeSettings(),
        registry=CollectorRegistry(),
    )
    pool = provisioner("real-nodes", "m5.large", empty_s=2)
    body = deployment("web", PODS_WANTED, cpu="900m")
    body["metadata"]["namespace"] = NAMESPACE

    async def running() -> bool:
        pods = await client.items(PODS, namespace=NAMESPACE)
        return len([p for p in pods if p["status"].get("phase") == "Running"]) == PODS_WANTED

    async def no_nodes() -> bool:
        return not await client.items(NODE_CLAIMS) and not await ours()

    async def ours() -> list[str]:
        nodes = await client.items(NODES, labels="karpenter.sh/nodepool=real-nodes")
        return [node["metadata"]["name"] for node in nodes]

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(recorder.run()),
            group.create_task(
                run_kubelets(client, now=now, settings=ControllerSettings(pod_start_s=0.1))
            ),
            group.create_task(engine.run()),
        ]
        await client.create(PROVISIONERS, pool)
        await engine.resync()
        await client.create(DEPLOYMENTS, body)
        await until(running, within_s=60)
        nodes, claims = await ours(), await client.items(NODE_CLAIMS)

        assert len(nodes) == len(claims) == 2
        await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, namespace=NAMESPACE)
        await until(no_nodes, within_s=60)
        for task in tasks:
            task.cancel()
    await client.delete(PROVISIONERS, "real-nodes")
    await client.close()
