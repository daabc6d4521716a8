"""Kinds are asked for once, however many ask."""

from __future__ import annotations

import asyncio

import pytest

from kube.discovery import Discovery
from kube.errors import NotFound, Unavailable
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime
GROUP = "/apis/apps/v1"


async def asked_by(world: World, many: int, kind: str = "Deployment") -> list[object]:
    """What so many get who ask in one moment."""
    discovery = Discovery(world.client)
    calls = (discovery.resource("apps/v1", kind) for _ in range(many))
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_those_who_ask_together_are_answered_together() -> None:
    seen: list[str] = []
    async with running() as world:
        world.wire.answered = lambda request, _: seen.append(request.path)
        answers = await asked_by(world, 100)

    assert [getattr(answer, "plural", answer) for answer in answers] == ["deployments"] * 100
    assert seen.count(GROUP) == 1


async def test_a_failure_is_for_all_who_wait_and_for_nobody_later() -> None:
    async with running() as world:
        discovery = Discovery(world.client)
        world.wire.fail = lambda request: request.path == GROUP
        first = discovery.resource("apps/v1", "Deployment")
        second = discovery.resource("apps/v1", "ReplicaSet")
        answers = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Unavailable, Unavailable]

        world.wire.fail = lambda _: False
        assert (await discovery.resource("apps/v1", "Deployment")).plural == "deployments"


async def test_who_is_cancelled_takes_nobody_along() -> None:
    async with running() as world:
        world.wire.delay_s = lambda _: 1.0
        discovery = Discovery(world.client)
        first = asyncio.create_task(discovery.resource("apps/v1", "Deployment"))
        second = asyncio.create_task(discovery.resource("apps/v1", "Deployment"))
        await asyncio.sleep(0.5)
        first.cancel()

        assert (await second).plural == "deployments"


async def test_each_hears_of_the_kind_that_it_asked_for() -> None:
    async with running() as world:
        answers = await asked_by(world, 2, "Rollout")

    assert [str(answer) for answer in answers] == [
        "the cluster has no kind 'Rollout' in 'apps/v1'"
    ] * 2
    assert all(isinstance(answer, NotFound) for answer in answers)
