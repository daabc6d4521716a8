"""The node half end to end, in virtual time: pods wait, nodes come, pods go, nodes go, silence."""

from __future__ import annotations

import asyncio

import pytest

from kube.resources import NODE_CLAIMS, NODES
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.world import provisioner, world

pytestmark = pytest.mark.looptime


async def test_from_nothing_to_nodes_and_back_to_silence() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        process = await it.start(NodeSettings(node_startup_s=20))
        await it.deployment("web", 10)
        await it.until(lambda: it.all_running(10), within_s=40)
        nodes = await it.all(NODES)

        assert len(nodes) == len(await it.all(NODE_CLAIMS))
        assert all(n["metadata"]["labels"]["karpenter.sh/initialized"] == "true" for n in nodes)

        await it.scale("web", 0)
        await it.until(it.no_nodes, within_s=60)
        await asyncio.sleep(5)
        before = len(process.transport.writes)
        await asyncio.sleep(1300)  # listed again twice

        assert len(process.transport.writes) == before
