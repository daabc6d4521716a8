"""The Events of what comes and goes: each once, where `kubectl describe` shows it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kube.client import Json
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_JOBS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
    Resource,
)
from tests.eventscaler.manifests import (
    deployment,
    pods_trigger,
    scaled_job,
    scaled_object,
    trigger_authentication,
)
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime
RESTORE = {"restoreToOriginalReplicaCount": True}
PAUSED = "autoscaling.keda.sh/paused"


async def reasons(world: World, name: str) -> list[str]:
    await asyncio.sleep(1)
    return [reason for reason, _ in await world.events(name)]


async def delete(world: World, resource: Resource, body: Json) -> None:
    namespace = body["metadata"].get("namespace")
    name = body["metadata"]["name"]
    held = await world.client.get(resource, name, namespace=namespace)
    await world.client.delete(resource, name, namespace=namespace)
    world.engine.gone({**held, "kind": resource.kind})


async def annotate(world: World, resource: Resource, name: str, **notes: Any) -> None:
    patch = {"metadata": {"annotations": notes}}
    world.engine.changed(await world.client.patch(resource, name, patch, namespace="default"))
    await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("resource", "body"), [(SCALED_OBJECTS, scaled_object()), (SCALED_JOBS, scaled_job("orders"))]
)
async def test_a_deleted_object_is_told_of_once(resource: Resource, body: Json) -> None:
    async with running() as world:
        await world.apply(deployment(), body)
        await asyncio.sleep(60)
        await delete(world, resource, body)
        await world.engine.resync()

        told = await reasons(world, "orders")
    assert told[-2:] == ["KEDAScalersStopped", f"{resource.kind}Deleted"]
    assert len(set(told)) == len(told)


async def test_one_that_a_finalizer_holds_is_told_of_when_it_is_asked_to_go() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object(advanced=RESTORE))
        await asyncio.sleep(1)
        await world.delete()

        assert (await reasons(world, "orders"))[-2:] == [
            "KEDAScalersStopped",
            "ScaledObjectDeleted",
        ]


async def test_one_that_never_worked_stops_nothing() -> None:
    body = scaled_object("orders", {"type": "rabitmq", "metadata": {}})
    async with running() as world:
        await world.apply(deployment(), body)
        await delete(world, SCALED_OBJECTS, body)

        assert (await reasons(world, "orders"))[-1:] == ["ScaledObjectDeleted"]
        assert "KEDAScalersStopped" not in await reasons(world, "orders")


async def test_a_deletion_that_the_watch_missed_is_found_by_the_next_list() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.client.delete(SCALED_OBJECTS, "orders", namespace="default")
        await world.engine.resync()

        assert (await reasons(world, "orders"))[-1] == "ScaledObjectDeleted"


@pytest.mark.parametrize("resource", [SCALED_OBJECTS, SCALED_JOBS], ids=["object", "job"])
async def test_a_pause_stops_the_triggers_and_its_end_starts_them(resource: Resource) -> None:
    body = scaled_object() if resource is SCALED_OBJECTS else scaled_job("orders")
    async with running() as world:
        await world.apply(deployment(), body)
        await asyncio.sleep(1)
        before = len(await world.events("orders"))
        await annotate(world, resource, "orders", **{PAUSED: "true"})
        await annotate(world, resource, "orders", **{PAUSED: None})
        await asyncio.sleep(1)
        told = (await reasons(world, "orders"))[before:]

    kind = resource.kind
    stops = ["KEDAScalersStopped", f"{kind}Paused"]
    # that the triggers are read again is an Event of before, counted once more
    assert told == [*stops, f"{kind}Unpaused"]


async def test_a_pause_of_one_direction_stops_no_trigger() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await annotate(world, SCALED_OBJECTS, "orders", **{f"{PAUSED}-scale-in": "true"})

        told = await reasons(world, "orders")
    assert "ScaledObjectPaused" in told
    assert "KEDAScalersStopped" not in told


async def test_a_silent_source_of_a_formula() -> None:
    modifiers = {"formula": "queue + other", "target": "1"}
    triggers = [pods_trigger(name="queue"), pods_trigger(name="other")]
    async with running() as world:
        body = scaled_object("orders", *triggers, advanced={"scalingModifiers": modifiers})
        world.wire.fail = lambda request: request.method == "GET" and request.path.endswith("/pods")
        await world.apply(deployment(), body)

        told = await reasons(world, "orders")
    assert "KEDAMetricSourceFailed" in told
    assert "KEDAScalerFailed" not in told


async def test_a_status_that_may_not_be_written_is_told_once() -> None:
    async with running() as world:
        world.wire.forbidden = lambda request: request.path.endswith("/status")
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(600)

        told = await world.events("orders")
    found = [text for reason, text in told if reason == "ScaledObjectUpdateFailed"]
    assert len(found) == 1
    assert "not you" in found[0]


@pytest.mark.parametrize("cluster", [False, True], ids=["namespaced", "cluster"])
async def test_an_authentication_comes_changes_and_goes(cluster: bool) -> None:
    resource = CLUSTER_TRIGGER_AUTHENTICATIONS if cluster else TRIGGER_AUTHENTICATIONS
    kind, namespace = resource.kind, None if cluster else "default"
    body = trigger_authentication(cluster=cluster, podIdentity={"provider": "none"})
    counted = {"type": "trigger_authentication", "namespace": "default"}
    counted["type"] = f"cluster_{counted['type']}" if cluster else counted["type"]

    def count(world: World) -> float | None:
        return world.meters.get_sample_value("keda_resource_registered_total", counted)

    async with running() as world:
        await asyncio.sleep(1)
        await world.apply(body)
        assert count(world) == 1
        patch = {"spec": {"podIdentity": {"provider": "gcp"}}}
        world.engine.changed(
            await world.client.patch(resource, "creds", patch, namespace=namespace)
        )
        await delete(world, resource, body)
        assert count(world) == 0

        assert await reasons(world, "creds") == [f"{kind}Added", f"{kind}Updated", f"{kind}Deleted"]


async def test_a_faulty_authentication_says_what_is_wrong_where_it_is_looked_at() -> None:
    async with running() as world:
        await asyncio.sleep(1)
        await world.apply(trigger_authentication(filePath="/etc/passwd"))
        await asyncio.sleep(1)
        told = await world.events("creds")

    assert [reason for reason, _ in told] == ["TriggerAuthenticationFailed"]
    assert "spec.filePath: found '/etc/passwd', want a relative path" in told[0][1]


async def test_what_was_there_before_is_no_news() -> None:
    """Neither at a restart, nor when everything is listed again."""
    async with running() as world:
        await asyncio.sleep(1)
        await world.client.create(TRIGGER_AUTHENTICATIONS, trigger_authentication())
        await world.engine.resync()
        await world.engine.resync()
        sandbox = world.sandbox
        first = await reasons(world, "creds")
    async with running(sandbox=sandbox) as world:
        await asyncio.sleep(1300)

        assert await reasons(world, "creds") == first
        assert first == ["TriggerAuthenticationAdded"]


async def test_steady_objects_make_no_events() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(trigger_authentication(podIdentity={"provider": "none"}))
        trigger = pods_trigger(authenticationRef={"name": "creds"})
        await world.apply(deployment(), scaled_object("orders", trigger), scaled_job())
        await asyncio.sleep(120)
        world.wire.writes.clear()
        await asyncio.sleep(3600)

        assert [path for _, path in world.wire.writes if path.endswith("/events")] == []
