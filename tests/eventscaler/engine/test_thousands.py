"""Many objects, and users who scale by hand: nobody is in step, in the way, or fought with."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from eventscaler.engine import EventSettings
from kube.resources import DEPLOYMENTS
from kube.transport import Request, Response
from tests.eventscaler.manifests import deployment, pods_trigger, scaled_object
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

MANY = 120
POLL_S = 30


async def by_hand(world: World, replicas: int) -> None:
    change = {"spec": {"replicas": replicas}}
    await world.client.patch(DEPLOYMENTS, "orders", change, namespace="default")


def reads(world: World) -> list[float]:
    """The moments at which pods are counted, from now on."""
    moments: list[float] = []

    def noted(request: Request, _: Response) -> None:
        if request.path.endswith("/pods"):
            moments.append(asyncio.get_running_loop().time())

    world.wire.answered = noted
    return moments


async def many(world: World, count: int) -> None:
    """Objects made at once, each with a query of its own."""
    for number in range(count):
        name = f"orders-{number}"
        trigger = pods_trigger(name)
        await world.apply(deployment(name), scaled_object(name, trigger, pollingInterval=POLL_S))


async def test_objects_made_at_once_do_not_stay_in_step() -> None:
    async with running(EventSettings()) as world:
        moments = reads(world)
        await many(world, MANY)
        await asyncio.sleep(POLL_S)
        for _ in range(3):
            moments.clear()
            await asyncio.sleep(10 * POLL_S)
            a_second = Counter(int(moment) for moment in moments)

            assert max(a_second.values()) <= 5 * MANY / POLL_S
            assert 10 * MANY <= len(moments) <= 1.06 * 10 * MANY


async def test_a_sample_of_a_watched_kind_costs_no_request() -> None:
    asked = Counter[str]()
    async with running() as world:
        await world.apply(deployment(), scaled_object(pollingInterval=10))
        await asyncio.sleep(5)
        world.wire.answered = lambda request, _: asked.update([request.path.split("/")[-1]])
        await asyncio.sleep(100)

    assert set(asked) == {"pods"}
    assert asked["pods"] == 10


async def test_a_dead_source_keeps_nobody_waiting() -> None:
    """One object in a hundred reads what never answers; the rest act as if it were not there."""
    async with running() as world:
        moments = reads(world)
        world.wire.delay_s = lambda request: (
            3600.0 if "dead" in request.query.get("labelSelector", "") else 0.0
        )
        dead = scaled_object("dead", pods_trigger("dead"), pollingInterval=1)
        await world.apply(deployment("dead"), dead)
        await many(world, 99)
        await world.work(4, "orders-17")
        await asyncio.sleep(POLL_S + 1)
        assert await world.replicas("orders-17") == 4

        moments.clear()
        await asyncio.sleep(10 * POLL_S)
        assert len(moments) >= 99 * 10, "as often as without it"
        assert (await world.condition("Ready", "dead"))[0] == "False"


async def test_a_users_count_is_left_alone_for_a_second() -> None:
    async with running() as world:
        await world.work(3)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(5)
        assert await world.replicas() == 3

        await by_hand(world, 8)
        await asyncio.sleep(0.9)
        assert await world.replicas() == 8
        await asyncio.sleep(0.3)
        assert await world.replicas() == 3, "then the queue decides, without waiting for a poll"


async def test_a_users_count_out_of_the_limits_is_not_left() -> None:
    async with running() as world:
        await world.work(3)
        await world.apply(deployment(), scaled_object(maxReplicaCount=5))
        await asyncio.sleep(5)

        await by_hand(world, 50)
        await asyncio.sleep(0.1)
        assert await world.replicas() < 50


async def test_between_reading_and_writing_a_user_wins() -> None:
    """The write is a conflict, which is read again and decided again, and told to nobody."""
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        changed = False

        async def first(request: Request) -> None:
            nonlocal changed
            if request.method == "PUT" and not changed:
                changed = True
                await by_hand(world, 6)

        inner = world.wire.inner.send

        class Meddling:
            stream = world.wire.inner.stream
            close = world.wire.inner.close

            async def send(self, request: Request, *, timeout_s: float) -> Response:
                await first(request)
                return await inner(request, timeout_s=timeout_s)

        world.wire.inner = Meddling()
        await world.work(2)
        await asyncio.sleep(31)
        assert changed
        await asyncio.sleep(3)
        assert await world.replicas() == 2
        assert (await world.condition("Ready"))[0] == "True"
