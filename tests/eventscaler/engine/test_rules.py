"""Fields and annotations of a ScaledObject, each seen to act through the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kube.client import Json
from kube.errors import NotFound
from kube.resources import DEPLOYMENTS, SCALED_OBJECTS
from tests.eventscaler.manifests import deployment, http_trigger, pods_trigger, scaled_object
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

FINALIZER = "finalizer.keda.sh"


def annotated(*annotations: tuple[str, str], **spec: Any) -> Json:
    body = scaled_object(**spec)
    body["metadata"]["annotations"] = dict(annotations)
    return body


def behavior(**rules: Json) -> Json:
    return {"horizontalPodAutoscalerConfig": {"behavior": rules}}


async def note(world: World, key: str, value: str | None) -> None:
    """Set or take off an annotation of the ScaledObject orders."""
    patch = {"metadata": {"annotations": {key: value}}}
    changed = await world.client.patch(SCALED_OBJECTS, "orders", patch, namespace="default")
    world.engine.changed(changed)


async def test_policies_pace_the_way_down_and_the_last_step() -> None:
    one_a_minute = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    spec: Json = {"cooldownPeriod": 0, "advanced": behavior(scaleDown=one_a_minute)}
    async with running() as world:
        await world.work(3)
        await world.apply(deployment(), scaled_object(**spec))
        await asyncio.sleep(61)  # what rose in the same minute may fall in it
        await world.work(0)
        seen = []
        for _ in range(4):
            await asyncio.sleep(61)
            seen.append(await world.replicas())

        assert seen == [2, 1, 0, 0]


async def test_zero_jump_keeps_the_single_step() -> None:
    never = {"selectPolicy": "Disabled"}
    body = annotated(
        ("tandem.sh/zero", "jump"), cooldownPeriod=0, advanced=behavior(scaleDown=never)
    )
    async with running() as world:
        await world.work(3)
        await world.apply(deployment(), body)
        await asyncio.sleep(1)
        await world.work(0)
        await asyncio.sleep(16)

        assert await world.replicas() == 0


async def test_a_window_of_nothing_lets_go_at_once() -> None:
    spec: Json = {"advanced": behavior(scaleDown={"stabilizationWindowSeconds": 0})}
    async with running() as world:
        await world.work(7)
        await world.apply(deployment(), scaled_object(**spec))
        await asyncio.sleep(1)
        await world.work(3)
        await asyncio.sleep(16)

        assert await world.replicas() == 3


async def test_recommend_decides_and_writes_no_scale() -> None:
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(), annotated(("tandem.sh/mode", "recommend")))
        await asyncio.sleep(60)

        assert await world.replicas() == 0
        assert (await world.condition("Active"))[0] == "True"
        assert not [what for _, what in world.wire.writes if what.endswith("/scale")]


async def test_off_reads_nothing() -> None:
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(), annotated(("tandem.sh/mode", "off")))
        await asyncio.sleep(60)

        assert await world.replicas() == 0
        assert world.engine.statistics().reads == 0
        assert (await world.condition("Active")) == (
            "Unknown",
            "UnknownState",
            "tandem.sh/mode is off",
        )


async def test_paused_scale_in_holds_zero_off() -> None:
    key = "autoscaling.keda.sh/paused-scale-in"
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), annotated((key, "true"), cooldownPeriod=0))
        await asyncio.sleep(1)
        await world.work(0)
        await asyncio.sleep(400)
        assert await world.replicas() == 2
        assert (await world.condition("Paused"))[0] == "True"

        await note(world, key, None)
        await asyncio.sleep(0.1)
        assert await world.replicas() == 0
        assert (await world.condition("Paused"))[0] == "False"


async def test_paused_scale_out_wakes_nothing() -> None:
    key = "autoscaling.keda.sh/paused-scale-out"
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), annotated((key, "true")))
        await asyncio.sleep(60)
        assert await world.replicas() == 0

        await note(world, key, None)
        await asyncio.sleep(0.1)
        assert await world.replicas() == 2


async def test_force_activation_wakes_without_work() -> None:
    key = "autoscaling.keda.sh/force-activation"
    async with running() as world:
        await world.apply(deployment(), annotated((key, "true"), cooldownPeriod=0))
        await asyncio.sleep(1)
        assert await world.replicas() == 1
        assert await world.condition("Active") == ("True", "ScalerActive", "activation is forced")

        await note(world, key, None)
        await asyncio.sleep(0.1)
        assert await world.replicas() == 0


async def test_the_fallback_speaks_is_reported_and_falls_silent() -> None:
    """Four failed samples, then the count of the fallback; a reading ends it."""
    fallback = {"failureThreshold": 3, "replicas": 6}
    body = scaled_object("orders", http_trigger(url="http://127.0.0.1:1/"), fallback=fallback)
    async with running() as world:
        await world.apply(deployment(replicas=1), body)
        await asyncio.sleep(44)
        assert await world.replicas() == 1
        assert (await world.condition("Fallback"))[1] == "NoFallbackFound"

        await asyncio.sleep(16)
        assert await world.replicas() == 6
        status, reason, message = await world.condition("Fallback")
        assert (status, reason) == ("True", "FallbackExists")
        assert message == "a fallback speaks for s0-metric-api-n"
        health = (await world.status())["health"]
        assert health == {"s0-metric-api-n": {"numberOfFailures": 4, "status": "Failing"}}

        await world.work(2)
        await world.edit(SCALED_OBJECTS, "orders", triggers=[pods_trigger()])
        await asyncio.sleep(310)
        assert await world.replicas() == 2
        assert (await world.condition("Fallback"))[0] == "False"
        reasons = [reason for reason, _ in await world.events()]
        assert "ScaledObjectFallbackActivated" in reasons
        assert reasons.index("ScaledObjectFallbackDeactivated") > reasons.index(
            "ScaledObjectFallbackActivated"
        )


async def test_failures_are_remembered_over_a_restart() -> None:
    fallback = {"failureThreshold": 3, "replicas": 6}
    body = scaled_object("orders", http_trigger(url="http://127.0.0.1:1/"), fallback=fallback)
    async with running() as world:
        await world.apply(deployment(replicas=1), body)
        await asyncio.sleep(40)
        sandbox = world.sandbox
    async with running(sandbox=sandbox) as world:
        await asyncio.sleep(6)

        assert await world.replicas() == 6


async def test_a_formula_makes_one_metric_of_two() -> None:
    modifiers = {"formula": "max(a, b) + 1", "target": "2"}
    triggers = (pods_trigger("a", name="a"), pods_trigger("b", name="b"))
    body = scaled_object("orders", *triggers, advanced={"scalingModifiers": modifiers})
    async with running() as world:
        await world.work(3, app="a")
        await world.work(7, app="b")
        await world.apply(deployment(), body)
        await asyncio.sleep(1)

        assert await world.replicas() == 4


async def test_the_first_count_comes_back_on_deletion() -> None:
    async with running() as world:
        await world.work(5)
        body = scaled_object(advanced={"restoreToOriginalReplicaCount": True})
        await world.apply(deployment(replicas=2), body)
        await asyncio.sleep(1)
        assert await world.replicas() == 5
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        assert held["metadata"]["finalizers"] == [FINALIZER]

        await world.delete()
        await asyncio.sleep(1)
        assert await world.replicas() == 2
        with pytest.raises(NotFound):
            await world.client.get(SCALED_OBJECTS, "orders", namespace="default")


@pytest.mark.parametrize("target_exists", [True, False])
async def test_an_object_that_keda_had_before_can_be_deleted(target_exists: bool) -> None:
    async with running() as world:
        body = scaled_object()
        body["metadata"]["finalizers"] = [FINALIZER, "example.com/other"]
        await world.apply(deployment(replicas=2), body)
        await asyncio.sleep(1)
        if not target_exists:
            await world.client.delete(DEPLOYMENTS, "orders", namespace="default")
        await world.delete()
        await asyncio.sleep(1)

        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        assert held["metadata"]["finalizers"] == ["example.com/other"]
