"""A day of the whole engine on a virtual clock: the same load gives the same writes, twice."""

from __future__ import annotations

import asyncio
import random
from zoneinfo import ZoneInfo

import pytest

from kube.client import Json
from tests.eventscaler.manifests import deployment, http_trigger, pods_trigger, scaled_object
from tests.eventscaler.world import running

pytestmark = pytest.mark.looptime

HOUR_S = 3600.0
ZoneInfo("UTC")  # read from its file once in the life of a process, and then remembered
SHIFT: Json = {
    "type": "cron",
    "metadata": {
        "timezone": "UTC",
        "start": "0 18 * * *",
        "end": "30 20 * * *",
        "desiredReplicas": "6",
    },
}


async def day(seed: int) -> list[tuple[float, str]]:
    """Every write of a day in which the load changes each hour and a source gives no answer."""
    rng, began = random.Random(seed), asyncio.get_running_loop().time()
    async with running() as world:
        cached = pods_trigger(useCachedMetrics=True)
        orders = scaled_object("orders", cached, pollingInterval=300)
        shift = scaled_object("shift", SHIFT, pollingInterval=300)
        dead = http_trigger() | {"authenticationRef": {"name": "nobody-made-it"}}
        dead["useCachedMetrics"] = True
        blind = scaled_object("blind", cached, dead, pollingInterval=600)
        await world.apply(deployment(), orders, deployment("shift"), shift)
        await world.apply(deployment("blind", replicas=4), blind)
        for _ in range(24):
            await world.work(rng.choice([0, 0, 3, 8, 12]))
            await asyncio.sleep(HOUR_S)
        assert await world.replicas("blind") >= 4, "a dead source never lowers a count"
        return [(round(at - began, 3), what) for at, what in world.wire.writes]


async def test_a_day_of_the_engine_is_repeatable() -> None:
    first = await day(7)

    assert first == await day(7)
    assert len([what for _, what in first if what.endswith("orders/scale")]) > 5
