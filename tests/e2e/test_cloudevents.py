"""CloudEvents from a running operator: what kopf hears of sources, what a sink hears of objects."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kube.client import Client, Json
from kube.errors import Invalid, NotFound
from kube.resources import (
    CLOUD_EVENT_SOURCES,
    CLUSTER_CLOUD_EVENT_SOURCES,
    DEPLOYMENTS,
    NAMESPACES,
    SCALED_OBJECTS,
)
from tests.clusters import Cluster
from tests.e2e.operator import operator_of
from tests.e2e.scene import install_crds
from tests.e2e.test_bad_input import CRON, order
from tests.e2e.test_bad_input import web as workload
from tests.scalers.servers import served

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]
DEADLINE_S = 40.0
LOOK_S = 0.05
READY, REMOVED = "keda.scaledobject.ready.v1", "keda.scaledobject.removed.v1"


def source(name: str, url: str, *, cluster: bool = True, **spec: Any) -> Json:
    resource = CLUSTER_CLOUD_EVENT_SOURCES if cluster else CLOUD_EVENT_SOURCES
    return {
        "kind": resource.kind,
        "apiVersion": "eventing.keda.sh/v1alpha1",
        "metadata": {"name": name},
        "spec": {"destination": {"http": {"uri": url}}, **spec},
    }


async def is_active(client: Client, name: str, namespace: str | None) -> bool:
    resource = CLOUD_EVENT_SOURCES if namespace else CLUSTER_CLOUD_EVENT_SOURCES
    found = await client.get(resource, name, namespace=namespace)
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Active" and each["status"] == "True" for each in conditions)


async def test_a_sink_hears_of_an_object_from_its_first_day_to_its_last(
    operated_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    heard: list[tuple[str, str, str]] = []

    async def take(request: web.Request) -> web.Response:
        headers = request.headers
        heard.append((request.path, headers["ce-type"], headers["ce-subject"]))
        return web.Response(status=202)

    async def until_heard(*events: tuple[str, str]) -> None:
        wanted = {(path, type_, f"/east/{unique}/scaledobject/orders") for path, type_ in events}
        async with asyncio.timeout(DEADLINE_S):
            while not wanted <= set(heard):
                await asyncio.sleep(LOOK_S)

    client = operated_cluster.client()
    try:
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": unique}})
        await client.create(DEPLOYMENTS, workload("orders"), namespace=unique)
        async with (
            served({"/own": take, "/all": take}) as url,
            operator_of(operated_cluster, tmp_path, "--only=events", "--no-elect"),
        ):
            own = source("sink", f"{url}/own", cluster=False, clusterName="east")
            every = source(unique, f"{url}/all", clusterName="east")
            await client.create(CLOUD_EVENT_SOURCES, own, namespace=unique)
            await client.create(CLUSTER_CLOUD_EVENT_SOURCES, every)
            async with asyncio.timeout(DEADLINE_S):
                while not (
                    await is_active(client, "sink", unique)
                    and await is_active(client, unique, None)
                ):
                    await asyncio.sleep(LOOK_S)
            await client.create(SCALED_OBJECTS, order("orders", CRON), namespace=unique)
            await until_heard(("/own", READY), ("/all", READY))
            await client.delete(CLOUD_EVENT_SOURCES, "sink", namespace=unique)
            await client.delete(SCALED_OBJECTS, "orders", namespace=unique)
            await until_heard(("/all", REMOVED))
    finally:
        with suppress(NotFound):
            await client.delete(CLUSTER_CLOUD_EVENT_SOURCES, unique)
        await client.delete(NAMESPACES, unique)
        await client.close()

    assert len(heard) == len(set(heard)), "nothing is told twice"


@pytest.mark.parametrize(
    ("subscription", "part"),
    [
        (
            {"includedEventTypes": [READY], "excludedEventTypes": [REMOVED]},
            "give either includedEventTypes or excludedEventTypes",
        ),
        ({"includedEventTypes": ["keda.scaledobject.redy.v1"]}, "Unsupported value"),
    ],
)
async def test_what_the_schema_knows_is_refused_at_the_door(
    cluster: Cluster, unique: str, subscription: Json, part: str
) -> None:
    client = cluster.client()
    body = source(unique, "http://sink/", eventSubscription=subscription)
    try:
        await install_crds(client)
        with pytest.raises(Invalid, match=part):
            await client.create(CLUSTER_CLOUD_EVENT_SOURCES, body)
    finally:
        await client.close()
