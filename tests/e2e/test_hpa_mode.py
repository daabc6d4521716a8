"""HPA mode on a real control plane: Tandem wakes and rests, the real HPA counts by our metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from kube.client import Client, Json
from kube.errors import AlreadyExists
from kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    NAMESPACES,
    SCALED_OBJECTS,
    Resource,
)
from tests import control_plane
from tests.aggregation import aggregate
from tests.certificates import AGGREGATED
from tests.charts.helm import Refused, Tool, environ_of
from tests.clusters import Cluster
from tests.contract.http import Api
from tests.control_plane import ControlPlane, kubeconfig
from tests.e2e.kit import until
from tests.e2e.operator import operator_of
from tests.eventscaler.clusters import established
from tests.eventscaler.manifests import deployment, http_trigger, scaled_object
from tests.eventscaler.metrics_api.served import SERVICE, token_of
from tests.eventscaler.world import crds
from tests.processes import free_ports

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

METRIC = (
    "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/s0-metric-api-n"
    "?labelSelector=scaledobject.keda.sh%2Fname%3Dorders"
)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
SOON_S = 60.0
OUT_OF_ORDER = -1


class QuickHpas(ControlPlane):
    """Its HPAs are looked at each second and not each fifteen."""

    def _manager_flags(self, config: Path) -> list[str]:
        return [*super()._manager_flags(config), "--horizontal-pod-autoscaler-sync-period=1s"]


@dataclass
class Stage:
    cluster: Cluster
    client: Client
    ctl: Tool
    queue: list[int]

    async def replicas(self) -> int:
        found = await self.client.get(DEPLOYMENTS, "orders", namespace="default")
        return int(found["spec"]["replicas"])

    async def becomes(self, replicas: int) -> None:
        async def so() -> bool:
            return await self.replicas() == replicas

        await until(so, f"{replicas} replicas with {self.queue[0]} messages", SOON_S)

    async def condition(self, kind: str) -> tuple[str, str]:
        found = await self.client.get(SCALED_OBJECTS, "orders", namespace="default")
        for each in (found.get("status") or {}).get("conditions", ()):
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    programs = control_plane.assets()
    if programs is None:
        pytest.skip(control_plane.missing())
    found = QuickHpas(programs, tmp_path_factory.mktemp("hpas"), with_controllers=True)
    yield found
    found.stop()


@asynccontextmanager
async def queue_server(held: list[int]) -> AsyncIterator[str]:
    """A queue that says how much it holds, or nothing when that is below 0."""

    async def answer(_: web.Request) -> web.Response:
        if held[0] < 0:
            return web.Response(status=500)
        return web.json_response({"n": held[0]})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def prepared(client: Client) -> None:
    for crd in crds():
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, crd)
    for crd in crds():
        name = crd["metadata"]["name"]
        await until(partial(established, client, name), f"{name} is established", SOON_S)
    try:
        await client.create(
            NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": AGGREGATED}}
        )
    except AlreadyExists:
        return


def order(url: str) -> Json:
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return scaled_object(
        "orders",
        http_trigger(url=url),
        pollingInterval=1,
        cooldownPeriod=3,
        minReplicaCount=0,
        maxReplicaCount=10,
        advanced={"horizontalPodAutoscalerConfig": {"behavior": at_once}},
    )


async def test_the_real_hpa_scales_by_our_metrics(
    plane: ControlPlane, kubectl: Path, tmp_path: Path
) -> None:
    """Also by those of a second operator, with a certificate of its own, when the first is gone."""
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(plane.url, token=plane.token, authority=plane.authority))
    cluster = Cluster("real", plane.url, config, plane.token, plane.authority)
    client = cluster.client()
    stage = Stage(cluster, client, Tool(kubectl, environ_of(tmp_path, config)), [0])
    await prepared(client)
    (port,) = free_ports(1)
    flags = (
        "--only=events",
        "--scale-with=hpa",
        f"--metrics-api=127.0.0.1:{port}",
        f"--metrics-api-service={SERVICE.name}",
        f"--namespace={AGGREGATED}",
        "--lease-duration=3s",
    )
    (tmp_path / "second").mkdir()
    async with (
        queue_server(stage.queue) as url,
        cluster.http() as session,
        asyncio.TaskGroup() as group,
    ):
        wrong = plane.authority.read_bytes()  # our own takes its place
        group.create_task(
            aggregate(Api(session), "external.metrics.k8s.io", "v1beta1", port, wrong)
        )
        await client.create(DEPLOYMENTS, deployment())
        await client.create(SCALED_OBJECTS, order(url))
        async with operator_of(cluster, tmp_path, *flags) as first:
            await play(stage)
            await asyncio.to_thread(first.kill)
            stage.queue[0] = 18
            async with operator_of(cluster, tmp_path / "second", *flags):
                await stage.becomes(4)
    await client.close()


async def play(stage: Stage) -> None:
    stage.queue[0] = 23
    await stage.becomes(5)
    raw = json.loads(await asyncio.to_thread(stage.ctl, "get", "--raw", METRIC))
    assert raw["items"][0]["value"] == "23"
    await until(partial(says, stage, ("True", "HPAActive")), "HPAActive", SOON_S)

    stage.queue[0] = 12
    await stage.becomes(3)
    stage.queue[0] = 1
    await stage.becomes(1)
    stage.queue[0] = 0
    await stage.becomes(0)
    await until(partial(says, stage, ("True", "ScalingDisabled")), "the HPA rests", SOON_S)

    stage.queue[0] = 48
    await stage.becomes(10)
    found = await stage.client.get(
        HORIZONTAL_POD_AUTOSCALERS, "keda-hpa-orders", namespace="default"
    )
    assert found["status"]["currentMetrics"][0]["external"]["current"]["averageValue"]
    await who_may_not_is_refused(stage)

    stage.queue[0] = OUT_OF_ORDER
    blind = ("False", "FailedGetExternalMetric")
    await until(partial(says, stage, blind), "the HPA is told of the failure", SOON_S)
    assert await stage.replicas() == 10, "an HPA that is blind holds"


async def says(stage: Stage, wanted: tuple[str, str]) -> bool:
    return await stage.condition("HPAActive") == wanted


async def who_may_not_is_refused(stage: Stage) -> None:
    """The HPA controller's own account may read metrics, as Kubernetes sets it up; others not."""
    token = await token_of(stage.client, "stranger")
    with pytest.raises(Refused, match="Forbidden"):
        await asyncio.to_thread(stage.ctl, "get", f"--token={token}", "--raw", METRIC)

    role = await stage.client.get(ROLES, "system:controller:horizontal-pod-autoscaler")
    assert any("external.metrics.k8s.io" in rule.get("apiGroups", ()) for rule in role["rules"])
