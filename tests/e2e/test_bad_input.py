"""Bad objects are refused one by one, in their own status and events; everything else goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kube.client import Client, Json
from kube.errors import Invalid
from kube.resources import DEPLOYMENTS, EVENTS, NAMESPACES, PROVISIONERS, SCALED_OBJECTS, Resource
from tandem.demo.brokers import WorkQueue
from tests.clusters import Cluster
from tests.e2e.operator import operator_of
from tests.e2e.scene import install_crds

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]
DEADLINE_S = 40.0


def order(name: str, trigger: Json, **spec: Any) -> Json:
    whole = {"scaleTargetRef": {"name": name}, "pollingInterval": 1, "triggers": [trigger], **spec}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": whole,
    }


def provisioner(name: str, **spec: Any) -> Json:
    return {
        "apiVersion": "karpenter.k8s.aws/v1alpha1",
        "kind": "Provisioner",
        "metadata": {"name": name},
        "spec": {"ttlSecondsAfterEmpty": 30, **spec},
    }


def web(name: str) -> Json:
    labels = {"app": name}
    container = {"name": "c", "image": "registry.invalid/web:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


CRON = {
    "type": "cron",
    "metadata": {
        "timezone": "UTC",
        "start": "0 0 * * *",
        "end": "59 23 * * *",
        "desiredReplicas": "1",
    },
}
QUEUE = {"queueName": "q", "host": "amqp://127.0.0.1:1/", "mode": "QueueLength", "value": "5"}
IN = {"operator": "In", "key": "node.kubernetes.io/instance-type"}

REFUSED = {
    "unknown-type": (
        order("unknown-type", {"type": "rabitmq", "metadata": {}}),
        "did you mean 'rabbitmq'?",
    ),
    "negative": (
        order("negative", {"type": "rabbitmq", "metadata": QUEUE | {"value": "-5"}}),
        "'value' must be above 0, got -5",
    ),
    "no-secret": (
        order(
            "no-secret",
            {"type": "rabbitmq", "metadata": QUEUE, "authenticationRef": {"name": "gone"}},
        ),
        "gone",
    ),
    "no-target": (
        order("no-target", CRON, scaleTargetRef={"name": "nowhere"}),
        "nowhere",
    ),
}


async def test_each_bad_object_is_told_so_and_the_good_ones_work(
    operated_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    client, queue = operated_cluster.client(), WorkQueue(per_replica=10)
    try:
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": unique}})
        async with queue.serving(), operator_of(operated_cluster, tmp_path, "--no-elect"):
            await queue.publish(25)
            for name in (*REFUSED, "good"):
                await client.create(DEPLOYMENTS, web(name), namespace=unique)
            for body, _ in REFUSED.values():
                await client.create(SCALED_OBJECTS, body, namespace=unique)
            good = order("good", queue.trigger())
            await client.create(SCALED_OBJECTS, good, namespace=unique)
            for name, (_, part) in REFUSED.items():
                condition = await _condition(client, SCALED_OBJECTS, name, unique)
                assert part in condition["message"], condition
                assert part in await _event(client, name, unique)
            await _replicas(client, "good", unique, 3)
    finally:
        await client.delete(NAMESPACES, unique)
        await client.close()


async def test_a_misspelt_key_is_told_and_the_object_works(
    operated_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    client, queue = operated_cluster.client(), WorkQueue(per_replica=10)
    try:
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": unique}})
        async with queue.serving(), operator_of(operated_cluster, tmp_path, "--no-elect"):
            await queue.publish(25)
            trigger = queue.trigger()
            trigger["metadata"]["targetValeu"] = "10"
            await client.create(DEPLOYMENTS, web("typo"), namespace=unique)
            await client.create(SCALED_OBJECTS, order("typo", trigger), namespace=unique)
            await _replicas(client, "typo", unique, 3)

            told = await _condition(client, SCALED_OBJECTS, "typo", unique, status="True")
            assert "did you mean 'targetValue'?" in told["message"]
            assert "did you mean 'targetValue'?" in await _event(client, "typo", unique)
    finally:
        await client.delete(NAMESPACES, unique)
        await client.close()


@pytest.mark.parametrize(
    ("resource", "body", "part"),
    [
        pytest.param(
            SCALED_OBJECTS,
            order("bad", CRON, minReplicaCount=5, maxReplicaCount=2),
            "minReplicaCount",
            id="min above max",
        ),
        pytest.param(
            PROVISIONERS,
            provisioner("bad", limits={"resources": {"cpu": "1x"}}),
            'spec.limits.resources.cpu: Invalid value: "1x"',
            id="malformed quantity",
        ),
    ],
)
async def test_what_the_schema_knows_is_refused_at_the_door(
    operated_cluster: Cluster, unique: str, resource: Resource, body: Json, part: str
) -> None:
    client = operated_cluster.client()
    namespace = unique if resource.namespaced else None
    try:
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": unique}})
        with pytest.raises(Invalid, match=part):
            await client.create(resource, body, namespace=namespace)
    finally:
        await client.delete(NAMESPACES, unique)
        await client.close()


async def test_a_provisioner_that_allows_no_instance_type(
    operated_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    client = operated_cluster.client()
    try:
        await install_crds(client)
        async with operator_of(operated_cluster, tmp_path, "--no-elect"):
            body = provisioner(unique, requirements=[IN | {"values": ["z9.mega"]}])
            await client.create(PROVISIONERS, body)
            condition = await _condition(client, PROVISIONERS, unique, None)

            assert "z9.mega" in condition["message"]
            assert "z9.mega" in await _event(client, unique, "default")
    finally:
        await client.delete(PROVISIONERS, unique)
        await client.close()


async def _condition(
    client: Client, resource: Resource, name: str, namespace: str | None, status: str = "False"
) -> Json:
    """The Ready condition, once it has that status."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            body = await client.get(resource, name, namespace=namespace)
            for condition in body.get("status", {}).get("conditions", []):
                if condition["type"] == "Ready" and condition["status"] == status:
                    found: Json = condition
                    return found
            await asyncio.sleep(0.2)


async def _event(client: Client, name: str, namespace: str) -> str:
    """The messages of the Warning events about one object, once there is one."""
    fields = f"involvedObject.name={name},type=Warning"
    async with asyncio.timeout(DEADLINE_S):
        while not (found := await client.items(EVENTS, namespace=namespace, fields=fields)):
            await asyncio.sleep(0.2)
    return "\n".join(str(event["message"]) for event in found)


async def _replicas(client: Client, name: str, namespace: str, wanted: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            body = await client.get(DEPLOYMENTS, name, namespace=namespace)
            if body["spec"]["replicas"] == wanted:
                return
            await asyncio.sleep(0.2)
