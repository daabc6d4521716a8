"""Fields of a ScaledJob and of its status that no story elsewhere turns on, each seen to act."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kube.client import Json
from kube.resources import PODS, SCALED_JOBS
from kube.transport import Request
from tests.eventscaler.manifests import (
    http_trigger,
    pods_trigger,
    scaled_job,
    trigger_authentication,
)
from tests.eventscaler.played import condition, give_pods, jobs, status
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime


async def started(world: World) -> int:
    await asyncio.sleep(31)
    return len(await jobs(world))


@pytest.mark.parametrize(
    ("calculation", "expected"), [("max", 9), ("min", 3), ("avg", 6), ("sum", 12)]
)
async def test_demands_of_several_triggers_become_one(calculation: str, expected: int) -> None:
    strategy = {"multipleScalersCalculation": calculation}
    triggers = (pods_trigger("a"), pods_trigger("b"))
    async with running() as world:
        await world.work(3, "a")
        await world.work(9, "b")
        await world.apply(scaled_job("batch", *triggers, scalingStrategy=strategy))

        assert await started(world) == expected


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({"customScalingRunningJobPercentage": "0.5"}, 8),  # 6 - half of the 4 at work
        ({"customScalingRunningJobPercentage": "0"}, 10),  # their messages are no longer queued
        ({"customScalingRunningJobPercentage": "0", "customScalingQueueLengthDeduction": 2}, 8),
    ],
)
async def test_custom_says_what_of_the_queue_is_being_worked_on(
    custom: Json, expected: int
) -> None:
    deduction = custom.get("customScalingQueueLengthDeduction", 0)
    async with running() as world:
        await world.work(4 + deduction)
        await world.apply(scaled_job(scalingStrategy={"strategy": "custom", **custom}))
        assert await started(world) == 4
        await give_pods(world, "Running")
        await world.work(6)

        assert await started(world) == expected


async def test_a_pod_has_begun_when_it_meets_the_pending_pod_conditions() -> None:
    """Running is not enough then: a Job that has not begun still has its message in the queue."""
    strategy = {"strategy": "accurate", "pendingPodConditions": ["Ready"]}
    async with running() as world:
        await world.work(2)
        await world.apply(scaled_job(scalingStrategy=strategy))
        assert await started(world) == 2
        await give_pods(world, "Running")
        assert await started(world) == 2

        for pod in await world.client.items(PODS, namespace="default"):
            if "work" not in pod["metadata"]["name"]:
                ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
                name = pod["metadata"]["name"]
                await world.client.patch(
                    PODS, name, ready, namespace="default", subresource="status"
                )
        assert await started(world) == 4


async def test_the_deprecated_rollout_strategy_counts() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(scaled_job(rolloutStrategy="gradual"))
        await started(world)
        await world.edit(SCALED_JOBS, "batch", maxReplicaCount=50)
        await asyncio.sleep(5)
        made_by = {
            job["metadata"]["annotations"]["scaledjob.keda.sh/generation"]
            for job in await jobs(world)
        }

        assert made_by == {"1"}
        assert (await condition(world, "Ready"))[2].endswith(
            "spec.rolloutStrategy: deprecated; write rollout.strategy"
        )


@pytest.mark.parametrize("policy", ["background", "foreground"])
async def test_how_a_rollout_deletes(policy: str) -> None:
    async with running() as world:
        await world.work(1)
        await world.apply(scaled_job(rollout={"propagationPolicy": policy}))
        await started(world)
        (old,) = await jobs(world)
        asked: list[bytes] = []

        def note(request: Request) -> bool:
            if request.method == "DELETE" and request.path.endswith(old["metadata"]["name"]):
                asked.append((request.body or b"") + str(request.query).encode())
            return False

        world.wire.fail = note
        await world.edit(SCALED_JOBS, "batch", maxReplicaCount=50)
        await asyncio.sleep(5)

        assert policy.capitalize() in asked[0].decode()


async def env_of(world: World, container: str | None) -> tuple[str, str, str]:
    """How ready a ScaledJob is whose trigger reads a variable that only `side` sets."""
    queue = {"queueName": "q", "mode": "QueueLength", "value": "5", "hostFromEnv": "NAME"}
    trigger: Json = {"type": "rabbitmq", "metadata": queue}
    main: Json = {"name": "main", "image": "busybox"}
    side = main | {"name": "side", "env": [{"name": "NAME", "value": "amqp://127.0.0.1:1/"}]}
    named: dict[str, Any] = {"envSourceContainerName": container} if container else {}
    body = scaled_job("batch", trigger, **named)
    body["spec"]["jobTargetRef"]["template"]["spec"]["containers"] = [main, side]
    await world.apply(body)
    await asyncio.sleep(1)
    return await condition(world, "Ready")


async def test_the_container_whose_environment_triggers_read() -> None:
    async with running() as world:
        assert "which the target's container does not set" in (await env_of(world, None))[2]
    async with running() as world:
        assert "which the target's container does not set" not in (await env_of(world, "side"))[2]


async def test_status_names_the_kinds_of_authentications() -> None:
    triggers = (
        pods_trigger(name="a", authenticationRef={"name": "creds"}),
        pods_trigger(
            name="b", authenticationRef={"name": "all", "kind": "ClusterTriggerAuthentication"}
        ),
    )
    async with running() as world:
        await world.apply(
            trigger_authentication(podIdentity={"provider": "none"}),
            trigger_authentication("all", cluster=True, podIdentity={"provider": "none"}),
            scaled_job("batch", *triggers),
        )
        await asyncio.sleep(1)
        found = await status(world)

        assert (await condition(world, "Ready"))[0] == "True"
        assert found["authenticationsTypes"] == "TriggerAuthentication,ClusterTriggerAuthentication"
        assert found["triggersTypes"] == "kubernetes-workload"
        assert found["externalMetricNames"] == ["s0-workload-default", "s1-workload-default"]


async def test_status_has_the_last_decision_whole() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(scaled_job("batch", pods_trigger(name="queue"), http_trigger()))
        await asyncio.sleep(1)
        last = (await status(world))["lastDecision"]
        errors = [each.pop("error", "") for each in last["triggers"]]

        assert last.pop("time").startswith("2026-05-01T12:00:0")
        assert last.pop("message").startswith("queue: 2 at 1 each asks for 2; no answer from s1-")
        assert ["" if not error else "told" for error in errors] == ["", "told"]
        silent = {"name": "s1-metric-api-n", "target": 5, "metricType": "AverageValue"}
        heard = {"name": "queue", "value": 2, "target": 1, "metricType": "AverageValue"}
        assert last == {
            "currentReplicas": 0,
            "desiredReplicas": 2,
            "rule": "PartlyBlind",
            "written": True,
            "triggers": [heard | {"active": True}, silent],
        }


async def test_status_has_what_the_api_refused() -> None:
    async with running() as world:
        world.wire.forbidden = lambda request: (
            request.path.endswith("/jobs") and (request.method == "POST")
        )
        await world.work(2)
        await world.apply(scaled_job())
        await asyncio.sleep(1)

        assert "not you" in (await status(world))["lastDecision"]["refused"]
