"""Static pools in a cluster: as many nodes as asked for, whoever dies and whatever is refused."""

from __future__ import annotations

import asyncio

import pytest

from kube.client import Json
from kube.errors import Unavailable
from kube.resources import DAEMON_SETS, NODE_CLAIMS, NODE_POOLS, NODES, PODS
from kube.transport import Request, Response, Transport
from nodescaler.clouds.base import NoCapacity
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.test_faults import failing
from tests.nodescaler.controllers.test_provisioning import daemon_set
from tests.nodescaler.controllers.world import Process, World, kwok_class, node_pool, pod, world

pytestmark = pytest.mark.looptime


def static_pool(replicas: int, *types: str, node_class: str = "default") -> Json:
    body = node_pool("warm", *types, node_class=node_class)
    body["spec"]["replicas"] = replicas
    return body


async def static(it: World, replicas: int, **spec: Json) -> None:
    """A static pool of this many nodes, in the API only."""
    await it.pool(kwok_class())
    body = static_pool(replicas)
    await it.pool(body | {"spec": body["spec"] | spec})


async def scaled(it: World, process: Process, replicas: int) -> None:
    """As ``kubectl scale nodepool warm`` does it, and kopf tells it."""
    body = {"spec": {"replicas": replicas}}
    await it.client.patch(NODE_POOLS, "warm", body, subresource="scale")
    process.engine.changed(await it.client.get(NODE_POOLS, "warm"))


async def settle(it: World, count: int, *, within_s: float = 120) -> None:
    """Wait until there are so many nodes, all of them initialised."""

    async def holds() -> bool:
        found = await it.all(NODES)
        ready = [n for n in found if n["metadata"]["labels"].get("karpenter.sh/initialized")]
        return len(ready) == len(found) == count

    await it.until(holds, within_s=within_s)


# ---------------------------------------------------------------- as many as asked for


async def test_the_nodes_are_there_without_any_pod_and_stay() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 3, disruption={"consolidateAfter": "5s"})
        process = await it.start()
        await settle(it, 3)
        first = await it.names(NODES)
        await asyncio.sleep(120)
        (shown,) = await it.all(NODE_POOLS)

        assert await it.names(NODES) == await it.names(NODE_CLAIMS) == first
        assert shown["status"]["nodes"] == 3
        assert process.value(
            "karpenter_nodeclaims_created_total", nodepool="warm", reason="static"
        ) == 3  # fmt: skip


async def test_a_claim_says_what_the_template_says() -> None:
    async with world() as it:
        it.start_actors()
        await it.client.create(DAEMON_SETS, daemon_set("agent", cpu="600m"))
        line = {"key": "team", "operator": "In", "values": ["b", "a"]}
        body = static_pool(1, "m5.large", "m5.xlarge")
        body["spec"]["template"]["spec"]["requirements"].append(line)
        body["spec"]["template"]["metadata"] = {"labels": {"tier": "warm"}}
        await it.pool(kwok_class())
        await it.pool(body)
        await it.start()
        await settle(it, 1)
        (claim,), (node,) = await it.all(NODE_CLAIMS), await it.all(NODES)

        assert claim["spec"]["requirements"] == [
            {"key": "node.kubernetes.io/instance-type", "operator": "In",
             "values": ["m5.large", "m5.xlarge"]},
            {"key": "team", "operator": "In", "values": ["a", "b"]},
        ]  # fmt: skip
        assert claim["spec"]["resources"]["requests"] == {"cpu": "600m", "pods": "1"}
        labels = node["metadata"]["labels"]
        assert (labels["tier"], labels["team"]) == ("warm", "a")
        assert labels["node.kubernetes.io/instance-type"] == "m5.large", "the cheapest"


async def test_scaling_the_pool_up_and_down() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 1)
        process = await it.start()
        await settle(it, 1)
        await scaled(it, process, 4)
        await settle(it, 4)
        await scaled(it, process, 0)
        await it.until(it.no_nodes, within_s=60)
        told = await it.events("DisruptionTerminating")

        assert len(told) == 4
        assert "ScaledIn: pool warm wants 0 nodes; it is empty" in told


async def test_a_node_that_is_deleted_is_replaced() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 2)
        await it.start()
        await settle(it, 2)
        gone = min(await it.names(NODES))
        await it.client.delete(NODE_CLAIMS, gone)
        await asyncio.sleep(30)
        await settle(it, 2)

        assert len(await it.all(NODE_CLAIMS)) == 2


async def test_pods_use_the_static_nodes_and_no_other_is_launched() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 2)
        await it.pool(node_pool("other"))
        await it.start(NodeSettings(node_startup_s=20))
        await it.deployment("web", 2, cpu="1500m")
        await it.until(lambda: it.all_running(2), within_s=60)
        await asyncio.sleep(60)

        assert len(await it.all(NODE_CLAIMS)) == 2


async def test_of_too_many_nodes_the_empty_one_goes_and_the_pod_stays() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 2)
        process = await it.start()
        await settle(it, 2)
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(1), within_s=20)
        (busy,) = (await it.bound()).values()
        await scaled(it, process, 1)
        await settle(it, 1)

        assert await it.names(NODES) == {busy}
        assert await it.all_running(1)


# ---------------------------------------------------------------- what holds it back


async def test_a_limit_of_nodes_is_kept_told_and_followed_when_it_is_raised() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 3, limits={"nodes": "2"})
        process = await it.start()
        await settle(it, 2)
        await asyncio.sleep(60)
        assert len(await it.all(NODE_CLAIMS)) == 2
        told = await it.events("StaticPoolShort")
        raised = await it.client.patch(NODE_POOLS, "warm", {"spec": {"limits": {"nodes": "5"}}})
        process.engine.changed(raised)
        await settle(it, 3)

    assert told[-1] == "2 of 3 nodes; limits.nodes 2 with 2 there leaves room for 0 more"


async def test_a_pool_that_becomes_able_to_buy_makes_its_nodes_then() -> None:
    async with world() as it:
        it.start_actors()
        body = await it.pool(static_pool(2, node_class="later"))
        process = await it.start()
        process.engine.changed(body)
        await asyncio.sleep(10)
        assert await it.all(NODE_CLAIMS) == []
        await it.pool(kwok_class("later"), process)
        await settle(it, 2, within_s=20)


async def test_launches_that_come_to_nothing_are_tried_once_a_minute() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 1)
        await it.start(wrap=failing(*[NoCapacity("no m5.large")] * 3))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await settle(it, 1, within_s=300)

        assert 180 <= loop.time() - began < 185
        assert len(await it.all(NODE_CLAIMS)) == 1


# ---------------------------------------------------------------- deaths and lost answers


class Lossy:
    """Creates of NodeClaims reach the API, but the first answers are lost."""

    def __init__(self, inner: Transport, lost: int) -> None:
        self._inner = inner
        self._lost = lost
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        answer = await self._inner.send(request, timeout_s=timeout_s)
        if request.method == "POST" and request.path.endswith("/nodeclaims") and self._lost:
            self._lost -= 1
            raise Unavailable("the answer was lost")
        return answer


async def test_lost_answers_make_no_node_twice() -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 3)
        process = await it.start()
        process.transport.replace(Lossy(process.transport.inner, lost=5))
        await settle(it, 3)
        await asyncio.sleep(30)

        assert len(await it.all(NODE_CLAIMS)) == 3


@pytest.mark.parametrize("applied", [False, True], ids=["write lost", "write applied"])
@pytest.mark.parametrize("k", range(1, 7))
async def test_a_death_at_any_write_makes_no_node_too_many(k: int, applied: bool) -> None:
    async with world() as it:
        it.start_actors()
        await static(it, 3)
        first = await it.start(NodeSettings(node_startup_s=5), dies_at=k, applied=applied)
        await first.transport.dead.wait()
        await first.kill()
        second = await it.start(NodeSettings(node_startup_s=5))
        await settle(it, 3)
        await asyncio.sleep(30)
        claims = await it.names(NODE_CLAIMS)

        assert len(claims) == 3
        assert await it.events("DisruptionTerminating") == []
        assert second.value(
            "karpenter_nodeclaims_disrupted_total", nodepool="warm", reason="ScaledIn"
        ) == 0  # fmt: skip
