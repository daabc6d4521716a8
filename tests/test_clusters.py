"""The fixtures of tests/clusters.py give what they promise, on both halves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from kube.resources import NAMESPACES
from tests.clusters import Cluster


async def test_our_client_reaches_the_cluster(cluster: Cluster) -> None:
    client = cluster.client()

    found = await client.get(NAMESPACES, "default")
    await client.close()

    assert found["status"]["phase"] == "Active"


async def test_a_plain_session_reaches_the_cluster(cluster: Cluster) -> None:
    async with cluster.http() as session, session.get("/api/v1/namespaces/default") as answer:
        assert answer.status == 200


async def test_the_kubeconfig_reaches_the_cluster(
    cluster: Cluster, kubectl: Path, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(kubectl), "--kubeconfig", str(cluster.kubeconfig), "get", "--raw", "/readyz"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    out, _ = await process.communicate()

    assert out == b"ok"


def test_each_half_is_named(cluster: Cluster, busy_cluster: Cluster) -> None:
    assert {cluster.name, busy_cluster.name} <= {"sandbox", "real"}
    assert cluster.url != busy_cluster.url
