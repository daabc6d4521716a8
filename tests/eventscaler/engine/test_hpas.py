"""HPA mode through the engine: Tandem decides rest and waking, an HPA of ours the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eventscaler.engine import EventSettings
from eventscaler.metrics_api import Blind, Unknown
from kube.client import Json
from kube.errors import NotFound
from kube.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS, SCALED_OBJECTS
from tests.eventscaler.manifests import deployment, http_trigger, pods_trigger, scaled_object
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

SETTINGS = EventSettings(hpa=True, serves_metrics=True)
BY_ANNOTATION = EventSettings(serves_metrics=True)
NAME = "keda-hpa-orders"
METRIC = "s0-workload-default"
PAUSED = "autoscaling.keda.sh/paused"


def annotated(annotations: dict[str, str], *triggers: Json, **spec: Any) -> Json:
    body = scaled_object("orders", *triggers, **spec)
    body["metadata"]["annotations"] = annotations
    return body


async def note(world: World, key: str, value: str | None) -> None:
    """Set or take off an annotation of the ScaledObject orders."""
    patch = {"metadata": {"annotations": {key: value}}}
    changed = await world.client.patch(SCALED_OBJECTS, "orders", patch, namespace="default")
    world.engine.changed(changed)


async def hpa(world: World, name: str = NAME) -> Json | None:
    try:
        return await world.client.get(HORIZONTAL_POD_AUTOSCALERS, name, namespace="default")
    except NotFound:
        return None


async def edit(world: World, patch: Json, name: str = NAME, subresource: str = "") -> None:
    await world.client.patch(
        HORIZONTAL_POD_AUTOSCALERS,
        name,
        patch,
        namespace="default",
        subresource=subresource or None,
    )


async def scale(world: World, replicas: int) -> None:
    """As an HPA does it."""
    await world.client.patch(
        DEPLOYMENTS, "orders", {"spec": {"replicas": replicas}}, namespace="default"
    )


def writes(world: World, of: str) -> list[str]:
    return [line for _, line in world.wire.writes if of in line]


async def test_tandem_wakes_and_rests_and_an_hpa_counts_between() -> None:
    async with running(SETTINGS) as world:
        await world.work(7)
        await world.apply(deployment(), scaled_object(cooldownPeriod=60, minReplicaCount=0))
        await asyncio.sleep(2)
        assert await world.replicas() == 1, "one to begin with; the HPA does the rest"
        found = await hpa(world)
        assert found is not None
        assert found["spec"]["metrics"][0]["external"]["metric"]["name"] == METRIC
        assert (await world.engine.external("default", "orders", METRIC)).value == 7

        await scale(world, 5)
        await world.work(2)
        await asyncio.sleep(60)
        assert await world.replicas() == 5, "between min and max the HPA alone decides"
        assert (await world.status())["hpaName"] == NAME

        await world.work(0)
        await asyncio.sleep(80)
        assert await world.replicas() == 0
        assert len(writes(world, "horizontalpodautoscalers")) == 1, "made once, then left alone"


async def test_idle_is_left_for_the_minimum_and_come_back_to() -> None:
    async with running(SETTINGS) as world:
        spec: Json = {"minReplicaCount": 3, "idleReplicaCount": 1, "cooldownPeriod": 0}
        await world.apply(deployment(replicas=1), scaled_object(**spec))
        await world.work(1)
        await asyncio.sleep(31)
        assert await world.replicas() == 3
        await scale(world, 6)
        await world.work(0)
        await asyncio.sleep(31)

        assert await world.replicas() == 1


async def test_a_blind_metric_is_an_error_and_never_zero() -> None:
    async with running(SETTINGS) as world:
        await world.work(4)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        world.wire.fail = lambda request: request.path.endswith("/pods")
        await asyncio.sleep(20)

        with pytest.raises(Blind, match="connection refused"):
            await world.engine.external("default", "orders", METRIC)
        with pytest.raises(Unknown, match=f"s9-x is no metric .*there are {METRIC}"):
            await world.engine.external("default", "orders", "s9-x")
        with pytest.raises(Unknown, match="no usable ScaledObject default/none"):
            await world.engine.external("default", "none", METRIC)


@pytest.mark.parametrize(("metric_type", "value"), [("AverageValue", 6.0), ("Value", 3.0)])
async def test_a_fallback_is_told_as_the_value_that_gives_its_count(
    metric_type: str, value: float
) -> None:
    """Value is multiplied with the pods that are ready: here two, and six are wanted."""
    async with running(SETTINGS) as world:
        body = scaled_object(
            "orders",
            pods_trigger(metricType=metric_type),
            fallback={"failureThreshold": 1, "replicas": 6},
        )
        await world.work(2)
        await world.apply(deployment(replicas=2), body)
        for index in range(2):
            await ready_pod(world, f"orders-{index}")
        await asyncio.sleep(1)
        world.wire.fail = lambda request: request.query.get("labelSelector") == "app=work"
        await asyncio.sleep(60)

        assert (await world.engine.external("default", "orders", METRIC)).value == value


async def ready_pod(world: World, name: str) -> None:
    container = {"name": "main", "image": "busybox"}
    metadata = {"name": name, "namespace": "default", "labels": {"app": "orders"}}
    spec = {"containers": [container]}
    await world.client.create(
        PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    )
    status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    await world.client.patch(PODS, name, status, namespace="default", subresource="status")


async def test_a_formula_is_one_metric_and_its_inputs_are_none() -> None:
    async with running(SETTINGS) as world:
        triggers = [pods_trigger("a", name="a"), pods_trigger("b", name="b")]
        triggers.append({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}})
        modifiers = {"formula": "a + 2 * b", "target": "2"}
        await world.work(3, "a")
        await world.work(2, "b")
        await world.apply(
            deployment(),
            scaled_object("orders", *triggers, advanced={"scalingModifiers": modifiers}),
        )
        await asyncio.sleep(1)
        found = await hpa(world)
        composite = await world.engine.external("default", "orders", "composite-metric")

        assert found is not None
        assert [each["type"] for each in found["spec"]["metrics"]] == ["External", "Resource"]
        external = found["spec"]["metrics"][0]["external"]
        assert external["metric"]["name"] == "composite-metric"
        assert external["target"] == {"type": "AverageValue", "averageValue": "2"}
        assert composite.value == 7
        with pytest.raises(Unknown, match="there are composite-metric"):
            await world.engine.external("default", "orders", METRIC)


async def test_an_edit_of_the_hpa_is_undone_at_once() -> None:
    async with running(SETTINGS) as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await edit(world, {"spec": {"maxReplicas": 3}})
        await asyncio.sleep(1)
        found = await hpa(world)
        assert found is not None
        assert found["spec"]["maxReplicas"] == 100

        await world.client.delete(HORIZONTAL_POD_AUTOSCALERS, NAME, namespace="default")
        await asyncio.sleep(1)
        assert await hpa(world) is not None


async def test_the_hpas_own_status_costs_nothing_and_is_reported() -> None:
    async with running(SETTINGS) as world:
        await world.work(1)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        before = world.engine.statistics().samples
        failing = {"type": "ScalingActive", "status": "False", "reason": "FailedGetExternalMetric"}
        said = {"currentReplicas": 1, "desiredReplicas": 1, "conditions": [failing]}
        await edit(world, {"status": said}, subresource="status")
        await asyncio.sleep(2)
        assert world.engine.statistics().samples == before

        await asyncio.sleep(15)
        assert (await world.condition("HPAActive"))[:2] == ("False", "FailedGetExternalMetric")
        assert (await world.condition("Ready"))[0] == "True"

        resting = {**failing, "reason": "ScalingDisabled"}
        await edit(world, {"status": {**said, "conditions": [resting]}}, subresource="status")
        await asyncio.sleep(16)
        assert (await world.condition("HPAActive"))[:2] == ("True", "ScalingDisabled")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (PAUSED, "true"),
        ("autoscaling.keda.sh/paused-replicas", "4"),
        ("tandem.sh/mode", "recommend"),
        ("tandem.sh/mode", "off"),
        ("tandem.sh/hpa", "false"),
    ],
)
async def test_whoever_stops_scaling_takes_the_hpa_away_and_gets_it_back(
    key: str, value: str
) -> None:
    async with running(SETTINGS) as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await note(world, key, value)
        await asyncio.sleep(1)

        assert await hpa(world) is None
        assert "hpaName" not in await world.status()
        assert (await world.condition("HPAActive"))[0] == ""
        assert await world.replicas() == {"4": 4, "false": 2}.get(value, 1)

        await note(world, key, None)
        await asyncio.sleep(1)
        assert await hpa(world) is not None


async def test_paused_directions_close_the_hpas() -> None:
    async with running(SETTINGS) as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await note(world, "autoscaling.keda.sh/paused-scale-in", "true")
        await asyncio.sleep(1)
        found = await hpa(world)

        assert found is not None
        assert found["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"


async def test_by_annotation_one_object_has_an_hpa_and_another_has_none() -> None:
    async with running(BY_ANNOTATION) as world:
        await world.apply(
            deployment(),
            deployment("other"),
            annotated({"tandem.sh/hpa": "true"}),
            scaled_object("other"),
        )
        await asyncio.sleep(1)

        assert await hpa(world) is not None
        assert await hpa(world, "keda-hpa-other") is None


async def test_without_a_metrics_api_an_hpa_is_refused_with_what_would_do() -> None:
    async with running() as world:
        await world.apply(deployment(), annotated({"tandem.sh/hpa": "true"}))
        await asyncio.sleep(1)
        status, reason, message = await world.condition("Ready")

        assert (status, reason) == ("False", "ScaledObjectCheckFailed")
        assert "--metrics-api" in message
        assert await hpa(world) is None


async def test_an_unclear_annotation_is_a_fault_with_its_path() -> None:
    async with running(SETTINGS) as world:
        await world.apply(deployment(), annotated({"tandem.sh/hpa": "yes"}))
        await asyncio.sleep(1)

        assert (await world.condition("Ready"))[2] == (
            'metadata.annotations[tandem.sh/hpa]: found \'yes\', want "true" or "false"'
        )


async def test_an_hpa_that_keda_left_is_taken_away_in_tandems_own_mode() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        owner: Json = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "orders"}
        owner |= {"uid": held["metadata"]["uid"], "controller": True}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
        await world.client.create(
            HORIZONTAL_POD_AUTOSCALERS,
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": NAME, "namespace": "default", "ownerReferences": [owner]},
                "spec": {"scaleTargetRef": target, "maxReplicas": 5},
            },
        )
        left = await world.client.patch(
            SCALED_OBJECTS,
            "orders",
            {"status": {"hpaName": NAME}},
            namespace="default",
            subresource="status",
        )
        world.engine.gone(left)
        world.engine.changed(left)
        await asyncio.sleep(1)

        assert await hpa(world) is None
        assert "hpaName" not in await world.status()


async def test_who_loses_his_workload_loses_his_hpa() -> None:
    """Two HPAs of one workload would both stop."""
    async with running(SETTINGS) as world:
        await world.apply(deployment(), deployment("other"))
        await world.apply(scaled_object("older", scaleTargetRef={"name": "orders"}))
        await world.apply(scaled_object("younger", scaleTargetRef={"name": "other"}))
        await asyncio.sleep(1)
        assert await hpa(world, "keda-hpa-younger") is not None
        await world.edit(SCALED_OBJECTS, "younger", scaleTargetRef={"name": "orders"})
        await asyncio.sleep(1)

        assert await hpa(world, "keda-hpa-younger") is None
        assert await hpa(world, "keda-hpa-older") is not None
        assert "hpaName" not in await world.status("younger")


async def test_an_hpa_that_no_status_tells_of_is_found_by_its_usual_name() -> None:
    """As after a crash between the HPA and the status."""
    async with running(SETTINGS) as world:
        world.wire.fail = lambda request: request.path.endswith("/status")
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        assert await hpa(world) is not None
        world.wire.fail = lambda _: False
        await note(world, "tandem.sh/hpa", "false")
        await asyncio.sleep(1)

        assert await hpa(world) is None


async def test_hpas_that_may_not_be_read_are_said_and_nobody_is_hurried() -> None:
    async with running(SETTINGS) as world:
        world.wire.fail = lambda request: "horizontalpodautoscalers" in request.path
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(5)
        before = world.engine.statistics().samples
        await asyncio.sleep(20)

        assert "HPAs cannot be read" in (await world.condition("Ready"))[2]
        assert world.engine.statistics().samples <= before + 2


async def test_a_stale_sample_is_read_anew_unless_it_is_to_be_cached() -> None:
    async with running(SETTINGS) as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object(pollingInterval=600))
        await asyncio.sleep(1)
        await scale(world, 0)  # at zero the next poll is far away
        await world.work(0)
        await asyncio.sleep(16)
        await world.work(5)
        await asyncio.sleep(100)
        before = world.engine.statistics().samples
        live = (await world.engine.external("default", "orders", METRIC)).value
        assert live == 5
        assert world.engine.statistics().samples == before + 1

        await world.edit(SCALED_OBJECTS, "orders", triggers=[pods_trigger(useCachedMetrics=True)])
        await asyncio.sleep(1)
        await world.work(1)
        await asyncio.sleep(100)
        assert (await world.engine.external("default", "orders", METRIC)).value == 5


async def test_a_source_that_never_answers_keeps_no_hpa_waiting_for_ever() -> None:
    async with running(SETTINGS) as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object("orders", pods_trigger(metricType="Value")))
        await asyncio.sleep(1)
        world.wire.delay_s = lambda request: 1000.0 if request.path.endswith("/pods") else 0.0
        await asyncio.sleep(60)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Blind, match="was not read within 10 s"):
            await world.engine.external("default", "orders", METRIC)

        assert asyncio.get_running_loop().time() - began == pytest.approx(10)


async def test_missing_credentials_leave_the_hpa_as_it_is() -> None:
    async with running(SETTINGS) as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        made = await hpa(world)
        trigger = http_trigger() | {"authenticationRef": {"name": "none"}}
        await world.edit(SCALED_OBJECTS, "orders", triggers=[trigger])
        await asyncio.sleep(1)

        assert await hpa(world) == made
        assert (await world.status())["hpaName"] == NAME
