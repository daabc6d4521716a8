"""Provisioning: which pods, when, and never a node too many."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kube.client import Json
from kube.resources import DAEMON_SETS, NODE_CLAIMS, NODES, PODS
from nodescaler.controllers.claims import claim_body, claim_name
from nodescaler.controllers.pods import (
    PodIndex,
    is_ours_to_plan,
    nothing_more_comes,
    waits_for_room,
)
from nodescaler.core.labels import NODE_POOL, Requirement, Requirements
from nodescaler.core.model import NodeClassRef, NodePool, Owner, PlannedNode, PodSpec
from nodescaler.core.taints import Taint
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.world import kwok_class, node_pool, pod, provisioner, world

WAITING = PodSpec("default", "web-0", uid="web-0", unschedulable=True)
OWNED = replace(WAITING, owner=Owner("ReplicaSet", "web", "rs"))

# ---------------------------------------------------------------- which pods


@pytest.mark.parametrize(
    ("pod", "ours"),
    [
        pytest.param(WAITING, True, id="the scheduler found no node"),
        pytest.param(replace(WAITING, unschedulable=False), False, id="not looked at yet"),
        pytest.param(replace(WAITING, node_name="n"), False, id="bound"),
        pytest.param(replace(WAITING, nominated_node="n"), True, id="planned for a node before"),
        pytest.param(replace(WAITING, phase="Failed"), False, id="over"),
        pytest.param(replace(WAITING, gated=True), False, id="held back by a gate"),
        pytest.param(replace(WAITING, mirror=True), False, id="static"),
        pytest.param(replace(WAITING, owner=Owner("DaemonSet", "d")), False, id="a daemon"),
        pytest.param(
            replace(
                WAITING, alternatives=(Requirements.of(Requirement(NODE_POOL, "DoesNotExist")),)
            ),
            False,
            id="wants a node that is not ours",
        ),
    ],
)
def test_which_pods_are_ours(pod: PodSpec, ours: bool) -> None:
    assert is_ours_to_plan(pod) is ours


def test_a_pod_that_preempts_others_needs_no_node() -> None:
    victim = replace(
        WAITING, name="old", node_name="n", deletes_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    staying = replace(victim, deletes_at=None)
    preempting = replace(WAITING, nominated_node="n")

    assert waits_for_room(preempting, [staying, victim])
    assert not waits_for_room(preempting, [staying])
    assert not waits_for_room(WAITING, [victim])


def named(count: int, **fields: object) -> list[PodSpec]:
    return [replace(OWNED, name=f"web-{n}", uid=f"web-{n}", **fields) for n in range(count)]  # type: ignore[arg-type]  # a test's own choice


@pytest.mark.parametrize(
    ("pods", "wanted", "complete"),
    [
        pytest.param(named(3), 3, True, id="all three wait"),
        pytest.param(named(2), 3, False, id="one is still to be created"),
        pytest.param(named(4), 3, False, id="a number that is out of date"),
        pytest.param(named(3), None, False, id="an owner that announces nothing"),
        pytest.param(
            [*named(2), replace(OWNED, name="web-2", unschedulable=False)],
            3, False, id="one has not been looked at",
        ),
        pytest.param(
            [*named(2), replace(OWNED, name="web-2", unschedulable=False, node_name="n")],
            3, True, id="one is bound",
        ),
    ],
)  # fmt: skip
def test_when_nothing_more_comes(pods: list[PodSpec], wanted: int | None, complete: bool) -> None:
    index = PodIndex()
    for each in pods:
        index.apply(None, each)

    assert nothing_more_comes(index.pending(), index, {"rs": wanted}) is complete


def test_the_index_forgets_what_it_was_told_to() -> None:
    index = PodIndex()
    bound = replace(OWNED, node_name="n")
    index.apply(None, OWNED)
    index.apply(OWNED, bound)
    assert (list(index.on("n")), list(index.pending())) == ([bound], [])
    index.apply(bound, None)

    assert (list(index.on("n")), len(index), index.siblings("rs").living) == ([], 0, 0)


# ---------------------------------------------------------------- what a claim says


def test_a_claim_says_what_was_planned() -> None:
    pool = NodePool(
        "web", uid="u", labels={"team": "shop"}, template_hash="h", termination_grace_s=60
    )
    node = PlannedNode(
        name="1", pool="web", instance_type="m5.large", zone="a", capacity_type="spot",
        usd_per_hour=0.1, instance_types=("m5.large",), pods=(WAITING,),
        requirements=Requirements.of(Requirement("zone", "In", ("a", "b"))),
        taints=(Taint("dedicated", "x"),), requests={"cpu": 1500, "pods": 1},
    )  # fmt: skip
    body = claim_body("web-1", node, pool, NodeClassRef("g", "KWOKNodeClass", "c"))

    assert body["metadata"]["finalizers"] == ["karpenter.sh/termination"]
    assert body["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert body["metadata"]["labels"] == {
        "team": "shop", "karpenter.sh/nodepool": "web", "g/kwoknodeclass": "c",
    }  # fmt: skip
    assert body["spec"] == {
        "nodeClassRef": {"group": "g", "kind": "KWOKNodeClass", "name": "c"},
        "requirements": [{"key": "zone", "operator": "In", "values": ["a", "b"]}],
        "resources": {"requests": {"cpu": "1500m", "pods": "1"}},
        "expireAfter": "Never",
        "terminationGracePeriod": "60s",
        "taints": [{"key": "dedicated", "value": "x", "effect": "NoSchedule"}],
    }


def test_a_claim_keeps_its_least_numbers_of_values_and_says_when_one_was_given_up() -> None:
    demand = Requirement("node.kubernetes.io/instance-type", "In", ("m5.large",), 3)
    node = PlannedNode(
        name="1", pool="web", instance_type="m5.large", zone="a", capacity_type="spot",
        usd_per_hour=0.1, instance_types=("m5.large",), pods=(WAITING,),
        requirements=Requirements.of(demand), min_values_relaxed=True,
    )  # fmt: skip
    ref = NodeClassRef("g", "KWOKNodeClass", "c")
    relaxed = claim_body("web-1", node, NodePool("web"), ref)
    strict = claim_body("web-1", replace(node, min_values_relaxed=False), NodePool("web"), ref)
    mark = "karpenter.sh/nodeclaim-min-values-relaxed"

    (line,) = relaxed["spec"]["requirements"]
    assert (line["values"], line["minValues"]) == (["m5.large"], 3)
    assert relaxed["metadata"]["annotations"][mark] == "true"
    assert mark not in strict["metadata"]["annotations"]


def test_a_claims_name_follows_from_its_plan() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    node = PlannedNode("1", "web", "m5.large", "a", "spot", 0.1, ("m5.large",), (WAITING,))
    other = replace(node, pods=(replace(WAITING, uid="other"),))

    assert claim_name("web", node, at) == claim_name("web", node, at)
    assert claim_name("web", node, at) != claim_name("web", other, at)
    assert len(claim_name("w" * 100, node, at)) <= 63


# ---------------------------------------------------------------- in a cluster


@pytest.mark.looptime
async def test_a_whole_replicaset_is_planned_at_once_and_without_waiting() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        process = await it.start()
        await asyncio.sleep(1)
        await it.deployment("web", 6, cpu="1500m")
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def claimed() -> bool:
            return len(await it.all(NODE_CLAIMS)) == 6

        await it.until(claimed, within_s=5, step_s=0.01)

        assert loop.time() - began < 0.5
        assert process.value("karpenter_scheduler_scheduling_duration_seconds_count") == 1


@pytest.mark.looptime
async def test_pods_without_a_replicaset_wait_for_the_idle_second() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        await it.start()
        await asyncio.sleep(1)
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(0.8)
        early = await it.all(NODE_CLAIMS)
        await asyncio.sleep(0.7)

        assert early == []
        assert len(await it.all(NODE_CLAIMS)) == 1


@pytest.mark.looptime
async def test_a_node_on_its_way_counts_as_room() -> None:
    """The second pod comes while the first one's node starts, and would fit beside it."""
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        await it.start(NodeSettings(node_startup_s=30))
        await it.client.create(PODS, pod("one", cpu="500m"))
        await asyncio.sleep(10)
        await it.client.create(PODS, pod("two", cpu="500m"))
        await it.until(lambda: it.all_running(2), within_s=60)

        assert len(await it.all(NODE_CLAIMS)) == 1
        assert any("should fit on" in message for message in await it.events("Nominated"))


@pytest.mark.looptime
async def test_a_node_that_is_not_ours_counts_as_room() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        await it.client.create(NODES, foreign_node())
        await it.start()
        await it.deployment("web", 3)
        await it.until(lambda: it.all_running(3), within_s=20)

        assert await it.all(NODE_CLAIMS) == []


@pytest.mark.looptime
async def test_a_pod_too_large_is_told_why_and_the_others_go_on() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        process = await it.start()
        await it.client.create(PODS, pod("huge", cpu="9"))
        await it.deployment("web", 1)
        await it.until(lambda: it.all_running(1), within_s=20)
        await asyncio.sleep(30)
        told = await it.events("FailedScheduling")

        assert sum("9 cpu" in each for each in told) == 1
        assert process.value("karpenter_scheduler_unschedulable_pods_count") == 1
        assert len(await it.all(NODE_CLAIMS)) == 1


@pytest.mark.looptime
async def test_a_pools_limit_is_kept() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class())
        await it.pool(node_pool("default", limits={"nodes": "2"}))
        await it.start()
        await it.deployment("web", 4, cpu="1500m")
        await it.until(lambda: it.all_running(2), within_s=20)
        await asyncio.sleep(30)

        assert len(await it.all(NODE_CLAIMS)) == 2
        assert await it.all_running(2)
        assert await it.events("FailedScheduling")


@pytest.mark.looptime
async def test_daemons_are_given_their_room() -> None:
    """m5.large has 1930m; a daemon of 600m leaves room for two pods of 600m, not for three."""
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        await it.client.create(DAEMON_SETS, daemon_set("agent", cpu="600m"))
        await it.start()
        await it.deployment("web", 3, cpu="600m")

        async def running() -> bool:
            found = await it.all(PODS)
            web = [p for p in found if p["metadata"]["name"].startswith("web")]
            return len([p for p in web if p.get("status", {}).get("phase") == "Running"]) == 3

        await it.until(running, within_s=30)
        await asyncio.sleep(5)

        assert len(await it.all(NODE_CLAIMS)) == 2


def foreign_node() -> Json:
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "mine", "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": [ready]},
    }


def daemon_set(name: str, *, cpu: str) -> Json:
    labels = {"app": name}
    spec = pod(name, cpu=cpu)["spec"]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
