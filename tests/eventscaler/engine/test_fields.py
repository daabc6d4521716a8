"""Fields of a ScaledObject and of its status that no story elsewhere turns on, each seen to act."""

from __future__ import annotations

import asyncio

import pytest

from eventscaler.engine import EventSettings
from kube.client import Json
from kube.errors import NotFound
from kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    SCALED_OBJECTS,
)
from tests.eventscaler.manifests import (
    deployment,
    http_trigger,
    pods_trigger,
    scaled_object,
)
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime


async def counts(world: World, *at_s: float) -> list[int]:
    """The replicas of the Deployment orders after so many seconds each."""
    found, began = [], asyncio.get_running_loop().time()
    for at in at_s:
        await asyncio.sleep(began + at - asyncio.get_running_loop().time())
        found.append(await world.replicas())
    return found


async def test_what_never_saw_work_rests_after_its_initial_cooldown() -> None:
    """Not after the other one, which would end at once."""
    async with running() as world:
        body = scaled_object(initialCooldownPeriod=100, cooldownPeriod=0)
        await world.apply(deployment(replicas=3), body)

        assert await counts(world, 99, 101) == [3, 0]


async def test_what_saw_work_does_not_wait_for_its_initial_cooldown() -> None:
    async with running() as world:
        await world.work(1)
        body = scaled_object(initialCooldownPeriod=1000, cooldownPeriod=20)
        await world.apply(deployment(), body)
        await asyncio.sleep(0.1)
        await world.work(0)

        assert await counts(world, 19, 21) == [1, 0]


async def test_the_initial_cooldown_outlives_a_restart() -> None:
    async with running() as world:
        body = scaled_object(initialCooldownPeriod=100)
        await world.apply(deployment(replicas=3), body)
        await asyncio.sleep(50)
        sandbox = world.sandbox
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
    async with running(sandbox=sandbox) as world:
        assert "lastActiveTime" not in held["status"]
        assert await counts(world, 30, 60) == [3, 0]


async def test_idle_is_between_nothing_and_the_minimum() -> None:
    spec: Json = {"minReplicaCount": 4, "idleReplicaCount": 2, "cooldownPeriod": 60}
    async with running() as world:
        await world.apply(deployment(), scaled_object(**spec))
        assert await counts(world, 1) == [2], "without work the idle count, also from below"
        await world.work(1)
        assert await counts(world, 31) == [4], "with work at least the minimum"
        await world.work(9)
        assert await counts(world, 16) == [9]
        await world.work(0)
        assert await counts(world, 50, 80) == [9, 2], "after the cooldown the idle count, not 0"


async def test_an_idle_count_of_nothing_below_a_minimum() -> None:
    spec: Json = {"minReplicaCount": 2, "idleReplicaCount": 0, "cooldownPeriod": 0}
    async with running() as world:
        await world.apply(deployment(replicas=2), scaled_object(**spec))
        assert await counts(world, 1) == [0]
        await world.work(1)
        assert await counts(world, 31) == [2]


async def test_a_minimum_is_kept_without_work_and_has_no_cooldown() -> None:
    """From above after the window of the HPA, from below at once."""
    async with running() as world:
        body = scaled_object(minReplicaCount=2, cooldownPeriod=5000)
        await world.apply(deployment(replicas=0), body)
        assert await counts(world, 1) == [2]
        await world.work(6)
        assert await counts(world, 16) == [6]
        await world.work(0)
        assert await counts(world, 250, 320) == [6, 2]


async def test_zero_set_by_a_user_is_undone_while_there_is_work() -> None:
    async with running() as world:
        await world.work(3)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        patch: Json = {"spec": {"replicas": 0}}
        await world.client.patch(DEPLOYMENTS, "orders", patch, namespace="default")

        assert await counts(world, 31) == [3]


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        ("static", 3),
        ("currentReplicas", 5),
        ("currentReplicasIfHigher", 5),
        ("currentReplicasIfLower", 3),
    ],
)
async def test_behaviors_of_the_fallback(behavior: str, expected: int) -> None:
    """Five run when the source dies; the fallback says three."""
    fallback = {"failureThreshold": 1, "replicas": 3, "behavior": behavior}
    advanced = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": NO_WINDOW}}}
    body = scaled_object("orders", pods_trigger(), fallback=fallback, advanced=advanced)
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(), body)
        await asyncio.sleep(1)
        world.wire.fail = lambda request: request.path.endswith("/pods")

        assert await counts(world, 100) == [expected]


NO_WINDOW: Json = {"stabilizationWindowSeconds": 0}


async def test_a_fallback_of_nothing_lets_go_after_the_cooldown() -> None:
    fallback = {"failureThreshold": 1, "replicas": 0}
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(), scaled_object(fallback=fallback, cooldownPeriod=200))
        await asyncio.sleep(1)
        world.wire.fail = lambda request: request.path.endswith("/pods")

        assert await counts(world, 150, 220) == [5, 0]


async def test_a_formula_that_knows_of_a_silent_trigger() -> None:
    """Behavior scalingModifiers: what failed too often is nil in the formula."""
    modifiers = {"formula": "(a ?? 4) + b", "target": "1"}
    fallback = {"failureThreshold": 1, "replicas": 9, "behavior": "scalingModifiers"}
    triggers = (http_trigger(url="http://127.0.0.1:1/") | {"name": "a"}, pods_trigger(name="b"))
    body = scaled_object(
        "orders", *triggers, fallback=fallback, advanced={"scalingModifiers": modifiers}
    )
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), body)

        assert await counts(world, 100) == [6]


async def formed(world: World, **modifiers: str) -> None:
    body = scaled_object("orders", pods_trigger(name="a"), cooldownPeriod=0)
    body["spec"]["advanced"] = {"scalingModifiers": {"formula": "a", **modifiers}}
    await world.apply(deployment(), body)


async def test_a_formula_has_an_activation_of_its_own() -> None:
    async with running() as world:
        await world.work(3)
        await formed(world, target="1", activationTarget="3")
        assert await counts(world, 1) == [0]
        await world.work(4)
        assert await counts(world, 31) == [4]


async def test_the_value_of_a_formula_may_be_for_the_whole_workload() -> None:
    """Value: twice the target wants twice what is ready; here nothing is, so the count stays."""
    async with running() as world:
        await world.work(8)
        await formed(world, target="4", metricType="Value")
        assert await counts(world, 1) == [2]
        await world.work(16)
        assert await counts(world, 60) == [2]


@pytest.mark.parametrize(("container", "is_set"), [(None, False), ("side", True)])
async def test_the_container_whose_environment_triggers_read(
    container: str | None, is_set: bool
) -> None:
    queue = {"queueName": "q", "mode": "QueueLength", "value": "5", "hostFromEnv": "NAME"}
    trigger: Json = {"type": "rabbitmq", "metadata": queue}
    body = scaled_object("orders", trigger)
    body["spec"]["scaleTargetRef"]["envSourceContainerName"] = container
    workload = deployment()
    containers = workload["spec"]["template"]["spec"]["containers"]
    containers.append(
        {
            "name": "side",
            "image": "busybox",
            "env": [{"name": "NAME", "value": "amqp://127.0.0.1:1/"}],
        }
    )
    async with running() as world:
        await world.apply(workload, body)
        await asyncio.sleep(1)
        message = (await world.condition("Ready"))[2]

        assert ("which the target's container does not set" not in message) is is_set


async def test_an_hpa_has_the_name_that_is_given() -> None:
    advanced = {"horizontalPodAutoscalerConfig": {"name": "mine"}}
    async with running(EventSettings(hpa=True, serves_metrics=True)) as world:
        await world.apply(deployment(), scaled_object(advanced=advanced))
        await asyncio.sleep(1)
        assert (await world.status())["hpaName"] == "mine"
        assert await world.client.get(HORIZONTAL_POD_AUTOSCALERS, "mine", namespace="default")

        await world.edit(SCALED_OBJECTS, "orders", advanced=None)
        await asyncio.sleep(1)
        assert (await world.status())["hpaName"] == "keda-hpa-orders"
        with pytest.raises(NotFound):
            await world.client.get(HORIZONTAL_POD_AUTOSCALERS, "mine", namespace="default")


async def test_labels_that_an_hpa_is_not_to_have() -> None:
    body = scaled_object()
    body["metadata"]["labels"] = {"team": "a", "argo": "b"}
    body["metadata"]["annotations"] = {"scaledobject.keda.sh/hpa-excluded-labels": "argo, none"}
    async with running(EventSettings(hpa=True, serves_metrics=True)) as world:
        await world.apply(deployment(), body)
        await asyncio.sleep(1)
        found = await world.client.get(
            HORIZONTAL_POD_AUTOSCALERS, "keda-hpa-orders", namespace="default"
        )

        assert found["metadata"]["labels"]["team"] == "a"
        assert found["metadata"]["labels"]["scaledobject.keda.sh/name"] == "orders"
        assert "argo" not in found["metadata"]["labels"]
