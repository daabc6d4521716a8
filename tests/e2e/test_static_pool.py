"""A pool of a fixed number of nodes: they come without any pod, and follow `kubectl scale`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube.client import Client
from kube.resources import KWOK_NODE_CLASSES, NODE_CLAIMS, NODE_POOLS, NODES
from tests.clusters import Cluster
from tests.e2e.kit import gone, kubelets, until
from tests.e2e.operator import operator_of
from tests.e2e.scene import install_crds
from tests.e2e.workloads import POOL, node_class, pool

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]
READY = "karpenter.sh/initialized"


async def settle(client: Client, name: str, count: int) -> set[str]:
    """The names of the pool's nodes, once there are so many, all ready, and it says so itself."""
    names = set[str]()

    async def settled() -> bool:
        names.clear()
        found = await client.items(NODES, labels=f"{POOL}={name}")
        names.update(n["metadata"]["name"] for n in found if READY in n["metadata"]["labels"])
        claims = await client.items(NODE_CLAIMS, labels=f"{POOL}={name}")
        shown = (await client.get(NODE_POOLS, name)).get("status", {}).get("nodes")
        return (len(names), len(found), len(claims), shown) == (count,) * 4

    await until(settled, f"{count} nodes of pool {name}", 40)
    return set(names)


async def test_as_many_nodes_as_the_pool_says(
    operated_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    client = operated_cluster.client()
    body = pool(unique, unique, ["static"])
    body["spec"]["replicas"] = 2
    try:
        await install_crds(client)
        await client.create(KWOK_NODE_CLASSES, node_class(unique))
        async with (
            kubelets(operated_cluster, client),
            operator_of(operated_cluster, tmp_path, "--no-elect"),
        ):
            await client.create(NODE_POOLS, body)
            two = await settle(client, unique, 2)
            for replicas in (1, 0):
                scale = {"spec": {"replicas": replicas}}
                await client.patch(NODE_POOLS, unique, scale, subresource="scale")
                left = await settle(client, unique, replicas)

                assert left < two
    finally:
        await gone(client, NODE_POOLS, unique)
        await gone(client, KWOK_NODE_CLASSES, unique)
        await client.close()
