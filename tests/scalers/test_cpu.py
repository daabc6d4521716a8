"""cpu: parameters, what is read of pods and metrics, and when it is blind.

The same reads through the real aggregator are in tests/eventscaler/test_real_hpa.py.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from kube.client import Client
from kube.scale import Target
from kube.values.usage import PodUsage
from scalers.base import Sample, ScalerError, Trigger, read
from scalers.io import IO
from tests.clusters import Cluster
from tests.scalers import tools
from tests.scalers.tools import Texts, faults
from tests.scalers.workload import Json, Paths, Workload, workload

WEB = Target("shop", "apps/v1", "Deployment", "web")
GOOD = {"value": "50"}
in_sandbox = pytest.mark.parametrize("cluster", ["sandbox"], indirect=True)


def io(client: Client) -> IO:
    return IO(lambda: datetime.now(UTC), client)


def trigger(
    kind: str = "cpu", target: Target = WEB, metric_type: str = "Utilization", **metadata: str
) -> Trigger:
    return tools.trigger(kind, GOOD | metadata, target=target, metric_type=metric_type)


@pytest.mark.parametrize(
    ("metadata", "metric_type", "problem"),
    [
        pytest.param(GOOD, "Utilization", "", id="faultless"),
        pytest.param({"value": "500m"}, "AverageValue", "", id="a quantity"),
        pytest.param({}, "Utilization", "'value' is missing", id="no value"),
        pytest.param(
            {"value": "500m"},
            "Utilization",
            "'value' must be a whole percentage above 0, got 500m",
            id="a quantity as a percentage",
        ),
        pytest.param(
            {"value": "0"},
            "Utilization",
            "'value' must be a whole percentage above 0, got 0",
            id="no per cent",
        ),
        pytest.param(
            {"value": "0m"}, "AverageValue", "'value' must be above 0, got 0m", id="nothing"
        ),
        pytest.param(
            {"value": "half"},
            "AverageValue",
            "'value' must be a quantity such as 500m or 256Mi, got half",
            id="no quantity",
        ),
        pytest.param(
            GOOD | {"type": "Utilization"},
            "Utilization",
            "'type' is gone; say metricType: Utilization or AverageValue beside 'metadata'",
            id="the type of old",
        ),
        pytest.param(
            GOOD,
            "Value",
            "'metricType' must be one of 'Utilization', 'AverageValue', got Value",
            id="not for the whole workload",
        ),
        pytest.param(
            GOOD | {"containername": "app"},
            "Utilization",
            "'containername' is not a key of this trigger; did you mean 'containerName'?",
            id="typo",
        ),
    ],
)
def test_faults(metadata: Texts, metric_type: str, problem: str) -> None:
    assert faults("cpu", metadata, metric_type=metric_type, target=WEB) == problem


def test_it_needs_a_workload() -> None:
    assert faults("cpu", GOOD, metric_type="Utilization").startswith("there is no workload here")


@pytest.mark.parametrize(
    ("value", "metric_type", "expected"),
    [("50", "Utilization", 50), ("250m", "AverageValue", 0.25), ("1k", "AverageValue", 1000)],
)
def test_the_target_is_percent_or_cores(value: str, metric_type: str, expected: float) -> None:
    assert trigger(value=value, metric_type=metric_type).target == expected


@in_sandbox
async def test_percent_of_the_requests(cluster: Cluster) -> None:
    """All containers of all pods together; or one container only; or cores per pod."""
    async with workload(cluster) as web:
        await web.pod(usage="cpu=100m", requests="cpu=200m")
        await web.pod(usage="cpu=201m", requests="cpu=200m")
        shared = io(web.client)
        whole = await read(trigger(target=web.target), shared)
        one = await read(trigger(target=web.target, containerName="side"), shared)
        plain = await read(
            trigger(target=web.target, value="1", metric_type="AverageValue"), shared
        )

    assert whole.value == 75  # 602 of 800, the fraction dropped
    assert whole.usage is not None
    assert sorted(whole.usage.ready) == [(200, 400), (402, 400)]
    assert one.usage is not None
    assert (one.value, sorted(one.usage.ready)) == (75, [(100, 200), (201, 200)])
    assert plain.value == 0.301


@in_sandbox
async def test_pods_are_grouped(cluster: Cluster) -> None:
    async with workload(cluster) as web:
        kinds: list[Json] = [{}, {"phase": "Pending"}, {"phase": "Failed"}, {"conditions": []}]
        for status in kinds:
            await web.pod(usage="cpu=1", requests="cpu=200m", **status)
        await web.pod(usage="cpu=1", requests="cpu=200m", age_s=1)  # sampled for 15 s before
        await web.pod(usage="cpu=1", requests="cpu=200m", phase="Succeeded")
        found = await read(trigger(target=web.target), io(web.client))

    assert found.usage == PodUsage(ready=((2000, 400),), unready=(400, 400, 400), missing=(400,))


@in_sandbox
async def test_no_pods_is_no_trouble(cluster: Cluster) -> None:
    async with workload(cluster) as web:
        assert await read(trigger(target=web.target), io(web.client)) == Sample(
            0.0, usage=PodUsage()
        )


@in_sandbox
@pytest.mark.parametrize(
    ("pod", "problem"),
    [
        pytest.param(
            {"requests": "cpu=1", "phase": "Pending"},
            "cpu: no cpu is known of any of 1 pods: 1 not ready, 0 not measured",
            id="none ready",
        ),
        pytest.param(
            {"requests": "cpu=0"},
            "cpu: the pods request no cpu at all; a Utilization has no meaning",
            id="requests of nothing",
        ),
    ],
)
async def test_blind(cluster: Cluster, pod: Json, problem: str) -> None:
    async with workload(cluster) as web:
        await web.pod(usage="cpu=1", **pod)
        with pytest.raises(ScalerError) as told:
            await read(trigger(target=web.target), io(web.client))

    assert str(told.value) == problem


async def refused(web: Workload, **metadata: Any) -> str:
    with pytest.raises(ScalerError) as told:
        await read(trigger(target=web.target, **metadata), io(web.client))
    return str(told.value)


@in_sandbox
async def test_a_missing_request_names_its_container(cluster: Cluster) -> None:
    async with workload(cluster) as web:
        await web.pod(usage="cpu=1", requests="memory=1Gi")
        text = await refused(web)
        stranger = await refused(web, containerName="ghost")
        free = await read(trigger(target=web.target, metric_type="AverageValue"), io(web.client))

    assert "container app of pod web-" in text
    assert "requests no cpu, so there is no Utilization: set the request, or use" in text
    assert stranger.endswith("has no container ghost")
    assert free.value == 2


@in_sandbox
async def test_a_missing_workload_is_named(cluster: Cluster) -> None:
    async with workload(cluster) as web:
        gone = Target(web.target.namespace, "apps/v1", "Deployment", "gone")
        with pytest.raises(ScalerError, match=r"target .*/Deployment/gone does not exist"):
            await read(trigger(target=gone), io(web.client))


APIS: dict[str, Json] = {
    "/apis/apps/v1": {
        "resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]
    },
    "/apis/apps/v1/namespaces/shop/deployments/web/scale": {
        "metadata": {}, "spec": {"replicas": 1}, "status": {"selector": "app=web"},
    },
    "/api/v1/namespaces/shop/pods": {
        "metadata": {},
        "items": [{"metadata": {"name": "a"}, "spec": {"containers": []}, "status": {}}],
    },
}  # fmt: skip
METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"


async def test_without_metrics_server_it_says_so() -> None:
    with pytest.raises(ScalerError) as told:
        await read(trigger(metric_type="AverageValue"), io(Client(Paths(APIS))))

    assert str(told.value) == (
        "cpu: the cluster serves no metrics.k8s.io/v1beta1: is metrics-server installed?"
    )


async def test_triggers_that_ask_at_once_share_a_read() -> None:
    """The pods of the selector, and their metrics, once for cpu and memory."""
    sample = {
        "metadata": {"name": "a"}, "timestamp": "2026-01-01T00:00:00Z", "window": "15.039s",
        "containers": [{"name": "app", "usage": {"cpu": "156340n", "memory": "3Mi"}}],
    }  # fmt: skip
    pods: Json = {
        "metadata": {"name": "a"},
        "spec": {"containers": []},
        "status": {
            "phase": "Running",
            "startTime": "2025-01-01T00:00:00Z",
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:05Z"}
            ],
        },
    }
    answers = Paths(
        APIS
        | {METRICS: {"metadata": {}, "items": [sample]}}
        | {"/api/v1/namespaces/shop/pods": {"metadata": {}, "items": [pods]}}
    )
    shared = io(Client(answers))
    cpu = trigger("cpu", metric_type="AverageValue", value="1")
    memory = trigger("memory", metric_type="AverageValue", value="1Mi")
    first = await asyncio.gather(*(read(each, shared) for each in (cpu, memory, memory)))
    once = [request.path for request in answers.asked]
    await read(cpu, shared)

    assert [each.value for each in first] == [0.001, 3 * 2**20, 3 * 2**20]
    assert sorted(once) == sorted([*APIS, METRICS])
    assert len(answers.asked) == len(once) + 3, "a later read is a read of its own"
    assert {r.query.get("labelSelector") for r in answers.asked if "pods" in r.path} == {"app=web"}
