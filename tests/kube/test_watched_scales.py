"""Counts that are watched: what costs a request, and what is told when another writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from kube.client import Client
from kube.discovery import Discovery
from kube.errors import Conflict, NotFound, Unavailable
from kube.resources import DEPLOYMENTS, STATEFUL_SETS
from kube.scale import Scale, Target
from kube.transport import Request, Response, Stream, Transport
from kube.watched_scales import WatchedScales
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler.manifests import deployment
from tests.eventscaler.world import now

pytestmark = pytest.mark.looptime
TARGET = Target("default", "apps/v1", "Deployment", "orders")


@dataclass
class Wire:
    """Counts reads of scales, and may forbid watches."""

    inner: Transport
    looks: int = 0
    forbidden: bool = False

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        self.looks += request.method == "GET" and request.path.endswith("/scale")
        return await self.inner.send(request, timeout_s=timeout_s)

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        if self.forbidden:
            raise Unavailable("no watch today")
        async with self.inner.stream(request, timeout_s=timeout_s) as stream:
            yield stream

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class World:
    wire: Wire
    client: Client
    scales: WatchedScales
    other: Client
    moved: list[Target] = field(default_factory=list)


@asynccontextmanager
async def world(*, forbidden: bool = False) -> AsyncIterator[World]:
    sandbox = Sandbox(SandboxSettings(), now)
    wire = Wire(sandbox.transport(), forbidden=forbidden)
    client, other, moved = Client(wire), Client(sandbox.transport()), list[Target]()
    scales = WatchedScales(client, Discovery(client), moved.append)
    await other.create(DEPLOYMENTS, deployment(replicas=3))
    task = asyncio.create_task(scales.run())
    try:
        yield World(wire, client, scales, other, moved)
    finally:
        task.cancel()


async def by_hand(made: World, replicas: int) -> None:
    await made.other.patch(
        DEPLOYMENTS, "orders", {"spec": {"replicas": replicas}}, namespace="default"
    )
    await asyncio.sleep(0.1)


async def test_only_the_first_look_is_a_request() -> None:
    async with world() as made:
        first = await made.scales.get(TARGET)
        await asyncio.sleep(0.1)
        looks = made.wire.looks

        assert await made.scales.get(TARGET) == first
        assert (first.replicas, first.selector) == (3, "app=orders")
        assert made.wire.looks == looks == 1

        await by_hand(made, 5)
        assert (await made.scales.get(TARGET)).replicas == 5
        assert made.wire.looks == looks
        assert made.moved == [TARGET]


async def test_what_was_written_is_seen_before_the_watch_tells() -> None:
    async with world() as made:
        await made.scales.get(TARGET)
        await asyncio.sleep(0.1)
        was = await made.scales.get(TARGET)

        written = await made.scales.put(TARGET, 7, was=was)
        assert made.scales.held(TARGET) == written
        assert written.replicas == 7

        await asyncio.sleep(0.1)
        await by_hand(made, 2)
        assert (await made.scales.get(TARGET)).replicas == 2


async def test_after_a_conflict_the_server_is_asked() -> None:
    async with world() as made:
        await made.scales.get(TARGET)
        await asyncio.sleep(0.1)
        looks = made.wire.looks

        with pytest.raises(Conflict):
            await made.scales.put(TARGET, 9, was=Scale(3, resource_version="1"))
        assert made.scales.held(TARGET) is None
        assert (await made.scales.get(TARGET)).replicas == 3
        assert made.wire.looks == looks + 1
        assert made.scales.held(TARGET) is not None


async def test_without_a_watch_and_for_other_kinds_it_is_read_as_before() -> None:
    async with world(forbidden=True) as made:
        for _ in range(3):
            assert (await made.scales.get(TARGET)).replicas == 3
            await asyncio.sleep(1)
        assert made.wire.looks == 3

        for target in (
            Target("default", "apps/v1", "Deployment", "nothing"),
            Target("default", "apps/v1", STATEFUL_SETS.kind, "orders"),
            Target("default", "example.com/v1", "Deployment", "orders"),
        ):
            with pytest.raises(NotFound):
                await made.scales.get(target)


async def test_a_kind_that_nobody_asks_for_is_not_watched() -> None:
    async with world() as made:
        await asyncio.sleep(1)
        await by_hand(made, 5)
        assert made.moved == []
