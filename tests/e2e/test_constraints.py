"""Pods that care where they run: one plan makes all their nodes, and every rule holds there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kube.client import Json
from kube.errors import AlreadyExists
from kube.resources import (
    DEPLOYMENTS,
    EVENTS,
    KWOK_NODE_CLASSES,
    NAMESPACES,
    NODE_CLAIMS,
    NODE_POOLS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STATEFUL_SETS,
    STORAGE_CLASSES,
)
from tests.clusters import Cluster
from tests.e2e.kit import LOOK_S, gone, kubelets, until
from tests.e2e.operator import OperatorProcess, operator_of
from tests.e2e.scene import install_crds
from tests.e2e.workloads import (
    DISK_ZONE,
    GUARD,
    PART,
    ZONE,
    App,
    Part,
    Places,
    node_class,
    parts,
    pool,
    slug,
    storage_class,
    volume,
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]
SELECTED = "volume.kubernetes.io/selected-node"
WORKLOADS = {each.kind: each for each in (DEPLOYMENTS, STATEFUL_SETS)}
HUGE = App("giant", 1, "900", {"nodeSelector": {}})


class Stage:
    """One namespace with every part, and pools for them."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.client, self.name, self.cluster = cluster.client(), name, cluster
        self.guarded = f"{name}-guarded"
        self.parts = parts(name, f"{name}-disk", self.guarded)

    @property
    def apps(self) -> list[tuple[App, Part]]:
        return [(app, part) for part in self.parts for app in part.apps]

    @property
    def pods(self) -> int:
        return sum(app.replicas for app, _ in self.apps)

    # ------------------------------------------------------------ what is submitted

    async def create_pools(self) -> None:
        await self.client.create(KWOK_NODE_CLASSES, node_class(self.name))
        values = {slug(part) for part in self.parts}
        kept = {slug(part) for part in self.parts if "others are kept" in part.name}
        for body in (
            pool(self.name, self.name, sorted(values - kept)),
            pool(self.guarded, self.name, sorted(kept), taints=[GUARD]),
        ):
            await self.client.create(NODE_POOLS, body)

    async def create_workloads(self) -> None:
        await self.client.create(STORAGE_CLASSES, storage_class(self.name))
        disk: Json = {
            "metadata": {"name": f"{self.name}-disk", "namespace": self.name},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "volumeName": f"{self.name}-disk",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        await self.client.create(PERSISTENT_VOLUMES, volume(f"{self.name}-disk", DISK_ZONE, disk))
        await self.client.create(PERSISTENT_VOLUME_CLAIMS, disk)
        for app, part in [*self.apps, (HUGE, self.parts[0])]:
            body = app.manifest(slug(part))
            await self.client.create(WORKLOADS[app.kind], body, namespace=self.name)

    async def scale_to_zero(self) -> None:
        for app, _ in [*self.apps, (HUGE, self.parts[0])]:
            none = {"spec": {"replicas": 0}}
            await self.client.patch(WORKLOADS[app.kind], app.name, none, namespace=self.name)

    # ------------------------------------------------------------ what there is

    async def submitted(self) -> bool:
        """Every pod is there, and the volume that exists is bound."""
        pods = await self.client.items(PODS, namespace=self.name)
        disk = await self.client.get(
            PERSISTENT_VOLUME_CLAIMS, f"{self.name}-disk", namespace=self.name
        )
        is_bound: bool = disk.get("status", {}).get("phase") == "Bound"
        return len(pods) == self.pods + HUGE.replicas and is_bound

    async def all_run(self) -> bool:
        pods = await self.client.items(PODS, namespace=self.name)
        running = [each for each in pods if each["status"].get("phase") == "Running"]
        return len(running) == self.pods

    async def no_nodes(self) -> bool:
        return not await self.client.items(NODE_CLAIMS) and not await self.nodes()

    async def nodes(self) -> dict[str, Json]:
        found = await self.client.items(NODES, labels="karpenter.sh/nodepool")
        return {node["metadata"]["name"]: node["metadata"]["labels"] for node in found}

    async def places(self) -> Places:
        nodes, found = await self.nodes(), defaultdict[str, list[Json]](list)
        for pod in await self.client.items(PODS, namespace=self.name):
            if "nodeName" in pod["spec"]:
                found[pod["metadata"]["labels"]["app"]].append(nodes[pod["spec"]["nodeName"]])
        return found

    async def warnings(self, app: str) -> str:
        events = await self.client.items(EVENTS, namespace=self.name, fields="type=Warning")
        return "\n".join(
            str(each["message"])
            for each in events
            if each["involvedObject"]["name"].startswith(f"{app}-")
            and each.get("source", {}).get("component") != "default-scheduler"
        )

    # ------------------------------------------------------------ what only the sandbox has

    @asynccontextmanager
    async def machinery(self) -> AsyncIterator[None]:
        """Kubelets and the provisioner of volumes, while inside."""
        async with kubelets(self.cluster, self.client), asyncio.TaskGroup() as group:
            task = group.create_task(self._provision()) if self.cluster.name == "real" else None
            yield
            if task is not None:
                task.cancel()

    async def _provision(self) -> None:
        """A volume in the zone of the node that the scheduler has chosen for a claim."""
        while True:
            nodes = await self.nodes()
            for claim in await self.client.items(PERSISTENT_VOLUME_CLAIMS, namespace=self.name):
                node = claim["metadata"].get("annotations", {}).get(SELECTED)
                if node in nodes and not claim["spec"].get("volumeName"):
                    name = f"pvc-{claim['metadata']['uid']}"
                    try:
                        body = volume(name, nodes[node][ZONE], claim)
                        await self.client.create(PERSISTENT_VOLUMES, body)
                    except AlreadyExists:
                        continue
            await asyncio.sleep(LOOK_S)

    async def clear(self) -> None:
        for resource, name in (
            (NAMESPACES, self.name),
            (NODE_POOLS, self.name),
            (NODE_POOLS, self.guarded),
            (KWOK_NODE_CLASSES, self.name),
            (STORAGE_CLASSES, self.name),
        ):
            await gone(self.client, resource, name)
        for each in await self.client.items(PERSISTENT_VOLUMES):
            if each["spec"].get("claimRef", {}).get("namespace") == self.name:
                await gone(self.client, PERSISTENT_VOLUMES, each["metadata"]["name"])
        await self.client.close()


async def test_every_pod_gets_what_it_asks_for_in_one_round(
    operated_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    stage = Stage(operated_cluster, unique)
    try:
        await install_crds(stage.client)
        await stage.client.create(NAMESPACES, {"metadata": {"name": unique}})
        await stage.create_workloads()
        await until(stage.submitted, "every pod waits", 30)
        async with stage.machinery():
            await stage.create_pools()
            async with operator_of(operated_cluster, tmp_path, "--no-elect") as operator:
                await until(stage.all_run, "every pod runs", 45)
                await assert_all_holds(stage, operator)
                await stage.scale_to_zero()
                await until(stage.no_nodes, "no node is left", 45)
    finally:
        await stage.clear()


async def assert_all_holds(stage: Stage, operator: OperatorProcess) -> None:
    places, nodes = await stage.places(), await stage.nodes()

    assert [part.name for part in stage.parts if not part.holds(places)] == []
    assert all(n[PART] == slug(part) for app, part in stage.apps for n in places[app.name])

    planned = [line for line in operator.lines() if line["event"] == "planned"]
    claims = await stage.client.items(NODE_CLAIMS)

    assert {each["metadata"]["name"] for each in claims} == set(nodes)
    assert planned[0]["decided"].startswith(f"{len(nodes)} new nodes at ")
    assert all(line["decided"].startswith("0 new nodes") for line in planned[1:]), planned
    assert planned[0]["relaxed"] == 1, "the dreamer's wish"
    assert planned[0]["unschedulable"] == HUGE.replicas
    assert "needs 900 cpu" in await stage.warnings(HUGE.name)
