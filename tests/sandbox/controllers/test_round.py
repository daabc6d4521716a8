"""The main job of the actors: a Deployment comes up, is scaled, goes; then nobody writes."""

from __future__ import annotations

import asyncio

import pytest

from kube.resources import DEPLOYMENTS, REPLICA_SETS
from tests.sandbox.controllers.worlds import cluster, phases, said


@pytest.mark.looptime
async def test_a_deployment_comes_up_scales_to_zero_and_goes_without_a_trace() -> None:
    """Deployment, ReplicaSet, pods, scheduled, Running, scaled to 0, gone; silent at each rest."""
    async with cluster() as world:
        await world.nodes("a", "b")
        await world.deploy("web", 5)
        await asyncio.sleep(5)

        pods = await world.pods()
        assert phases(pods) == {"Running": 5}
        assert {pod["spec"]["nodeName"] for pod in pods} == {"a", "b"}
        shown = await world.get(DEPLOYMENTS, "web")
        assert shown["status"]["readyReplicas"] == shown["status"]["updatedReplicas"] == 5
        assert shown["status"]["observedGeneration"] == shown["metadata"]["generation"]
        assert said(shown, "Available")["status"] == "True"
        assert said(shown, "Progressing")["reason"] == "NewReplicaSetAvailable"
        assert await world.silent() == {}

        await world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, "scale")
        await asyncio.sleep(5)
        assert await world.pods() == []
        assert await world.silent() == {}

        await world.delete(DEPLOYMENTS, "web")
        await asyncio.sleep(5)
        assert await world.client.items(REPLICA_SETS, namespace="default") == []
        assert await world.silent() == {}
