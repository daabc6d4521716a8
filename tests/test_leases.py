"""A leader that has all objects waits for those who still have a part of them."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Gauge

from kube.client import Client, Json
from kube.lease import Candidacy
from kube.resources import LEASES
from kube.roll import labels_of
from tandem.leases import Counted, Leases
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler.world import now

pytestmark = pytest.mark.looptime


def lease(name: str, holder: str, shards: int) -> Json:
    metadata = {"name": name, "namespace": "default", "labels": labels_of("tandem", shards)}
    return {"metadata": metadata, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 600}}


async def test_a_leader_of_all_waits_for_the_last_shard() -> None:
    client = Client(Sandbox(SandboxSettings(), now).transport())
    candidacy = Candidacy(client=client, namespace="default", identity="new", now=now)
    leases = Leases(candidacy, lease="tandem", shards=1)
    await client.create(LEASES, lease("tandem", "new", 1))
    await client.create(LEASES, lease("tandem-shard-1", "old", 2))
    waiting = asyncio.create_task(leases.until_nobody_divides_otherwise())
    await asyncio.sleep(60)
    assert not waiting.done()

    free = {"spec": {"holderIdentity": ""}}
    await client.patch(LEASES, "tandem-shard-1", free, namespace="default")
    await asyncio.sleep(2)
    assert waiting.done()


async def test_shards_are_shown_while_they_are_held() -> None:
    class Keeper:
        def take_up(self, shard: int) -> None: ...

        async def lay_down(self, shard: int) -> None: ...

    registry = CollectorRegistry()
    counted = Counted(Keeper(), Gauge("held", "", ("shard",), registry=registry), 2)
    shown = [registry.get_sample_value("held", {"shard": str(n)}) for n in range(2)]
    counted.take_up(1)
    then = registry.get_sample_value("held", {"shard": "1"})
    await counted.lay_down(1)

    assert shown == [0, 0]
    assert then == 1
    assert registry.get_sample_value("held", {"shard": "1"}) == 0
