"""Nodes that go: empty ones, deleted ones, orphans; gently, in order, and only when they may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kube.client import Json
from kube.errors import NotFound
from kube.resources import (
    DAEMON_SETS,
    NODE_CLAIMS,
    NODES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    PROVISIONERS,
)
from kube.transport import Request, Response, Transport
from nodescaler.clouds.base import LaunchSpec
from nodescaler.clouds.kwok import KwokCloud
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.test_provisioning import daemon_set
from tests.nodescaler.controllers.world import (
    Process,
    World,
    kwok_class,
    node_pool,
    pod,
    provisioner,
    world,
)

pytestmark = pytest.mark.looptime


async def one_node(it: World, pool: Json | None = None) -> tuple[Process, str]:
    """A process, and the name of the one node it made for the one pod called "one"."""
    it.start_actors()
    if pool is not None:
        await it.pool(kwok_class())
    await it.pool(pool or provisioner())
    process = await it.start()
    await it.client.create(PODS, pod("one"))
    await it.until(lambda: it.all_running(1), within_s=20)
    await asyncio.sleep(1)
    (name,) = await it.names(NODES)
    return process, name


async def taints(it: World, node: str) -> set[str]:
    found = await it.client.get(NODES, node)
    return {taint["key"] for taint in found["spec"].get("taints", [])}


# ---------------------------------------------------------------- empty nodes


async def test_an_empty_node_goes_after_its_time_and_not_before() -> None:
    async with world() as it:
        process, name = await one_node(it, provisioner(empty_s=30))
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(25)
        early = await it.names(NODES)
        await it.until(it.no_nodes, within_s=15)
        told = await it.events("DisruptionTerminating")

        assert early == {name}
        assert told == [f"Empty: node {name} empty for at least 30 s"]
        assert process.value("karpenter_nodeclaims_terminated_total", nodepool="default") == 1
        assert process.value(
            "karpenter_nodeclaims_disrupted_total", nodepool="default", reason="Empty"
        ) == 1  # fmt: skip


async def test_a_pod_that_comes_in_time_keeps_the_node() -> None:
    async with world() as it:
        _, name = await one_node(it, provisioner(empty_s=30))
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(25)
        await it.client.create(PODS, pod("two"))
        await asyncio.sleep(60)

        assert await it.names(NODES) == {name}
        assert await it.bound() == {"two": name}


async def test_daemons_do_not_keep_a_node() -> None:
    async with world() as it:
        await it.client.create(DAEMON_SETS, daemon_set("agent", cpu="100m"))
        it.start_actors()
        await it.pool(provisioner(empty_s=5))
        await it.start()
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(2), within_s=20)
        await it.client.delete(PODS, "one", namespace="default")
        await it.until(it.no_nodes, within_s=20)


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(node_pool(disruption={"consolidateAfter": "Never"}), id="never"),
        pytest.param(
            node_pool(disruption={"consolidateAfter": "0s", "budgets": [{"nodes": "0"}]}),
            id="a budget of none",
        ),
    ],
)
async def test_a_pool_may_keep_its_empty_nodes(pool: Json) -> None:
    async with world() as it:
        _, name = await one_node(it, pool)
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(300)

        assert await it.names(NODES) == {name}


async def test_a_node_that_must_not_be_disrupted_stays() -> None:
    async with world() as it:
        _, name = await one_node(it, provisioner(empty_s=5))
        keep = {"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}}
        await it.client.patch(NODES, name, keep)
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(60)
        kept = await it.names(NODES)
        await it.client.patch(
            NODES, name, {"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": None}}}
        )
        await it.until(it.no_nodes, within_s=20)

    assert kept == {name}


class Late:
    """A transport on which a pod is bound to a node just after the node was tainted."""

    def __init__(self, inner: Transport, act: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._act: Callable[[], Awaitable[None]] | None = act
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        answer = await self._inner.send(request, timeout_s=timeout_s)
        if b"karpenter.sh/disrupted" in (request.body or b"") and self._act is not None:
            act, self._act = self._act, None
            await act()
        return answer


async def test_a_node_that_gets_a_pod_at_the_last_moment_is_kept() -> None:
    """The scheduler had bound it before it saw the taint."""
    async with world() as it:
        process, name = await one_node(it, provisioner(empty_s=5))

        async def bind_one() -> None:
            await it.client.create(PODS, pod("late", nodeName=name))

        process.transport.replace(Late(process.transport.inner, bind_one))
        await it.client.delete(PODS, "one", namespace="default")
        await asyncio.sleep(60)

        assert await it.names(NODES) == {name}
        assert await it.bound() == {"late": name}
        assert "karpenter.sh/disrupted" not in await taints(it, name)


async def test_a_taint_that_a_dead_process_left_is_taken_off() -> None:
    async with world() as it:
        process, name = await one_node(it)
        await process.kill()
        left = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
        await it.client.patch(NODES, name, {"spec": {"taints": [left]}})
        await it.start()
        await asyncio.sleep(5)

        assert await taints(it, name) == set()


# ---------------------------------------------------------------- deleted claims and nodes


async def test_deleting_the_node_drains_it_and_ends_its_claim() -> None:
    async with world() as it:
        _, name = await one_node(it)
        await it.client.delete(NODES, name)

        async def gone() -> bool:
            return name not in await it.names(NODES) | await it.names(NODE_CLAIMS)

        await it.until(gone, within_s=30)

        assert await it.events("Evicted")


async def test_deleting_the_claim_drains_its_node_first() -> None:
    async with world() as it:
        _, name = await one_node(it)
        await it.client.delete(NODE_CLAIMS, name)
        await asyncio.sleep(0.2)
        tainted = await taints(it, name)
        labels = (await it.client.get(NODES, name))["metadata"]["labels"]

        async def gone() -> bool:
            return name not in await it.names(NODES) | await it.names(NODE_CLAIMS)

        await it.until(gone, within_s=30)

    assert "karpenter.sh/disrupted" in tainted
    assert labels["node.kubernetes.io/exclude-from-external-load-balancers"] == "karpenter"


def budget(name: str) -> Json:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
    }


async def test_a_budget_holds_the_drain_until_it_allows() -> None:
    async with world() as it:
        _, name = await one_node(it)
        await it.client.create(POD_DISRUPTION_BUDGETS, budget("one"))
        await asyncio.sleep(2)
        await it.client.delete(NODE_CLAIMS, name)
        await asyncio.sleep(60)
        held = await it.bound()
        blocked = await it.events("FailedDraining")
        await it.client.delete(POD_DISRUPTION_BUDGETS, "one", namespace="default")

        async def gone() -> bool:
            return name not in await it.names(NODES)

        await it.until(gone, within_s=30)

    assert held == {"one": name}
    assert "cannot be evicted" in blocked[0]


async def test_the_grace_period_ends_what_a_budget_holds() -> None:
    pool = node_pool(template={"terminationGracePeriod": "60s"})
    async with world() as it:
        _, name = await one_node(it, pool)
        await it.client.create(POD_DISRUPTION_BUDGETS, budget("one"))
        await asyncio.sleep(2)
        await it.client.delete(NODE_CLAIMS, name)
        await asyncio.sleep(50)
        held = await it.names(NODES)
        await asyncio.sleep(20)

        assert held == {name}
        assert name not in await it.names(NODES) | await it.names(NODE_CLAIMS)


async def test_deleting_the_pool_ends_its_nodes() -> None:
    async with world() as it:
        process, _ = await one_node(it)
        body = await it.client.get(PROVISIONERS, "default")
        await it.client.delete(PROVISIONERS, "default")
        process.engine.gone(body)
        await it.until(it.no_nodes, within_s=60)


# ---------------------------------------------------------------- what belongs to nothing


async def test_a_machine_without_a_claim_is_removed() -> None:
    async with world() as it:
        cloud = KwokCloud(it.client, now=it.now)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(cloud.run())
            await asyncio.sleep(0)
            await cloud.create(LaunchSpec("nobody", "orphan", it.now()))
            await asyncio.sleep(1)
            running.cancel()
        assert await it.names(NODES) == {"orphan"}
        await it.start()
        await asyncio.sleep(5)

        assert await it.names(NODES) == set()


async def test_an_orphan_that_was_registered_is_let_go_too() -> None:
    """Somebody took the claim's finalizer off."""
    async with world() as it:
        _, name = await one_node(it)
        await it.client.patch(NODE_CLAIMS, name, {"metadata": {"finalizers": []}})
        await it.client.delete(NODE_CLAIMS, name)
        await asyncio.sleep(30)

        with pytest.raises(NotFound):
            await it.client.get(NODES, name)


async def test_a_sweep_is_a_read() -> None:
    async with world() as it:
        process, _ = await one_node(it)
        await asyncio.sleep(60)
        before = len(process.transport.writes)
        await asyncio.sleep(20 * NodeSettings().sweep_s)

        assert len(process.transport.writes) == before
