"""Clients of both clusters, embedded and real, that know the kinds of the event half."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from kube.client import Client, Json
from kube.errors import AlreadyExists
from kube.resources import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, SCALED_OBJECTS
from tests.clusters import Cluster
from tests.eventscaler.world import crds

SOON_S = 20.0


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    """A client of a cluster that knows our kinds."""
    client = cluster.client()
    for crd in crds():
        try:
            await client.create(CUSTOM_RESOURCE_DEFINITIONS, crd)
        except AlreadyExists:
            continue
    for crd in crds():
        await until(partial(established, client, crd["metadata"]["name"]))
    yield client
    await client.close()


@pytest.fixture
async def namespace(client: Client) -> AsyncIterator[str]:
    name = f"events-{uuid.uuid4().hex[:8]}"
    await client.create(
        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    yield name
    for found in await client.items(SCALED_OBJECTS, namespace=name):
        await client.delete(SCALED_OBJECTS, found["metadata"]["name"], namespace=name)


async def established(client: Client, name: str) -> bool:
    found = await client.get(CUSTOM_RESOURCE_DEFINITIONS, name)
    conditions = (found.get("status") or {}).get("conditions", ())
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    """Wait for *asked* to be true; real servers have no other way to tell."""
    async with asyncio.timeout(SOON_S):
        while not await asked():
            await asyncio.sleep(0.05)


def placed(body: Json, namespace: str) -> Json:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}
