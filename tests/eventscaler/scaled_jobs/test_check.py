"""`tandem check` of a ScaledJob: one round for real, no Job started."""

from __future__ import annotations

import asyncio

import pytest

from eventscaler.scaled_jobs.check import check
from kube.client import Json
from kube.resources import SCALED_JOBS
from scalers.io import IO
from tests.eventscaler.manifests import http_trigger, pods_trigger, scaled_job
from tests.eventscaler.played import finish, give_pods, jobs
from tests.eventscaler.world import now, running

pytestmark = pytest.mark.looptime


async def test_with_a_cluster() -> None:
    async with running() as world:
        body = scaled_job("batch", pods_trigger(name="queue"), successfulJobsHistoryLimit=1)
        body["spec"]["scalingStrategy"] = {"strategy": "accurate"}
        await world.work(3)
        await world.apply(body)
        await asyncio.sleep(1)
        found = await world.client.get(SCALED_JOBS, "batch", namespace="default")
        world.engine.gone(found)
        await finish(world, 2)
        await give_pods(world, "Running")
        oldest = (await jobs(world))[0]["metadata"]["name"]
        world.wire.writes.clear()
        report = await check(body, IO(now, world.client), client=world.client)

        assert world.wire.writes == []
        assert report.ok
        told = report.json()
        assert [trigger["value"] for trigger in told["triggers"]] == [3.0]
        assert (told["active"], told["currentReplicas"], told["desiredReplicas"]) == (True, 1, 4)
        assert told["reason"] == "queue: 3 at 1 each asks for 3; 1 in flight; starting 3"
        assert told["jobs"] == {"begun": 1, "pending": 0, "create": 3, "delete": (oldest,)}


async def test_without_a_cluster_a_trigger_that_reads_it_is_blind() -> None:
    report = await check(scaled_job(), IO(now))

    assert not report.ok
    assert report.reason == (
        "no answer from s0-workload-default; none in flight; starting none; "
        "as if it had no Jobs, as there is no cluster"
    )


async def test_one_that_the_cluster_does_not_know() -> None:
    async with running() as world:
        await world.work(2)
        report = await check(scaled_job(), IO(now, world.client), client=world.client)

        assert report.desired_replicas == 2
        assert report.reason.endswith("as if it had no Jobs, as the cluster does not know it")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maxReplicaCount": 0}, "spec.maxReplicaCount: found 0, want at least 1"),
        (
            {"triggers": [http_trigger(targetValue="0")]},
            "spec.triggers[0].metadata.targetValue: 'targetValue' must be above 0, got 0",
        ),
    ],
)
async def test_a_bad_manifest_is_not_read(change: Json, message: str) -> None:
    report = await check(scaled_job(**change), IO(now))

    assert (report.triggers, report.reason) == ((), message)
