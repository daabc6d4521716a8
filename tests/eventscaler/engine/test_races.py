"""What changes while a turn is under way: the turn sees it before it acts or reports."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import generate_latest

from kube.client import Json
from kube.resources import DEPLOYMENTS, SCALED_JOBS, SCALED_OBJECTS, Resource
from kube.transport import Request
from tests.eventscaler.manifests import deployment, pods_trigger, scaled_job, scaled_object
from tests.eventscaler.played import jobs
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

PAUSED = "autoscaling.keda.sh/paused"


def slow_queue(request: Request) -> float:
    """The queue takes five seconds to answer."""
    counts = request.method == "GET" and request.path.endswith("/pods")
    return 5.0 if counts else 0.0


async def pause(world: World, resource: Resource, name: str) -> None:
    patch = {"metadata": {"annotations": {PAUSED: "true"}}}
    world.engine.changed(await world.client.patch(resource, name, patch, namespace="default"))


async def test_a_pause_that_comes_while_the_queue_is_read_holds() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.work(4)
        world.wire.delay_s = slow_queue
        await asyncio.sleep(31)
        await pause(world, SCALED_OBJECTS, "orders")
        await asyncio.sleep(60)

        assert await world.replicas() == 0
        assert (await world.condition("Paused"))[0] == "True"


async def test_a_pause_of_jobs_that_comes_while_the_queue_is_read_holds() -> None:
    async with running() as world:
        await world.apply(scaled_job())
        await asyncio.sleep(1)
        await world.work(4)
        world.wire.delay_s = slow_queue
        await asyncio.sleep(31)
        await pause(world, SCALED_JOBS, "batch")
        await asyncio.sleep(60)

        assert await jobs(world) == []


async def test_who_is_deleted_while_the_queue_is_read_sets_no_count() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.work(4)
        world.wire.delay_s = slow_queue
        await asyncio.sleep(31)
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        await world.client.delete(SCALED_OBJECTS, "orders", namespace="default")
        world.engine.gone(held)
        await asyncio.sleep(60)

        assert await world.replicas() == 0


async def test_a_namesake_gets_nothing_of_the_status_before_it() -> None:
    """The first one saw work; the second one never did, and has an initial cooldown."""
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(replicas=3))
        world.wire.delay_s = slow_queue
        await world.apply(scaled_object())
        await asyncio.sleep(1)
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        await world.client.delete(SCALED_OBJECTS, "orders", namespace="default")
        world.engine.gone(held)
        await world.apply(scaled_object("orders", pods_trigger("never"), pollingInterval=600))
        await asyncio.sleep(60)

        assert "lastActiveTime" not in await world.status()
        assert (await world.condition("Active"))[0] == "False"


async def test_a_trigger_taken_out_while_it_is_read_leaves_no_series() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object("orders", pods_trigger(name="former")))
        await asyncio.sleep(1)
        world.wire.delay_s = slow_queue
        await asyncio.sleep(31)
        await world.edit(SCALED_OBJECTS, "orders", triggers=[pods_trigger(name="latter")])
        await asyncio.sleep(60)
        shown = generate_latest(world.meters)

        assert (b"former" in shown, b"latter" in shown) == (False, True)


async def test_another_workload_has_a_first_count_of_its_own() -> None:
    restore: Json = {"restoreToOriginalReplicaCount": True}
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(replicas=2), deployment("other", replicas=3))
        await world.apply(scaled_object(advanced=restore))
        await asyncio.sleep(1)
        await world.edit(SCALED_OBJECTS, "orders", scaleTargetRef={"name": "other"})
        await asyncio.sleep(1)
        assert await world.replicas("other") == 5
        assert (await world.status())["originalReplicaCount"] == 3

        await world.delete()
        await asyncio.sleep(1)
        assert await world.replicas("other") == 3


async def test_what_was_wanted_of_one_workload_lets_no_other_fall_early() -> None:
    """Windows look back over the counts that were wanted of this workload."""
    async with running() as world:
        await world.work(1)
        await world.apply(deployment(replicas=1), deployment("other", replicas=8), scaled_object())
        await asyncio.sleep(400)
        await world.edit(SCALED_OBJECTS, "orders", scaleTargetRef={"name": "other"})
        await asyncio.sleep(200)
        assert await world.replicas("other") == 8

        await asyncio.sleep(120)
        assert await world.replicas("other") == 1


async def test_advice_puts_no_count_back() -> None:
    """With tandem.sh/mode recommend nothing was scaled, so there is nothing to restore."""
    body = scaled_object(advanced={"restoreToOriginalReplicaCount": True})
    body["metadata"]["annotations"] = {"tandem.sh/mode": "recommend"}
    async with running() as world:
        await world.apply(deployment(replicas=2), body)
        await asyncio.sleep(1)
        patch: Json = {"spec": {"replicas": 7}}
        await world.client.patch(DEPLOYMENTS, "orders", patch, namespace="default")
        await world.delete()
        await asyncio.sleep(1)

        assert await world.replicas() == 7


async def test_a_refusal_that_is_over_is_not_in_the_status() -> None:
    async with running() as world:
        await world.work(2)
        world.wire.forbidden = lambda request: request.method == "PUT"
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        assert "not you" in (await world.status())["lastDecision"]["refused"]
        world.wire.forbidden = lambda _: False
        await asyncio.sleep(31)

        last = (await world.status())["lastDecision"]
        assert (last["written"], "refused" in last) == (True, False)
