"""Reports wait at a busy API server; samples do not wait with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

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


async def test_an_error_of_our_own_is_told_and_tried_again() -> None:
    def broken(request: Request) -> float:
        if request.path.endswith("/scale"):
            raise AssertionError("nobody thought of this")
        return 0.0

    with capture_logs() as logged:
        await broken_and_mended(broken)

    assert [line["event"] for line in logged].count("turn broke") == 1


async def broken_and_mended(broken: Callable[[Request], float]) -> None:
    async with running() as world:
        world.wire.delay_s = broken
        await world.work(2)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        status, reason, message = await world.condition("Ready")
        assert (status, reason) == ("False", "ScaledObjectCheckFailed")
        assert message.startswith("an error inside Tandem")

        world.wire.delay_s = lambda _: 0.0
        await asyncio.sleep(31)
        assert await world.replicas() == 2
        assert (await world.condition("Ready"))[0] == "True"
