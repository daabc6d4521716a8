"""An authentication shows who uses it, and is not written to for nothing."""

from __future__ import annotations

import asyncio

import pytest

from kube.client import Json
from kube.resources import CLUSTER_TRIGGER_AUTHENTICATIONS, SCALED_OBJECTS, TRIGGER_AUTHENTICATIONS
from tests.eventscaler.manifests import (
    deployment,
    pods_trigger,
    scaled_object,
    trigger_authentication,
)
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime
CLUSTER_KIND = "ClusterTriggerAuthentication"


def using(name: str, kind: str = "TriggerAuthentication") -> tuple[Json, Json]:
    trigger = pods_trigger(authenticationRef={"name": "creds", "kind": kind})
    return deployment(name), scaled_object(name, trigger)


async def status(world: World) -> Json:
    body = await world.client.get(TRIGGER_AUTHENTICATIONS, "creds", namespace="default")
    found: Json = body.get("status") or {}
    return found


def writes(world: World) -> list[str]:
    return [what for _, what in world.wire.writes if "authentications" in what and "PATCH" in what]


async def test_users_come_and_go() -> None:
    async with running() as world:
        await world.apply(trigger_authentication())
        await asyncio.sleep(5)
        assert writes(world) == []

        await world.apply(*using("b"), *using("a"))
        await asyncio.sleep(5)
        assert await status(world) == {"scaledobjects": "a,b"}

        body = await world.client.get(SCALED_OBJECTS, "a", namespace="default")
        world.engine.gone(body | {"kind": "ScaledObject"})
        await asyncio.sleep(5)
        assert await status(world) == {"scaledobjects": "b"}

        await world.edit(SCALED_OBJECTS, "b", triggers=[pods_trigger()])
        await asyncio.sleep(5)
        assert await status(world) == {}


async def test_jobs_have_a_field_of_their_own() -> None:
    trigger = pods_trigger(authenticationRef={"name": "creds"})
    template = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}
    job = scaled_object("work", trigger) | {"kind": "ScaledJob"}
    job["spec"] = {"jobTargetRef": {"template": template}, "triggers": [trigger]}
    async with running() as world:
        await world.apply(trigger_authentication(), job)
        await asyncio.sleep(5)

        assert await status(world) == {"scaledjobs": "work"}


async def test_of_the_cluster_kind_users_have_a_namespace() -> None:
    async with running() as world:
        await world.apply(trigger_authentication(cluster=True), *using("a", CLUSTER_KIND))
        await asyncio.sleep(5)
        body = await world.client.get(CLUSTER_TRIGGER_AUTHENTICATIONS, "creds")

        assert body["status"] == {"scaledobjects": "default/a"}


async def test_many_users_are_counted_and_written_once() -> None:
    async with running() as world:
        await world.apply(trigger_authentication())
        await asyncio.sleep(5)
        for index in range(60):
            await world.apply(using(f"o{index:02}")[1])
        await asyncio.sleep(5)

        assert len(writes(world)) <= 2
        shown = (await status(world))["scaledobjects"]
        assert shown.startswith("o00,o01,")
        assert shown.endswith(",o49,and 10 more")


async def test_a_restart_writes_nothing() -> None:
    async with running() as world:
        await world.apply(trigger_authentication(), *using("a"))
        await asyncio.sleep(5)
        async with running(sandbox=world.sandbox) as second:
            await asyncio.sleep(10)
            assert writes(second) == []


async def test_what_could_not_be_written_is_written_later() -> None:
    async with running() as world:
        await world.apply(trigger_authentication())
        world.wire.fail = lambda request: request.path.endswith("/creds/status")
        await world.apply(*using("a"))
        await asyncio.sleep(10)
        assert await status(world) == {}

        world.wire.fail = lambda _: False
        await asyncio.sleep(60)
        assert await status(world) == {"scaledobjects": "a"}
