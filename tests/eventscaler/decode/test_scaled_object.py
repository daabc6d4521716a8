"""What a ScaledObject decodes to, and every message of a bad one."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.behavior import Behavior, Rules, Select
from eventscaler.core.model import Limits
from eventscaler.decode import AuthRef, scaled_object
from kube.client import Json
from kube.scale import Target
from tests.eventscaler import manifests


def faults_of(body: Json) -> list[str]:
    return [str(fault) for fault in scaled_object(body)[1]]


def test_defaults_are_the_originals() -> None:
    order, faults = scaled_object(manifests.scaled_object())

    assert faults == ()
    assert order is not None
    assert order.target == Target("default", "apps/v1", "Deployment", "orders")
    assert (order.polling_s, order.limits) == (30, Limits(0, 100, None))
    assert order.settings.cooldown == timedelta(seconds=300)
    assert order.settings.initial_cooldown == timedelta(0)
    assert order.settings.pause is None
    assert order.triggers[0].metric_type == "AverageValue"


def test_every_field_is_read() -> None:
    body = manifests.scaled_object(
        "orders",
        manifests.pods_trigger(
            name="q",
            metricType="Value",
            useCachedMetrics=True,
            authenticationRef={"name": "creds", "kind": "ClusterTriggerAuthentication"},
        ),
        scaleTargetRef={
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "name": "web",
            "envSourceContainerName": "side",
        },
        pollingInterval=7,
        cooldownPeriod=11,
        initialCooldownPeriod=13,
        idleReplicaCount=1,
        minReplicaCount=2,
        maxReplicaCount=9,
        advanced={
            "horizontalPodAutoscalerConfig": {
                "name": "any",
                "behavior": {"scaleDown": {"selectPolicy": "Disabled"}},
            }
        },
    )
    order, faults = scaled_object(body)

    assert faults == ()
    assert order is not None
    assert order.target == Target("default", "argoproj.io/v1alpha1", "Rollout", "web")
    assert (order.container, order.polling_s) == ("side", 7)
    assert order.limits == Limits(2, 9, 1)
    assert order.settings.cooldown == timedelta(seconds=11)
    assert order.settings.initial_cooldown == timedelta(seconds=13)
    assert order.settings.behavior == Behavior(down=Rules(select=Select.DISABLED))
    trigger = order.triggers[0]
    assert (trigger.name, trigger.metric_type, trigger.use_cached_metrics) == ("q", "Value", True)
    assert trigger.auth == AuthRef("creds", "ClusterTriggerAuthentication")
    assert order.cached
    assert order.borrows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minReplicaCount": 5, "maxReplicaCount": 3},
         "spec.minReplicaCount: found 5, want at most maxReplicaCount, which is 3"),
        ({"minReplicaCount": 101},
         "spec.minReplicaCount: found 101, want at most maxReplicaCount, which is 100"),
        ({"idleReplicaCount": 0},
         "spec.idleReplicaCount: found 0, want less than minReplicaCount, which is 0"),
        ({"maxReplicaCount": 0}, "spec.maxReplicaCount: found 0, want at least 1"),
        ({"maxReplicaCount": "3"}, "spec.maxReplicaCount: found '3', want a whole number"),
        ({"maxReplicaCount": True}, "spec.maxReplicaCount: found true, want a whole number"),
        ({"pollingInterval": 0}, "spec.pollingInterval: found 0, want at least 1"),
        ({"cooldownPeriod": -1}, "spec.cooldownPeriod: found -1, want at least 0"),
        ({"initialCooldownPeriod": 1.5},
         "spec.initialCooldownPeriod: found 1.5, want a whole number"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.name: found nothing, want a text"),
        ({"scaleTargetRef": "web"}, "spec.scaleTargetRef: found 'web', want an object"),
        ({"scaleTargetRef": {"name": 3}}, "spec.scaleTargetRef.name: found 3, want a text"),
        ({"maxReplicas": 3},
         ("spec.maxReplicas: found 'maxReplicas', want a field of this object; "
         "did you mean 'maxReplicaCount'?")),
        ({"triggers": []}, "spec.triggers: found nothing, want at least one trigger"),
        ({"triggers": {}}, "spec.triggers: found {}, want a list"),
        ({"triggers": [{"type": "cron"}]},
         "spec.triggers[0].metadata: found nothing, want an object of texts"),
        ({"triggers": [{"type": "cron", "metadata": []}]},
         "spec.triggers[0].metadata: found [], want an object of texts"),
        ({"triggers": [{"type": "cron", "metadata": {"desiredReplicas": 3}}]},
         'spec.triggers[0].metadata.desiredReplicas: found 3, want a text: "3" in quotes'),
        ({"triggers": [manifests.pods_trigger(useCachedMetrics="yes")]},
         "spec.triggers[0].useCachedMetrics: found 'yes', want true or false"),
        ({"triggers": [{"type": "cron", "metadata": {}, "useCachedMetrics": True}]},
         ("spec.triggers[0].useCachedMetrics: found true, want false: "
         "a cron trigger cannot be cached")),
        ({"triggers": [manifests.pods_trigger(metricType="Utilization")]},
         ("spec.triggers[0].metricType: found 'Utilization', want AverageValue or Value: "
         "only cpu and memory have Utilization")),
        ({"triggers": [manifests.pods_trigger(metricType="Valu")]},
         ("spec.triggers[0].metricType: found 'Valu', want one of AverageValue, Value, "
         "Utilization; did you mean 'Value'?")),
        ({"triggers": [{"type": "cpu", "metadata": {"value": "50"}}]},
         ("spec.triggers[0].metricType: found nothing, want Utilization "
         "(value is a percentage) or AverageValue")),
        ({"triggers": [manifests.pods_trigger(name="a"), manifests.pods_trigger(name="a")]},
         "spec.triggers[1].name: found 'a', want a name that no other trigger has"),
        ({"triggers": [manifests.pods_trigger(authenticationRef={"kind": "Secret"})]},
         "spec.triggers[0].authenticationRef.name: found nothing, want a text"),
        ({"fallback": {"failureThreshold": 3, "replicas": -1}},
         "spec.fallback.replicas: found -1, want at least 0"),
        ({"fallback": {"failureThreshold": 3}},
         "spec.fallback.replicas: found nothing, want a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_fault_says_where_what_and_what_would_do(change: Json, message: str) -> None:
    order, faults = scaled_object(manifests.scaled_object(**change))

    assert order is None
    assert message in [str(fault) for fault in faults]


def test_all_faults_come_at_once() -> None:
    body = manifests.scaled_object(pollingInterval=0, maxReplicaCount=0, triggers=[])
    body["metadata"]["name"] = "x" * 64

    assert faults_of(body) == [
        "metadata.name: found '64 characters', want at most 63",
        "spec.maxReplicaCount: found 0, want at least 1",
        "spec.pollingInterval: found 0, want at least 1",
        "spec.triggers: found nothing, want at least one trigger",
    ]


def test_equal_bodies_decode_to_equal_values() -> None:
    body = manifests.scaled_object()
    other = copy.deepcopy(body) | {"status": {"lastActiveTime": "2026-05-01T12:00:00Z"}}

    assert scaled_object(body)[0] == scaled_object(other)[0]


KEYS = st.sampled_from(
    ["metadata", "spec", "triggers", "scaleTargetRef", "name", "type", "advanced", "fallback"]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_no_body_makes_it_raise(body: Json) -> None:
    order, faults = scaled_object(body)

    assert order is not None or faults


@pytest.mark.parametrize(
    "written", ["'2026-05-01T12:00:00Z'", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00"]
)
def test_a_creation_time_may_be_a_text_or_what_yaml_made_of_it(written: str) -> None:
    body = manifests.scaled_object()
    body["metadata"]["creationTimestamp"] = yaml.safe_load(written)
    order, _ = scaled_object(body)

    assert order is not None
    assert order.created == datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_creation_time_that_is_none_is_a_fault() -> None:
    body = manifests.scaled_object()
    body["metadata"]["creationTimestamp"] = "yesterday"

    assert faults_of(body) == [
        "metadata.creationTimestamp: found 'yesterday', want a time such as 2026-05-01T10:00:00Z"
    ]
