"""Reports wait at a busy API server; samples do not wait with them."""

from __future__ import annotations

import asyncio

import pytest

from kube.transport import Request
from tests.eventscaler.manifests import deployment, scaled_object
from tests.eventscaler.world import running

pytestmark = pytest.mark.looptime


def slow_status(request: Request) -> float:
    return 200.0 if request.path.endswith("/status") else 0.0


async def test_a_report_that_waits_delays_no_sample() -> None:
    async with running() as world:
        world.wire.delay_s = slow_status
        await world.work(2)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        assert await world.replicas() == 2

        await world.work(5)
        await asyncio.sleep(16)
        assert await world.replicas() == 5
        assert await world.status() == {}


async def test_the_newest_report_is_the_one_that_is_written_next() -> None:
    async with running() as world:
        world.wire.delay_s = slow_status
        await world.work(2)
        await world.apply(deployment(), scaled_object())
        for pods in range(3, 11):
            await asyncio.sleep(16)
            await world.work(pods)
        await asyncio.sleep(16)
        assert await world.status() == {}

        await asyncio.sleep(90)
        assert (await world.status())["lastDecision"]["desiredReplicas"] == 2
        await asyncio.sleep(200)
        assert (await world.status())["lastDecision"]["desiredReplicas"] == 10
        written = [at for at, what in world.wire.writes if what.endswith("/status")]
        assert len(written) == 2, "what was overtaken is not written"
