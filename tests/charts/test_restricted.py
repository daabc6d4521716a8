"""The chart in restricted mode, on a real API server: Secrets of the operator only."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube.client import Client
from kube.resources import CLUSTER_TRIGGER_AUTHENTICATIONS, SCALED_OBJECTS, Resource
from tandem.demo.scenario import WORKER
from tests.charts.test_permissions import (
    GuardedQueue,
    WithEnvironment,
    installed,
    not_ready,
)
from tests.clusters import Cluster
from tests.e2e.scene import QUICK, staged

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
CLUSTER_KIND = CLUSTER_TRIGGER_AUTHENTICATIONS.kind


async def test_restricted_secrets_are_the_operators_own(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    """A Secret beside the workload is refused in words; one beside the operator is read."""
    work = f"{unique}-work"
    scenario = WithEnvironment(**{each: getattr(QUICK, each) for each in QUICK.__slots__})
    queue = GuardedQueue()
    flags = ("--set=auth.restrictSecretAccess=true", "--set=only=events")
    async with (
        installed(helm_program, real_cluster, tmp_path, unique, *flags) as release,
        queue.serving(),
        staged(real_cluster, queue, work, scenario) as scene,
        await release.operator(tmp_path),
    ):
        await queue.publish(QUICK.messages)
        told = await not_ready(scene.client, work)
        before = scene.samples[-1].replicas
        await with_own_secret(scene.client, queue, work, unique)
        await scene.until(lambda s: s.replicas > 0, "replicas rise", 60)
        await scene.client.delete(CLUSTER_TRIGGER_AUTHENTICATIONS, unique)

    assert f"secret {work}/queue is not read: with --restrict-secret-access" in told
    assert before == 0
    assert [each for each, allowed in release.asked() if not allowed] == []


async def with_own_secret(client: Client, queue: GuardedQueue, work: str, release: str) -> None:
    """The same credentials for all namespaces, with their Secret where the operator is."""
    for body in queue.credentials(release):
        if body["kind"] == "TriggerAuthentication":
            body |= {"kind": CLUSTER_KIND, "metadata": {"name": release}}
            await client.create(CLUSTER_TRIGGER_AUTHENTICATIONS, body)
        else:
            plural = f"{body['kind'].lower()}s"
            await client.create(Resource("", "v1", plural, body["kind"]), body)
    trigger = queue.trigger() | {"authenticationRef": {"name": release, "kind": CLUSTER_KIND}}
    await client.patch(SCALED_OBJECTS, WORKER, {"spec": {"triggers": [trigger]}}, namespace=work)
