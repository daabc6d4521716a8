"""The node half against a real API server, controller manager and scheduler, in real time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from kube.client import Client, Json
from kube.errors import AlreadyExists, NotFound
from kube.events import Recorder
from kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    KWOK_NODE_CLASSES,
    NAMESPACES,
    NODE_CLAIMS,
    NODE_POOLS,
    NODES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    PROVISIONERS,
)
from nodescaler.clouds.kwok import KwokCloud
from nodescaler.engine import NodeEngine, NodeSettings
from tandem.clock import now
from tandem.sandbox.controllers.kubelet import run_kubelets
from tandem.sandbox.controllers.settings import ControllerSettings
from tests.clusters import Cluster
from tests.nodescaler.controllers.world import crds, deployment, provisioner

EXAMPLE = Path(__file__).parents[2] / "examples" / "nodepool-kwok.yaml"
FINALIZER = "karpenter.sh/termination"
CONSOLIDATE_AFTER_S = 4
PODS_WANTED = 4


async def until(holds: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():
            await asyncio.sleep(0.2)


async def prepare(client: Client, namespace: str) -> None:
    for crd in crds():
        try:
            await client.create(CUSTOM_RESOURCE_DEFINITIONS, crd)
        except AlreadyExists:
            continue  # another test of this session was first

    async def served() -> bool:
        try:
            for resource in (NODE_CLAIMS, PROVISIONERS, NODE_POOLS, KWOK_NODE_CLASSES):
                await client.items(resource)
        except NotFound:
            return False
        return True

    await until(served, within_s=30)
    await client.create(NAMESPACES, {"metadata": {"name": namespace}})


@asynccontextmanager
async def operator(client: Client) -> AsyncIterator[NodeEngine]:
    """The node half and the kubelets of its simulated nodes."""
    recorder = Recorder(client, component="tandem", instance="test", now=now)
    engine = NodeEngine(
        client,
        {"kwok": KwokCloud(client, now=now)},
        recorder,
        now=now,
        settings=NodeSettings(),
        registry=CollectorRegistry(),
    )
    kubelets = ControllerSettings(pod_start_s=0.1, heartbeat_s=10)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(recorder.run()),
            group.create_task(run_kubelets(client, now=now, settings=kubelets)),
            group.create_task(engine.run()),
        ]
        yield engine
        for task in tasks:
            task.cancel()


class Scene:
    """One namespace of a real cluster, and what is asked about it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    async def running(self, count: int) -> bool:
        pods = await self.client.items(PODS, namespace=self.namespace)
        return len([p for p in pods if p["status"].get("phase") == "Running"]) == count

    async def nodes(self) -> Counter[str]:
        """How many there are, by pool."""
        nodes = await self.client.items(NODES, labels="karpenter.sh/nodepool")
        return Counter(node["metadata"]["labels"]["karpenter.sh/nodepool"] for node in nodes)

    async def no_nodes(self) -> bool:
        return not await self.client.items(NODE_CLAIMS) and not await self.nodes()

    async def deploy(self, body: Json, **spec: object) -> None:
        body["metadata"]["namespace"] = self.namespace
        body["spec"]["template"]["spec"] |= spec
        await self.client.create(DEPLOYMENTS, body, namespace=self.namespace)

    async def scale(self, name: str, replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        await self.client.patch(DEPLOYMENTS, name, body, namespace=self.namespace)

    async def budget(self, least: int) -> None:
        """All pods of `web` but so many may be evicted; until the disruption controller knows."""
        body: Json = {
            "metadata": {"name": "web"},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
        }
        try:
            await self.client.create(POD_DISRUPTION_BUDGETS, body, namespace=self.namespace)
        except AlreadyExists:
            await self.client.patch(POD_DISRUPTION_BUDGETS, "web", body, namespace=self.namespace)

        async def counted() -> bool:
            found = await self.client.get(POD_DISRUPTION_BUDGETS, "web", namespace=self.namespace)
            status = found.get("status", {})
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return seen and bool(status.get("expectedPods") == status.get("currentHealthy") == 2)

        await until(counted, within_s=30)

    async def told(self, reason: str) -> bool:
        events = await self.client.items(EVENTS, namespace=self.namespace)
        return any(event["reason"] == reason for event in events)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_nodes_come_and_go_on_a_real_control_plane(real_cluster: Cluster) -> None:
    client = real_cluster.client()
    scene = Scene(client, "node-engine")
    await prepare(client, scene.namespace)
    async with operator(client) as engine:
        await client.create(PROVISIONERS, provisioner("real-nodes", "m5.large", empty_s=2))
        await engine.resync()
        await scene.deploy(deployment("web", PODS_WANTED, cpu="900m"))
        await until(lambda: scene.running(PODS_WANTED), within_s=60)
        claims = await client.items(NODE_CLAIMS)

        assert await scene.nodes() == {"real-nodes": len(claims)} == {"real-nodes": 2}
        await scene.scale("web", 0)
        await until(scene.no_nodes, within_s=60)
    await client.delete(PROVISIONERS, "real-nodes")
    await client.close()


async def two_pools(client: Client) -> None:
    """The example's pool, which labels its nodes `team: shop`, and a twin of it for the bank."""
    node_class, shop = yaml.safe_load_all(EXAMPLE.read_text())
    shop["spec"]["disruption"]["consolidateAfter"] = f"{CONSOLIDATE_AFTER_S}s"
    bank = deepcopy(shop)
    bank["metadata"]["name"] = "bank"
    bank["spec"]["template"]["metadata"]["labels"] = {"team": "bank"}
    await client.create(KWOK_NODE_CLASSES, node_class)
    for pool in (shop, bank):
        await client.create(NODE_POOLS, pool)


def apart(name: str) -> Json:
    """An affinity by which each pod of *name* needs a node of its own."""
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": name}},
    }
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


async def kubectl_run(kubectl: Path, cluster: Cluster, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        str(kubectl), f"--kubeconfig={cluster.kubeconfig}", *words
    )
    assert await process.wait() == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_pools_of_the_examples_a_drain_that_waits_and_empty_nodes(
    real_cluster: Cluster, kubectl: Path
) -> None:
    client = real_cluster.client()
    scene = Scene(client, "node-pools")
    await prepare(client, scene.namespace)
    async with operator(client) as engine:
        await two_pools(client)
        await engine.resync()
        await scene.deploy(
            deployment("web", 2), nodeSelector={"team": "shop"}, affinity=apart("web")
        )
        await scene.deploy(deployment("ledger", 1), nodeSelector={"team": "bank"})
        await until(lambda: scene.running(3), within_s=60)

        assert await scene.nodes() == {"general": 2, "bank": 1}

        await scene.budget(2)
        pods = await client.items(PODS, namespace=scene.namespace, labels="app=web")
        leaving, pod = pods[0]["spec"]["nodeName"], pods[0]["metadata"]["name"]
        await kubectl_run(kubectl, real_cluster, "delete", "node", leaving, "--wait=false")
        await until(lambda: scene.told("FailedDraining"), within_s=30)
        node = await client.get(NODES, leaving)
        claim = await client.get(NODE_CLAIMS, leaving)
        held = await client.get(PODS, pod, namespace=scene.namespace)

        assert "deletionTimestamp" in node["metadata"]
        assert "deletionTimestamp" in claim["metadata"]
        assert FINALIZER in node["metadata"]["finalizers"]
        assert FINALIZER in claim["metadata"]["finalizers"]
        assert "karpenter.sh/disrupted" in {t["key"] for t in node["spec"]["taints"]}
        assert "deletionTimestamp" not in held["metadata"]

        await scene.budget(1)

        async def replaced() -> bool:
            names = {node["metadata"]["name"] for node in await client.items(NODES)}
            claims = {each["metadata"]["name"] for each in await client.items(NODE_CLAIMS)}
            return leaving not in names | claims and await scene.running(3)

        await until(replaced, within_s=60)

        assert await scene.nodes() == {"general": 2, "bank": 1}

        began = time.monotonic()
        await scene.scale("web", 0)
        await scene.scale("ledger", 0)
        await until(scene.no_nodes, within_s=60)

        assert time.monotonic() - began >= CONSOLIDATE_AFTER_S
    for pool in ("general", "bank"):
        await client.delete(NODE_POOLS, pool)
    await client.delete(KWOK_NODE_CLASSES, "simulated")
    await client.close()
