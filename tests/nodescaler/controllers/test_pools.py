"""Pools: what is wrong with one is said in its conditions and in one Event; the others go on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from kube.client import Json
from kube.errors import Unavailable
from kube.resources import NODE_CLAIMS, NODE_POOLS, NODES, PROVISIONERS, Resource
from kube.transport import Request, Response, Transport
from nodescaler.clouds.catalogue import builtin
from nodescaler.core.model import Offering
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.world import kwok_class, node_pool, provisioner, world

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(
    ("body", "resource", "condition", "reason", "message"),
    [
        pytest.param(
            provisioner("bad", "m5.lrge"), PROVISIONERS, "ValidationSucceeded",
            "NoCompatibleInstanceTypes",
            "allows none of the 264 instance types on offer: .*m5.lrge.*did you mean 'm5.large'",
            id="a type that does not exist",
        ),
        pytest.param(
            node_pool("bad", node_class="gone"), NODE_POOLS, "NodeClassReady",
            "NodeClassNotFound", "KWOKNodeClass 'gone' does not exist", id="no such node class",
        ),
    ],
)  # fmt: skip
async def test_bad_input_is_told_once_and_spares_the_others(
    body: Json, resource: Resource, condition: str, reason: str, message: str
) -> None:
    async with world() as it:
        it.start_actors()
        process = await it.start()
        await it.pool(body, process)
        await it.pool(provisioner("good"), process)
        await it.deployment("web", 2)
        await it.until(lambda: it.all_running(2), within_s=10)
        found = await it.conditions(resource, "bad")
        told = await it.events(reason)
        good = await it.conditions(PROVISIONERS, "good")

    assert found[condition][:2] == ("False", reason)
    assert found["Ready"][:2] == ("False", reason)
    assert re.search(message, found[condition][2])
    assert told == [found[condition][2]]
    assert good["Ready"][0] == "True"


async def test_what_an_older_schema_let_in_is_told_too() -> None:
    """The CRD refuses a malformed quantity; an object may be older than the CRD."""
    body = provisioner("bad")
    body["spec"]["limits"] = {"resources": {"cpu": "many"}}
    body["metadata"]["uid"] = "u"
    async with world() as it:
        process = await it.start()
        await asyncio.sleep(1)
        process.engine.changed(body)
        await asyncio.sleep(2)
        (told,) = await it.events("Invalid")

    assert told.startswith("spec.limits.resources.cpu: found 'many'; would do: ")


async def test_a_pool_gets_ready_when_its_class_appears() -> None:
    async with world() as it:
        process = await it.start()
        await it.pool(node_pool(), process)
        await asyncio.sleep(1)
        before = await it.conditions(NODE_POOLS, "default")
        await it.pool(kwok_class(), process)
        await asyncio.sleep(1)
        after = await it.conditions(NODE_POOLS, "default")

    assert before["Ready"][0] == "False"
    assert after["Ready"][0] == after["NodeClassReady"][0] == "True"


def later(body: Json, **spec: str) -> Json:
    """The object after somebody's edit."""
    version = str(int(body["metadata"]["resourceVersion"]) + 1000)
    return body | {"metadata": body["metadata"] | {"resourceVersion": version}, "spec": spec}


async def test_a_bad_class_is_the_pools_trouble() -> None:
    async with world() as it:
        process = await it.start()
        good = await it.pool(kwok_class(delay="0s"), process)
        await it.pool(node_pool(), process)
        process.engine.changed(later(good, nodeRegistrationDelay="soon"))
        await asyncio.sleep(1)
        found = await it.conditions(NODE_POOLS, "default")

    assert found["NodeClassReady"][:2] == ("False", "NodeClassInvalid")
    assert "spec.nodeRegistrationDelay" in found["NodeClassReady"][2]


async def test_a_provisioner_yields_to_a_nodepool_of_its_name() -> None:
    async with world() as it:
        process = await it.start()
        await it.pool(provisioner(), process)
        await it.pool(kwok_class(), process)
        await it.pool(node_pool(), process)
        await asyncio.sleep(2)
        process.engine.changed(await it.client.get(PROVISIONERS, "default"))
        await asyncio.sleep(1)
        old = await it.conditions(PROVISIONERS, "default")
        new = await it.conditions(NODE_POOLS, "default")

    assert old["Ready"][:2] == ("False", "NameTaken")
    assert new["Ready"][0] == "True"


async def test_the_status_counts_what_the_pool_has() -> None:
    async with world() as it:
        it.start_actors()
        process = await it.start()
        await it.pool(provisioner("default", "m5.large"), process)
        await it.deployment("web", 2, cpu="1500m")
        await it.until(lambda: it.all_running(2), within_s=10)
        await asyncio.sleep(2)
        status = (await it.client.get(PROVISIONERS, "default"))["status"]

        assert status["nodes"] == 2
        assert status["resources"]["nodes"] == "2"
        assert status["resources"]["cpu"] == "4000m"
        assert (
            process.value("karpenter_nodepools_usage", nodepool="default", resource_type="cpu") == 4
        )
        assert process.value("karpenter_nodes_created_total", nodepool="default") == 2


async def test_telling_the_same_again_writes_nothing() -> None:
    async with world() as it:
        process = await it.start()
        await it.pool(provisioner(), process)
        await asyncio.sleep(2)
        before = len(process.transport.writes)
        process.engine.changed(await it.client.get(PROVISIONERS, "default"))
        await process.engine.resync()
        await asyncio.sleep(60)

        assert len(process.transport.writes) == before


async def test_a_pool_that_vanished_unseen_buys_nothing_any_more() -> None:
    async with world() as it:
        it.start_actors()
        process = await it.start()
        await it.pool(provisioner(), process)
        await asyncio.sleep(1)
        await it.client.delete(PROVISIONERS, "default")
        await process.engine.resync()
        await it.deployment("web", 1)
        await asyncio.sleep(10)

        assert await it.no_nodes()
        assert await it.events("FailedScheduling")


class Mute:
    """A transport whose first list of Provisioners fails."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.failed = 0
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        if request.method == "GET" and request.path.endswith("/provisioners") and not self.failed:
            self.failed += 1
            raise Unavailable("the connection was lost")
        return await self._inner.send(request, timeout_s=timeout_s)


async def test_a_deletion_that_nobody_told_of_is_noticed_by_listing_again() -> None:
    """The first listing fails, which is asked again soon; nothing is written by any."""
    async with world() as it:
        it.start_actors()
        process = await it.start(NodeSettings(resync_s=600))
        await it.pool(provisioner("old"), process)
        await it.pool(provisioner("new"), process)
        await asyncio.sleep(5)
        process.transport.replace(mute := Mute(process.transport.inner))
        before = len(process.transport.writes)
        await it.client.delete(PROVISIONERS, "old")
        await asyncio.sleep(590)
        unseen = process.engine.statistics().pools
        await asyncio.sleep(20)
        seen = process.engine.statistics().pools
        await asyncio.sleep(1800)

        assert (unseen, seen, mute.failed) == (2, 1, 1)
        assert len(process.transport.writes) == before


async def test_a_list_that_is_older_than_what_was_told_brings_nothing_back() -> None:
    """A pool and a class are deleted, and a class changed, while they are being listed."""

    class Late:
        def __init__(self, inner: Transport) -> None:
            self._inner = inner
            self.stream = inner.stream
            self.close = inner.close

        async def send(self, request: Request, *, timeout_s: float) -> Response:
            answer = await self._inner.send(request, timeout_s=timeout_s)
            if request.path.endswith("/provisioners"):
                process.engine.gone(pool)
            if request.path.endswith("/kwoknodeclasses"):
                process.engine.changed(changed)
            return answer

    async with world() as it:
        process = await it.start()
        pool = await it.pool(provisioner(), process)
        class_ = await it.pool(kwok_class(), process)
        await it.pool(node_pool(), process)
        changed = later(class_, nodeRegistrationDelay="soon")
        await asyncio.sleep(1)
        process.transport.replace(Late(process.transport.inner))
        await process.engine.resync()
        await asyncio.sleep(1)

        assert process.engine.statistics().pools == 1
        assert (await it.conditions(NODE_POOLS, "default"))["Ready"][0] == "False"


async def test_reserved_capacity_is_used_first_and_only_as_far_as_it_goes() -> None:
    """Two machines are left of the reservation; the third pod, a minute later, pays."""
    reserved = Offering("us-east-1a", "reserved", 0.0, reservation="cr-1", count=2)
    paid = Offering("us-east-1a", "on-demand", 0.1)
    large = next(each for each in builtin() if each.name == "m5.large")
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class())
        await it.pool(node_pool())
        await it.start(types=[replace(large, offerings=(reserved, paid))])
        await it.deployment("web", 2, cpu="1500m")
        await it.until(lambda: it.all_running(2), within_s=20)
        await asyncio.sleep(60)
        await it.deployment("more", 1, cpu="1500m")
        await it.until(lambda: it.all_running(3), within_s=20)
        nodes = await it.all(NODES)

        assert sorted(n["metadata"]["labels"]["karpenter.sh/capacity-type"] for n in nodes) == [
            "on-demand", "reserved", "reserved",
        ]  # fmt: skip
        assert len(await it.all(NODE_CLAIMS)) == 3, "none was asked for in vain"
