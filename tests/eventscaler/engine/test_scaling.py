"""A queue fills and drains; the count follows, and an idle object writes nothing."""

from __future__ import annotations

import asyncio

import pytest

from eventscaler.engine import EventSettings
from kube.resources import DEPLOYMENTS, SCALED_OBJECTS
from tests.eventscaler.manifests import deployment, pods_trigger, scaled_object
from tests.eventscaler.world import running

pytestmark = pytest.mark.looptime


async def test_from_zero_to_the_demand_and_back_to_zero() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object(cooldownPeriod=60))
        await world.work(7)
        await asyncio.sleep(31)
        assert await world.replicas() == 7

        await world.work(0)
        await asyncio.sleep(16)
        assert await world.replicas() == 7, "a fall waits for its window"
        assert (await world.condition("Active"))[:2] == ("False", "ScalerCooldown")

        await asyncio.sleep(60)
        assert await world.replicas() == 0
        assert (await world.condition("Active"))[:2] == ("False", "ScalerNotActive")


async def test_an_object_that_was_just_made_is_looked_at_at_once() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(0.1)

        assert await world.replicas() == 2


async def test_a_change_of_the_spec_is_acted_on_at_once() -> None:
    async with running() as world:
        await world.work(9)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.edit(SCALED_OBJECTS, "orders", maxReplicaCount=4)
        await asyncio.sleep(0.1)

        assert await world.replicas() == 4


async def test_the_end_of_the_cooldown_is_not_missed() -> None:
    """The last sample falls on the end of the cooldown, not on the next poll after it."""
    async with running() as world:
        await world.work(1)
        await world.apply(deployment(), scaled_object(cooldownPeriod=20))
        await asyncio.sleep(0.1)
        await world.work(0)
        await asyncio.sleep(20)

        assert await world.replicas() == 0


@pytest.mark.parametrize(
    ("cached", "after_s"), [pytest.param(False, 15, id="live"), pytest.param(True, 60, id="cached")]
)
async def test_a_running_workload_is_looked_at_every_15_s(cached: bool, after_s: float) -> None:
    async with running() as world:
        await world.work(1)
        trigger = pods_trigger(useCachedMetrics=cached)
        await world.apply(deployment(), scaled_object("orders", trigger, pollingInterval=60))
        await asyncio.sleep(0.1)
        await world.work(5)
        await asyncio.sleep(after_s - 1)
        assert await world.replicas() == 1

        await asyncio.sleep(1)
        assert await world.replicas() == 5


async def test_idle_means_silent() -> None:
    """Ten minutes of a hundred idle objects: not one write."""
    async with running() as world:
        for index in range(100):
            await world.apply(deployment(f"d{index}"), scaled_object(f"d{index}"))
        await asyncio.sleep(120)  # Events are written one by one
        world.wire.writes.clear()
        await asyncio.sleep(600)

        assert world.wire.writes == []
        assert world.engine.statistics().samples > 100 * 20


async def test_while_active_the_time_is_written_now_and_then() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object(cooldownPeriod=600))
        await asyncio.sleep(120)
        world.wire.writes.clear()
        await asyncio.sleep(600)

        kinds = {what for _, what in world.wire.writes}
        assert len(kinds) == 1
        assert len(world.wire.writes) == 2, "once in five minutes"


async def test_what_was_active_at_the_end_begins_its_cooldown_with_the_next_operator() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object(cooldownPeriod=100))
        await asyncio.sleep(250)
        await world.work(0)  # which nobody sees any more
        sandbox = world.sandbox
    async with running(sandbox=sandbox) as world:
        await asyncio.sleep(90)
        assert await world.replicas() == 2

        await asyncio.sleep(20)
        assert await world.replicas() == 0


async def test_after_a_restart_the_cooldown_goes_on_and_nothing_is_written() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object(cooldownPeriod=100))
        await asyncio.sleep(0.1)
        await world.work(0)
        await asyncio.sleep(40)
        sandbox = world.sandbox
    async with running(sandbox=sandbox) as world:
        await asyncio.sleep(30)
        assert await world.replicas() == 2
        assert world.wire.writes == []

        await asyncio.sleep(31)
        assert await world.replicas() == 0


async def test_start_up_polls_are_spread() -> None:
    """What was there before the start is not polled in one moment."""
    async with running() as world:
        for index in range(50):
            await world.apply(deployment(f"d{index}"), scaled_object(f"d{index}"))
        await asyncio.sleep(60)
        sandbox = world.sandbox
    async with running(EventSettings(share_s=0, jitter=0), sandbox) as world:
        await asyncio.sleep(2.5)
        halfway = world.engine.statistics().samples
        await asyncio.sleep(2.6)

        assert 10 < halfway < 40
        assert world.engine.statistics().samples == 50


async def test_a_count_set_by_someone_else_is_not_overwritten_blindly() -> None:
    """The scale changes between our read and our write: Conflict, and a fresh decision soon."""
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.work(6)
        meddled = False

        def meddle(request: object) -> float:
            return 0.5 if "PUT" in str(request) else 0.0

        world.wire.delay_s = meddle
        while not meddled:
            await asyncio.sleep(0.1)
            if world.engine.statistics().running:
                patch = {"spec": {"replicas": 3}}
                await world.client.patch(DEPLOYMENTS, "orders", patch, namespace="default")
                meddled = True
        await asyncio.sleep(1)
        assert await world.replicas() == 3

        await asyncio.sleep(3)
        assert await world.replicas() == 6


async def test_pause_and_resume() -> None:
    async with running() as world:
        await world.work(4)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        for note, expected in (("2", 2), (None, 4)):
            body = {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": note}}}
            world.engine.changed(
                await world.client.patch(SCALED_OBJECTS, "orders", body, namespace="default")
            )
            await asyncio.sleep(1)
            assert await world.replicas() == expected
            paused = (await world.condition("Paused"))[0]
            assert paused == ("True" if note else "False")
            assert (await world.status()).get("pausedReplicaCount") == (2 if note else None)


async def test_status_says_what_is_scaled_and_by_what() -> None:
    async with running() as world:
        await world.work(4)
        await world.apply(deployment(replicas=1), scaled_object())
        await asyncio.sleep(1)
        status = await world.status()

        assert status["scaleTargetKind"] == "apps/v1.Deployment"
        assert status["scaleTargetGVKR"]["resource"] == "deployments"
        assert status["originalReplicaCount"] == 1
        assert status["externalMetricNames"] == ["s0-workload-default"]
        assert status["triggersActivity"] == {"s0-workload-default": {"isActive": True}}
        assert status["triggersTypes"] == "kubernetes-workload"
        assert status["lastActiveTime"].startswith("2026-05-01T12:00:0")


async def test_events_tell_of_turns() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object(cooldownPeriod=5))
        await asyncio.sleep(1)
        await world.work(2)
        await asyncio.sleep(31)
        await world.work(0)
        await asyncio.sleep(90)

        assert await world.events() == [
            ("KEDAScalersStarted", "started watching the triggers"),
            ("ScaledObjectReady", "ready for scaling"),
            (
                "KEDAScaleTargetActivated",
                (
                    "scaled Deployment default/orders from 0 to 2: "
                    "s0-workload-default: 2 at 1 each asks for 2"
                ),
            ),
            (
                "KEDAScaleTargetDeactivated",
                (
                    "scaled Deployment default/orders from 2 to 0: "
                    "every trigger is at or under its activation"
                ),
            ),
        ]


async def test_a_deleted_object_leaves_its_workload_and_the_meters() -> None:
    async with running() as world:
        await world.work(4)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        labels = {"namespace": "default", "scaledObject": "orders"}
        assert world.meters.get_sample_value("keda_scaled_object_paused", labels) == 0
        found = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        await world.client.delete(SCALED_OBJECTS, "orders", namespace="default")
        world.engine.gone(found)
        await world.work(0)
        await asyncio.sleep(700)

        assert await world.replicas() == 4
        assert world.engine.statistics().objects == 0
        assert world.meters.get_sample_value("keda_scaled_object_paused", labels) is None


async def test_what_vanished_unheard_is_forgotten_by_the_next_listing() -> None:
    async with running(EventSettings(resync_s=60, jitter=0)) as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.client.delete(SCALED_OBJECTS, "orders", namespace="default")
        await asyncio.sleep(61)

        assert world.engine.statistics().objects == 0


async def test_meters_have_the_original_names() -> None:
    async with running() as world:
        await world.work(4)
        await world.apply(deployment(), scaled_object("orders", pods_trigger(name="queue")))
        await asyncio.sleep(1)
        labels = {
            "namespace": "default",
            "metric": "s0-workload-default",
            "scaledObject": "orders",
            "scaler": "queue",
            "triggerIndex": "0",
            "type": "scaledobject",
        }
        value = world.meters.get_sample_value

        assert value("keda_scaler_metrics_value", labels) == 4
        assert value("keda_scaler_active", labels) == 1
        assert value("keda_scaler_metrics_latency_seconds", labels) == 0
        assert value("keda_trigger_registered_total", {"type": "kubernetes-workload"}) == 1
        kinds = {"type": "scaled_object", "namespace": "default"}
        assert value("keda_resource_registered_total", kinds) == 1
        loop = {"namespace": "default", "type": "scaledobject", "resource": "orders"}
        assert value("keda_internal_scale_loop_latency_seconds", loop) == 0
