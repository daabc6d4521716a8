"""HPA mode with what the chart permits: metrics are served, an HPA is made, nothing is refused."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from kube.client import Client, Json
from kube.errors import NotFound
from kube.resources import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    HORIZONTAL_POD_AUTOSCALERS,
    SCALED_OBJECTS,
    Resource,
)
from tests.charts.helm import Refused, Tool, args_of, environ_of, objects
from tests.charts.release import Installed, as_account, installed
from tests.clusters import Cluster
from tests.e2e.kit import until
from tests.e2e.operator import OperatorProcess, operator_of
from tests.eventscaler.manifests import deployment, pods_trigger, scaled_object
from tests.processes import free_ports

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

SERVICES = Resource("", "v1", "services", "Service")
API_SERVICES = Resource(
    "apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False
)
NAME = "v1beta1.external.metrics.k8s.io"
SOON_S = 60.0
MODE = "--set=eventscaler.mode=hpa,only=events"


async def lead_here(client: Client, release: str, port: int) -> None:
    """Have the APIService lead to this machine: there is no kube-proxy, and no pod."""
    name = f"{release}-metrics"
    await client.delete(SERVICES, name, namespace=release)
    outside = {"type": "ExternalName", "externalName": "localhost"}
    await client.create(
        SERVICES,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": release},
            "spec": outside,
        },
    )
    await client.patch(API_SERVICES, NAME, {"spec": {"service": {"port": port}}})


def placed(body: Json, namespace: str) -> Json:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


async def operator(
    release: Installed, folder: Path, port: int
) -> AbstractAsyncContextManager[OperatorProcess]:
    manifests = await asyncio.to_thread(
        release.helm, "get", "manifest", release.release, f"--namespace={release.release}"
    )
    account = await as_account(release.cluster, folder, release.release, release.release)
    _, *args = args_of(objects(manifests), release.release)
    here = {
        "--metrics-api": f"127.0.0.1:{port}",
        "--metrics-api-address": "10.1.2.3",
        "--webhook": f"127.0.0.1:{release.webhook_port}",
    }
    flags = [
        f"{flag}={here.get(flag, value)}"
        for flag, _, value in (each.partition("=") for each in args)
        if flag not in ("--listen", "--log-level", "--log-format")
    ]
    return operator_of(account, folder, *flags)


async def test_hpa_mode_with_the_charts_account(
    helm_program: Path, kubectl: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    client = real_cluster.client()
    ctl = Tool(kubectl, environ_of(tmp_path, real_cluster.kubeconfig))
    (port,) = free_ports(1)
    async with installed(helm_program, real_cluster, tmp_path, unique, MODE) as release:
        await lead_here(client, unique, port)
        async with await operator(release, tmp_path, port):
            await scaled(client, unique)
            raw = await metric(ctl, unique)
            slice_ = await client.get(ENDPOINT_SLICES, f"{unique}-metrics-leader", namespace=unique)
            await back_to_tandem(client, unique)
    await client.close()

    assert raw["items"][0]["value"] == "0"
    assert slice_["endpoints"][0]["addresses"] == ["10.1.2.3"]
    assert slice_["ports"][0]["port"] == port
    assert [each for each, allowed in release.asked() if not allowed] == []


async def scaled(client: Client, namespace: str) -> None:
    await client.create(DEPLOYMENTS, placed(deployment(), namespace))
    await client.create(SCALED_OBJECTS, placed(scaled_object("orders", pods_trigger()), namespace))

    async def has_hpa() -> bool:
        return await held(client, namespace) is not None

    await until(has_hpa, "an HPA", SOON_S)


async def held(client: Client, namespace: str) -> Json | None:
    try:
        return await client.get(HORIZONTAL_POD_AUTOSCALERS, "keda-hpa-orders", namespace=namespace)
    except NotFound:
        return None


async def metric(ctl: Tool, namespace: str) -> Json:
    """As soon as the APIService is available."""
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/s0-workload-{namespace}"
    query = "labelSelector=scaledobject.keda.sh%2Fname%3Dorders"
    found: list[str] = []

    async def answered() -> bool:
        try:
            found.append(await asyncio.to_thread(ctl, "get", "--raw", f"{path}?{query}"))
        except Refused:
            return False
        return True

    await until(answered, "a metric", SOON_S)
    raw: Json = json.loads(found[0])
    return raw


async def back_to_tandem(client: Client, namespace: str) -> None:
    change = {"metadata": {"annotations": {"tandem.sh/hpa": "false"}}}
    await client.patch(SCALED_OBJECTS, "orders", change, namespace=namespace)

    async def gone() -> bool:
        return await held(client, namespace) is None

    await until(gone, "no HPA", SOON_S)
