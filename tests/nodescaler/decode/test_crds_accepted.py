"""The CRDs on running API servers: accepted, filling in defaults, refusing nonsense."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from kube.client import Client, Json
from kube.errors import AlreadyExists, Invalid, NotFound, Throttled
from kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    KWOK_NODE_CLASSES,
    NODE_CLAIMS,
    NODE_POOLS,
    PROVISIONERS,
    Resource,
)
from tests.clusters import Cluster

ROOT = Path(__file__).parents[3]
REF = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
SERVED_S = 30.0


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    client = cluster.client()
    try:
        for path in sorted((ROOT / "crds").glob("karpenter*.yaml")):
            await _create_once(client, yaml.safe_load(path.read_text()))
        async with asyncio.timeout(SERVED_S):
            for resource in (NODE_POOLS, NODE_CLAIMS, PROVISIONERS, KWOK_NODE_CLASSES):
                await _served(client, resource)
        yield client
    finally:
        await client.close()


async def _create_once(client: Client, crd: Json) -> None:
    try:
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, crd)
    except AlreadyExists:
        return


async def _served(client: Client, resource: Resource) -> None:
    """Until the API answers for the new kind."""
    while True:
        try:
            await client.list(resource)
        except (NotFound, Throttled):
            await asyncio.sleep(0.05)
        else:
            return


def named(kind: str, version: str, spec: Json) -> Json:
    name = f"t-{uuid.uuid4().hex[:10]}"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def pool(template: Json | None = None, **spec: object) -> Json:
    body = {"requirements": [], "nodeClassRef": REF} | (template or {})
    return named("NodePool", "karpenter.sh/v1", {"template": {"spec": body}, **spec})


async def test_defaults_are_filled_in(client: Client) -> None:
    made = await client.create(NODE_POOLS, pool())

    assert made["spec"]["disruption"]["consolidateAfter"] == "0s"
    assert made["spec"]["disruption"]["consolidationPolicy"] == "WhenEmptyOrUnderutilized"
    assert made["spec"]["disruption"]["budgets"] == [{"nodes": "10%"}]
    assert made["spec"]["template"]["spec"]["expireAfter"] == "720h"


async def test_the_provisioner_of_the_examples_is_accepted(client: Client) -> None:
    example = yaml.safe_load((ROOT / "examples" / "provisioner.yaml").read_text())
    made = await client.create(
        PROVISIONERS, named("Provisioner", example["apiVersion"], example["spec"])
    )

    assert made["spec"] == example["spec"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (pool({"requirements": [{"key": "a", "operator": "Within"}]}), "operator"),
        (
            pool({"requirements": [{"key": "a", "operator": "In", "values": []}]}),
            "In needs at least",
        ),
        (pool(weight=1, replicas=1), "weight must not be set with replicas"),
        (pool(weight=101), "weight"),
        (pool(disruption={"budgets": [{"nodes": "1", "schedule": "@daily"}]}), "schedule and"),
    ],
)
async def test_nonsense_is_refused(client: Client, body: Json, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        await client.create(NODE_POOLS, body)


async def test_the_spec_of_a_claim_and_the_kind_of_a_class_do_not_change(client: Client) -> None:
    spec: Json = {"requirements": [], "nodeClassRef": REF}
    claim = await client.create(NODE_CLAIMS, named("NodeClaim", "karpenter.sh/v1", spec))
    made = await client.create(NODE_POOLS, pool())
    other = {"spec": {"template": {"spec": {"nodeClassRef": {"kind": "Other"}}}}}

    with pytest.raises(Invalid, match="spec is immutable"):
        await client.patch(NODE_CLAIMS, claim["metadata"]["name"], {"spec": {"expireAfter": "1h"}})
    with pytest.raises(Invalid, match="kind is immutable"):
        await client.patch(NODE_POOLS, made["metadata"]["name"], other)
