"""What is shown of our objects: status, conditions, columns and a label."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from kube.client import Json
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_JOBS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
    Resource,
)
from kube.transport import Request
from tests.eventscaler.manifests import (
    deployment,
    http_trigger,
    pods_trigger,
    scaled_job,
    scaled_object,
    trigger_authentication,
)
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
LABEL = "scaledobject.keda.sh/name"
CPU: Json = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}


async def test_status_names_what_is_read_and_how() -> None:
    async with running() as world:
        await world.apply(
            trigger_authentication(podIdentity={"provider": "none"}),
            trigger_authentication("all", cluster=True, podIdentity={"provider": "none"}),
        )
        triggers = (
            pods_trigger(name="a", authenticationRef={"name": "creds"}),
            pods_trigger(
                name="b",
                authenticationRef={"name": "all", "kind": "ClusterTriggerAuthentication"},
            ),
            CPU,
        )
        modifiers = {"formula": "a + b", "target": "1"}
        body = scaled_object("orders", *triggers, advanced={"scalingModifiers": modifiers})
        await world.apply(deployment(replicas=1), body)
        await asyncio.sleep(1)
        status = await world.status()

        assert status["externalMetricNames"] == ["s0-workload-default", "s1-workload-default"]
        assert status["resourceMetricNames"] == ["cpu"]
        assert status["compositeScalerName"] == "composite-metric"
        assert status["triggersTypes"] == "kubernetes-workload,cpu"
        assert status["authenticationsTypes"] == (
            "TriggerAuthentication,ClusterTriggerAuthentication"
        )
        assert status["scaleTargetKind"] == "apps/v1.Deployment"
        assert status["scaleTargetGVKR"] == {
            "group": "apps",
            "version": "v1",
            "kind": "Deployment",
            "resource": "deployments",
        }

        await world.edit(SCALED_OBJECTS, "orders", advanced=None)
        await asyncio.sleep(1)
        assert "compositeScalerName" not in await world.status()


async def test_status_has_the_last_decision_whole() -> None:
    trigger = pods_trigger(name="queue")
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object("orders", trigger, http_trigger()))
        await asyncio.sleep(1)
        last = (await world.status())["lastDecision"]
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
            "winner": "queue",
            "written": True,
            "triggers": [heard | {"active": True}, silent],
        }


async def test_conditions_say_since_when() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(61)
        await world.work(1)
        await asyncio.sleep(31)
        since = {
            each["type"]: each["lastTransitionTime"]
            for each in (await world.status())["conditions"]
        }

        assert since["Ready"] == "2026-05-01T12:00:00Z"
        assert "12:01:" in since["Active"]


async def test_a_scaled_object_carries_the_label_that_its_metrics_are_selected_by() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        assert held["metadata"]["labels"] == {LABEL: "orders"}
        puts = [what for _, what in world.wire.writes if what.endswith("scaledobjects/orders")]
        await asyncio.sleep(600)
        assert len(puts) == 1

        replaced = {"metadata": {"labels": None}}
        world.engine.changed(
            await world.client.patch(SCALED_OBJECTS, "orders", replaced, namespace="default")
        )
        await asyncio.sleep(31)
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        assert held["metadata"]["labels"] == {LABEL: "orders"}


async def test_a_label_that_may_not_be_put_on_hinders_nothing_and_is_not_tried_for_ever() -> None:
    async with running() as world:
        tried: list[float] = []

        def refused(request: Request) -> bool:
            is_label = request.method == "PATCH" and request.path.endswith("scaledobjects/orders")
            if is_label:
                tried.append(asyncio.get_running_loop().time())
            return is_label

        world.wire.forbidden = refused
        await world.work(2)
        await world.apply(deployment(), scaled_object(cooldownPeriod=5000))
        await asyncio.sleep(400)

        assert await world.replicas() == 2
        assert (await world.condition("Ready"))[0] == "True"
        assert len(tried) <= 2


COLUMNS = {
    "so": {
        "ScaleTargetKind": "apps/v1.Deployment",
        "ScaleTargetName": "orders",
        "Min": 1,
        "Max": 7,
        "Ready": "True",
        "Active": "True",
        "Fallback": "False",
        "Paused": "True",
        "Triggers": "kubernetes-workload",
        "Authentications": "TriggerAuthentication",
    },
    "sj": {
        "Min": 2,
        "Max": 5,
        "Ready": "True",
        "Active": "True",
        "Paused": "False",
        "Triggers": "kubernetes-workload",
        "Authentications": "TriggerAuthentication",
    },
}


async def shown(world: World, resource: Resource, name: str) -> Json:
    """What `kubectl get` shows of an object, by column."""
    path = resource.path(None if not resource.namespaced else "default", name)
    answer = await world.wire.send(Request("GET", path, accept=TABLE), timeout_s=1)
    found = msgspec.json.decode(answer.body)
    titles = [column["name"] for column in found["columnDefinitions"]]
    return dict(zip(titles, found["rows"][0]["cells"], strict=True))


async def test_columns_show_what_is() -> None:
    trigger = pods_trigger(authenticationRef={"name": "creds"})
    body = scaled_object("orders", trigger, minReplicaCount=1, maxReplicaCount=7)
    body["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-scale-in": "true"}
    async with running() as world:
        await world.work(3)
        await world.apply(trigger_authentication(podIdentity={"provider": "none"}))
        await world.apply(deployment(), body)
        await world.apply(scaled_job("batch", trigger, minReplicaCount=2, maxReplicaCount=5))
        await asyncio.sleep(3)

        for resource, name, columns in (
            (SCALED_OBJECTS, "orders", COLUMNS["so"]),
            (SCALED_JOBS, "batch", COLUMNS["sj"]),
        ):
            assert await shown(world, resource, name) == {"Name": name, **columns, "Age": "3s"}


READY, ACTIVE, FALLBACK, PAUSED = "Ready", "Active", "Fallback", "Paused"
DEAD = http_trigger(url="http://127.0.0.1:1/")


async def said(world: World, resource: Resource, name: str) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition."""
    await asyncio.sleep(2)
    held = await world.client.get(resource, name, namespace="default")
    return {each["type"]: (each["status"], each["reason"]) for each in held["status"]["conditions"]}


async def test_conditions_of_a_scaled_object() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(deployment("idle"), scaled_object("idle", pods_trigger("none")))
        await world.apply(deployment("partly"), scaled_object("partly", DEAD, pods_trigger()))
        paused = scaled_object("paused")
        paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}
        await world.apply(deployment("paused"), paused)

        assert await said(world, SCALED_OBJECTS, "idle") == {
            READY: ("True", "ScaledObjectReady"),
            ACTIVE: ("False", "ScalerNotActive"),
            FALLBACK: ("False", "NoFallbackFound"),
            PAUSED: ("False", "ScaledObjectUnpaused"),
        }
        partly = await said(world, SCALED_OBJECTS, "partly")
        assert partly[READY] == ("Unknown", "PartialTriggerError")
        assert partly[ACTIVE] == ("True", "ScalerActive")
        assert (await said(world, SCALED_OBJECTS, "paused"))[PAUSED] == (
            "True",
            "ScaledObjectPaused",
        )


async def test_a_count_that_cannot_be_read_is_a_condition() -> None:
    async with running() as world:
        world.wire.fail = lambda request: (
            "/deployments" in request.path and (request.method == "GET")
        )
        await world.apply(deployment(), scaled_object())

        ready = (await said(world, SCALED_OBJECTS, "orders"))[READY]
        assert ready == ("False", "ErrorGettingCurrentReplicas")


async def test_conditions_of_a_scaled_job() -> None:
    async with running() as world:
        await world.apply(scaled_job("idle"))

        assert await said(world, SCALED_JOBS, "idle") == {
            READY: ("True", "ScaledJobReady"),
            ACTIVE: ("False", "ScalerNotActive"),
            FALLBACK: ("False", "NoFallbackFound"),
            PAUSED: ("False", "ScaledJobUnpaused"),
        }


@pytest.mark.parametrize("cluster", [False, True], ids=["namespaced", "cluster"])
async def test_columns_of_an_authentication(cluster: bool) -> None:
    resource = CLUSTER_TRIGGER_AUTHENTICATIONS if cluster else TRIGGER_AUTHENTICATIONS
    vault = {"address": "http://vault", "authentication": "token"}
    vault |= {"secrets": [{"parameter": "a", "path": "b", "key": "c"}]}  # type: ignore[dict-item]
    body = trigger_authentication(
        cluster=cluster,
        podIdentity={"provider": "gcp"},
        secretTargetRef=[{"parameter": "p", "name": "rabbit", "key": "k"}],
        env=[{"parameter": "q", "name": "HOST"}],
        hashiCorpVault=vault,
        **({"filePath": "a/b"} if cluster else {}),
    )
    trigger = pods_trigger(authenticationRef={"name": "creds", "kind": resource.kind})
    async with running() as world:
        await world.apply(body, deployment(), scaled_object("orders", trigger))
        await world.apply(scaled_job("batch", trigger))
        await asyncio.sleep(4)
        found = await shown(world, resource, "creds")

        where = "default/" if cluster else ""
        columns = {
            "Name": "creds",
            "PodIdentity": "gcp",
            "Secret": "rabbit",
            "Env": "HOST",
            "VaultAddress": "http://vault",
            "ScaledObjects": f"{where}orders",
            "ScaledJobs": f"{where}batch",
        }
        assert found == (columns | {"FilePath": "a/b"} if cluster else columns)
