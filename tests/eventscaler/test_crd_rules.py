"""What the definitions themselves refuse, on both clusters: no webhook is needed for it."""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import Client, Json
from kube.errors import Invalid
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_JOBS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
)
from tests.eventscaler.clusters import placed
from tests.eventscaler.manifests import pods_trigger, scaled_object, trigger_authentication

CPU: Json = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
FALLBACK: Json = {"failureThreshold": 1, "replicas": 1}
CLIENT_SECRET: Json = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}


def composed(**modifiers: str) -> Json:
    return {"advanced": {"scalingModifiers": modifiers}}


OBJECTS: dict[str, tuple[Json, str]] = {
    "idle at min": ({"minReplicaCount": 2, "idleReplicaCount": 2}, "idleReplicaCount must be less"),
    "idle without min": ({"idleReplicaCount": 0}, "idleReplicaCount must be less"),
    "same names": (
        {"triggers": [pods_trigger(name="a"), pods_trigger(name="a")]},
        "a trigger's name must be its own",
    ),
    "cached cpu": (
        {"triggers": [CPU | {"useCachedMetrics": True}]},
        "useCachedMetrics is not for cpu, memory and cron",
    ),
    "utilization of pods": (
        {"triggers": [pods_trigger(metricType="Utilization")]},
        "metricType is AverageValue or Value",
    ),
    "unknown metric type": (
        {"triggers": [pods_trigger(metricType="Mean")]},
        "metricType is AverageValue or Value",
    ),
    "formula without target": (composed(formula="a"), "formula and target need each other"),
    "target without formula": (composed(target="1"), "formula and target need each other"),
    "fallback of cpu": (
        {"triggers": [CPU], "minReplicaCount": 1, "fallback": FALLBACK},
        "fallback needs a trigger that is not cpu or memory",
    ),
    "fallback of no formula": (
        {"fallback": FALLBACK | {"behavior": "scalingModifiers"}},
        "fallback behavior scalingModifiers needs a formula",
    ),
    "negative fallback": ({"fallback": FALLBACK | {"replicas": -1}}, "spec.fallback.replicas"),
}
GOOD: dict[str, Json] = {
    "idle below min": {"minReplicaCount": 2, "idleReplicaCount": 1},
    "idle 0 at min 0": {"minReplicaCount": 0, "idleReplicaCount": 0},
    "own names": {"triggers": [pods_trigger(name="a"), pods_trigger(name="b"), pods_trigger()]},
    "two without names": {"triggers": [pods_trigger(name=""), pods_trigger(name="")]},
    "utilization of cpu": {"triggers": [CPU], "minReplicaCount": 1},
    "cached": {"triggers": [pods_trigger(useCachedMetrics=True)]},
    "formula": {
        "triggers": [pods_trigger(name="a")],
        "fallback": FALLBACK | {"behavior": "scalingModifiers"},
        **composed(formula="a ?? 1", target="1"),
    },
    "cpu with a formula": {
        "triggers": [CPU],
        "minReplicaCount": 1,
        "fallback": FALLBACK,
        **composed(formula="1", target="1"),
    },
    "as many triggers as there may be": {
        "triggers": [pods_trigger(name=f"trigger-{index}") for index in range(256)]
    },
}
IDENTITIES: dict[str, tuple[Json, str]] = {
    "an empty id": (
        {"provider": "azure-workload", "identityId": ""},
        "identityId must not be empty",
    ),
    "authority without tenant": (
        {"provider": "azure-workload", "identityAuthorityHost": "x"},
        "identityAuthorityHost needs identityTenantId",
    ),
    "a role of the workload": (
        {"provider": "aws", "roleArn": "a", "identityOwner": "workload"},
        "roleArn and identityOwner workload exclude each other",
    ),
    "external id without role": (
        {"provider": "aws", "externalID": "a"},
        "externalID needs roleArn beside it",
    ),
}


@pytest.mark.parametrize("case", OBJECTS)
async def test_a_scaled_object_is_refused(client: Client, namespace: str, case: str) -> None:
    spec, message = OBJECTS[case]
    with pytest.raises(Invalid, match=message):
        await client.create(SCALED_OBJECTS, placed(scaled_object("bad", **spec), namespace))


@pytest.mark.parametrize("case", GOOD)
async def test_a_scaled_object_is_taken(client: Client, namespace: str, case: str) -> None:
    await client.create(SCALED_OBJECTS, placed(scaled_object("good", **GOOD[case]), namespace))


async def test_a_scaled_job_has_unique_triggers_too(client: Client, namespace: str) -> None:
    body: Json = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "bad"},
        "spec": {
            "jobTargetRef": {"template": {}},
            "triggers": [pods_trigger(name="a"), pods_trigger(name="a")],
        },
    }
    with pytest.raises(Invalid, match="a trigger's name must be its own"):
        await client.create(SCALED_JOBS, placed(body, namespace))


@pytest.mark.parametrize("case", IDENTITIES)
async def test_an_identity_is_refused(client: Client, namespace: str, case: str) -> None:
    identity, message = IDENTITIES[case]
    body = trigger_authentication(podIdentity=identity)
    with pytest.raises(Invalid, match=message):
        await client.create(TRIGGER_AUTHENTICATIONS, placed(body, namespace))
    cluster = trigger_authentication(f"bad-{namespace}", cluster=True, podIdentity=identity)
    with pytest.raises(Invalid, match=message):
        await client.create(CLUSTER_TRIGGER_AUTHENTICATIONS, cluster)


@pytest.mark.parametrize(
    "identity",
    [
        {"provider": "aws", "roleArn": "a", "externalID": "b"},
        {"provider": "aws", "identityOwner": "workload", "roleArn": ""},
        {"provider": "azure-workload", "identityAuthorityHost": "x", "identityTenantId": "y"},
        {"provider": "gcp", "identityId": ""},
    ],
)
async def test_an_identity_is_taken(client: Client, namespace: str, identity: Any) -> None:
    body = trigger_authentication(podIdentity=identity)
    await client.create(TRIGGER_AUTHENTICATIONS, placed(body, namespace))


@pytest.mark.parametrize("url", ["ftp://a", "a", "https://"])
async def test_a_token_url_is_a_url(client: Client, namespace: str, url: str) -> None:
    oauth2 = {"clientId": "a", "clientSecret": CLIENT_SECRET, "tokenUrl": url}
    with pytest.raises(Invalid, match=r"spec\.oauth2\.tokenUrl"):
        await client.create(
            TRIGGER_AUTHENTICATIONS, placed(trigger_authentication(oauth2=oauth2), namespace)
        )
