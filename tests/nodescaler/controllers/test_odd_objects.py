"""Objects that nobody expects, and moments that rarely come: none costs a pod or ends the work."""

from __future__ import annotations

import asyncio

import pytest

from kube.client import Json
from kube.resources import EVENTS, NODE_CLAIMS, NODE_POOLS, NODES, PODS
from kube.transport import Request, Response, Transport
from nodescaler.controllers.books import read_pool
from tests.nodescaler.controllers.test_removal import one_node
from tests.nodescaler.controllers.world import kwok_class, node_pool, pod, provisioner, world

pytestmark = pytest.mark.looptime


def affinity_with_a_bad_term() -> Json:
    """The API server takes it; the scheduler goes by the other term."""
    bad = {"key": "generation", "operator": "Gt", "values": ["five"]}
    good = {"key": "kubernetes.io/os", "operator": "Exists"}
    terms = [{"matchExpressions": [each]} for each in (bad, good)]
    required = {"nodeSelectorTerms": terms}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


async def test_a_node_whose_only_pod_cannot_be_read_is_not_empty() -> None:
    async with world() as it:
        _, name = await one_node(it, provisioner(empty_s=30))
        it.stop_actors()
        odd = pod("odd", nodeName=name, affinity=affinity_with_a_bad_term())
        await it.client.create(PODS, odd)
        await it.client.delete(PODS, "one", namespace="default", grace_s=0)
        await asyncio.sleep(120)
        claims = await it.all(NODE_CLAIMS)

        assert await it.bound() == {"odd": name}
        assert [c["metadata"].get("deletionTimestamp") for c in claims] == [None]


async def test_a_node_that_came_back_under_another_name_keeps_its_claim() -> None:
    async with world() as it:
        _, name = await one_node(it, provisioner(empty_s=300))
        old = await it.client.get(NODES, name)
        meta = {"name": "renamed", "labels": old["metadata"]["labels"]}
        await it.client.create(
            NODES,
            {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": old["spec"]},
        )
        await asyncio.sleep(1)
        await it.client.patch(NODES, name, {"metadata": {"finalizers": []}})
        await it.client.delete(NODES, name)
        await asyncio.sleep(20)
        claims = await it.all(NODE_CLAIMS)

        assert "renamed" in await it.names(NODES)
        assert [c["metadata"].get("deletionTimestamp") for c in claims] == [None]


async def test_a_claim_that_the_api_refuses_is_told_and_asked_for_ever_more_rarely() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class())
        await it.pool(node_pool("a" * 70))  # a name, but no label value
        process = await it.start()
        await it.client.create(PODS, pod("one"))
        await it.client.create(PODS, pod("huge", cpu="9999"))
        await asyncio.sleep(300)
        asked = [w for w in process.transport.writes if w.path.endswith("/nodeclaims")]

        assert 1 <= len(asked) < 25
        told = [e for e in await it.all(EVENTS) if e["reason"] == "FailedScheduling"]
        ours = {e["involvedObject"]["name"] for e in told if e["reportingComponent"] == "tandem"}
        assert ours == {"one", "huge"}


class Slow:
    """A transport whose answer to the next write of a pool's status comes late."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.late = asyncio.Event()
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        answer = await self._inner.send(request, timeout_s=timeout_s)
        if request.method == "PATCH" and "/nodepools/" in request.path:
            self.late.set()
            await asyncio.sleep(5)
        return answer


async def test_a_late_answer_does_not_bring_a_deleted_pool_back() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class())
        process = await it.start()
        slow = Slow(process.transport.inner)
        process.transport.replace(slow)
        body = await it.pool(node_pool(), process)
        await slow.late.wait()
        await it.client.delete(NODE_POOLS, "default")
        process.engine.gone(body)
        await asyncio.sleep(10)

        assert process.engine.statistics().pools == 0


async def test_empty_nodes_go_from_a_pool_that_can_buy_no_more() -> None:
    async with world() as it:
        process, _ = await one_node(it, node_pool(disruption={"consolidateAfter": "30s"}))
        line = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["none"]}
        spec = {"template": {"spec": {"requirements": [line]}}}
        process.engine.changed(await it.client.patch(NODE_POOLS, "default", {"spec": spec}))
        await it.client.delete(PODS, "one", namespace="default")
        await it.until(it.no_nodes, within_s=120)


async def test_an_edited_pool_lets_its_empty_nodes_go_though_nothing_else_happens() -> None:
    async with world() as it:
        process, _ = await one_node(it, node_pool(disruption={"consolidateAfter": "Never"}))
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(100)
        kept = await it.names(NODES)
        spec = {"disruption": {"consolidateAfter": "30s"}}
        process.engine.changed(await it.client.patch(NODE_POOLS, "default", {"spec": spec}))
        await it.until(it.no_nodes, within_s=60)

        assert kept


async def test_the_end_of_a_budgets_window_lets_empty_nodes_go() -> None:
    """The world begins at midnight; nothing may go until a quarter past."""
    closed = {"nodes": "0", "schedule": "0 0 * * *", "duration": "15m"}
    pool = node_pool(disruption={"consolidateAfter": "30s", "budgets": [closed]})
    async with world() as it:
        await one_node(it, pool)
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(800)
        kept = await it.names(NODES)
        await it.until(it.no_nodes, within_s=200)

        assert kept


async def test_a_pod_that_the_scheduler_refuses_on_its_node_gets_no_second_one() -> None:
    """Somebody takes off the node the label that the pod asks for: no node after node for it."""
    wait = {"key": "example.com/wait", "effect": "NoSchedule"}
    pool = node_pool(disruption={"consolidateAfter": "30s"}, template={"startupTaints": [wait]})
    pool["spec"]["template"]["metadata"] = {"labels": {"team": "shop"}}
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class())
        await it.pool(pool)
        process = await it.start()
        await it.client.create(PODS, pod("one", nodeSelector={"team": "shop"}))
        await asyncio.sleep(10)
        (name,) = await it.names(NODES)
        stripped = {"metadata": {"labels": {"team": None}}, "spec": {"taints": None}}
        await it.client.patch(NODES, name, stripped)
        await asyncio.sleep(3600)
        asked = [w for w in process.transport.writes if w.path.endswith("/nodeclaims")]

        assert len(asked) == len(await it.names(NODES)) == 1
        assert await it.bound() == {}
        assert any("should fit on" in message for message in await it.events("Nominated"))


async def test_a_budget_of_more_digits_than_an_integer_has_is_that_pools_fault_alone() -> None:
    """The schema's pattern lets it in; counting with it would end the look at every pool."""
    odd = read_pool(node_pool(disruption={"budgets": [{"nodes": "9" * 5000}]}))

    assert odd.pool is None
    assert odd.fault.startswith("spec.disruption.budgets[0].nodes")
