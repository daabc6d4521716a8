"""Which pause beats which, what ends with one, and what refusals of a count are called."""

from __future__ import annotations

import asyncio

import pytest

from kube.client import Json
from kube.resources import SCALED_OBJECTS
from tests.eventscaler.manifests import deployment, scaled_job, scaled_object
from tests.eventscaler.played import jobs
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

PAUSED = "autoscaling.keda.sh/paused"
COUNT, IN, OUT = f"{PAUSED}-replicas", f"{PAUSED}-scale-in", f"{PAUSED}-scale-out"


def noted(**notes: str) -> Json:
    keys = {"paused": PAUSED, "count": COUNT, "scale_in": IN, "scale_out": OUT}
    body = scaled_object(cooldownPeriod=0)
    body["metadata"]["annotations"] = {keys[name]: value for name, value in notes.items()}
    return body


async def annotate(world: World, key: str, value: str | None) -> None:
    patch = {"metadata": {"annotations": {key: value}}}
    changed = await world.client.patch(SCALED_OBJECTS, "orders", patch, namespace="default")
    world.engine.changed(changed)
    await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(noted(count="3", paused="true"), 3, id="a count beats the plain pause"),
        pytest.param(noted(count="3", paused="false"), 3, id="also one that is denied"),
        pytest.param(noted(count="3", scale_in="true", scale_out="true"), 3, id="and directions"),
        pytest.param(noted(paused="true", scale_in="false"), 1, id="the plain one beats them, too"),
        pytest.param(noted(paused="please"), 1, id="what is no boolean is a yes"),
        pytest.param(noted(paused="false"), 5, id="false is none"),
        pytest.param(noted(scale_in="true"), 5, id="one direction leaves the other"),
        pytest.param(noted(scale_out="true"), 1, id="up"),
    ],
)
async def test_precedence(body: Json, expected: int) -> None:
    """One runs, and there is work for five."""
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(replicas=1), body)
        await asyncio.sleep(31)

        assert await world.replicas() == expected


async def test_a_count_that_is_edited_while_paused_is_set_and_kept() -> None:
    async with running() as world:
        await world.apply(deployment(replicas=1), noted(count="3"))
        await asyncio.sleep(1)
        await annotate(world, COUNT, "0")
        assert await world.replicas() == 0
        assert (await world.status())["pausedReplicaCount"] == 0
        await annotate(world, COUNT, "6")
        assert await world.replicas() == 6
        await world.edit(SCALED_OBJECTS, "orders", maxReplicaCount=2)
        await asyncio.sleep(31)
        assert await world.replicas() == 6, "the count is the user's own, beyond the limits too"

        await annotate(world, COUNT, None)
        await asyncio.sleep(31)
        assert await world.replicas() == 0
        assert "pausedReplicaCount" not in await world.status()


async def test_a_count_that_is_no_number_is_told_and_nothing_is_scaled() -> None:
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(replicas=1), noted(count="many"))
        await asyncio.sleep(31)

        assert await world.replicas() == 1
        assert (await world.condition("Ready"))[1] == "ScaledObjectCheckFailed"


async def test_a_scaled_job_knows_the_plain_pause_only() -> None:
    body = scaled_job()
    body["metadata"]["annotations"] = {COUNT: "0", IN: "true", OUT: "true"}
    async with running() as world:
        await world.work(2)
        await world.apply(body)
        await asyncio.sleep(31)

        assert len(await jobs(world)) == 2


@pytest.mark.parametrize(
    ("before", "work", "reason"),
    [
        (0, 2, "KEDAScaleTargetActivationFailed"),
        (2, 0, "KEDAScaleTargetDeactivationFailed"),
    ],
)
async def test_a_count_that_may_not_be_set(before: int, work: int, reason: str) -> None:
    async with running() as world:
        world.wire.forbidden = lambda request: (
            request.path.endswith("/scale") and (request.method == "PUT")
        )
        await world.work(work)
        await world.apply(deployment(replicas=before), scaled_object(cooldownPeriod=0))
        await asyncio.sleep(100)

        told = [name for name, _ in await world.events()]
        assert told.count(reason) == 1
        assert await world.replicas() == before
