"""What a snapshot says beside pods, nodes and claims; what tells of it; and what is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kube.client import Client, Json
from kube.resources import (
    CSI_NODES,
    NAMESPACES,
    NODE_CLAIMS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from nodescaler.controllers.books import Books
from nodescaler.controllers.kit import DEFAULT_CLASS
from nodescaler.controllers.pods import PodIndex, comes_back, is_ours_to_plan
from nodescaler.controllers.state import State
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import Owner, PodSpec
from nodescaler.core.taints import Toleration
from tests.nodescaler.controllers.world import FAST, World, pod, world

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEB = PodSpec(
    "default", "web-0", uid="u", owner=Owner("ReplicaSet", "web", "rs"), node_name="n",
    phase="Running", started=NOW,
)  # fmt: skip


class Told(State):
    """Counts how often it says that pods may go elsewhere than before."""

    def __init__(self, it: World) -> None:
        client = Client(it.sandbox.transport(), settings=FAST)
        super().__init__(client, Books(DEFAULT_CLASS), now=it.now)
        self.times = 0
        self.listen(place=self._count)

    def _count(self) -> None:
        self.times += 1


@asynccontextmanager
async def held(it: World) -> AsyncIterator[Told]:
    state = Told(it)
    task = asyncio.create_task(state.run())
    await state.wait_synced()
    state.times = 0
    yield state
    task.cancel()
    await asyncio.wait([task])


async def settle() -> None:
    """Until every watch has brought what was written."""
    await asyncio.sleep(1)


async def waiting_pod(it: World, name: str, *claims: str) -> None:
    """A pod that the scheduler has found no node for."""
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    await it.client.create(PODS, pod(name, volumes=volumes))
    failed = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    status = {"status": {"conditions": [failed]}}
    await it.client.patch(PODS, name, status, namespace="default", subresource="status")


def claim(name: str, **spec: object) -> Json:
    amount = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": amount | spec}


def volume(name: str, key: str, value: str, **spec: object) -> Json:
    demands = [{"key": key, "operator": "In", "values": [value]}]
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": demands}]}}
    body = {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": name}, "nodeAffinity": affinity,
    }  # fmt: skip
    return {"metadata": {"name": name}, "spec": body | spec}


def storage_class(name: str, provisioner: str = "ebs.csi.aws.com") -> Json:
    waits = {"volumeBindingMode": "WaitForFirstConsumer"}
    return {"metadata": {"name": name}, "provisioner": provisioner, **waits}


async def bind(it: World, name: str, to: str) -> None:
    """As the volume controller does."""
    meta = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}
    body = {"metadata": meta, "spec": {"volumeName": to}}
    await it.client.patch(PERSISTENT_VOLUME_CLAIMS, name, body, namespace="default")
    status = {"status": {"phase": "Bound"}}
    await it.client.patch(
        PERSISTENT_VOLUME_CLAIMS, name, status, namespace="default", subresource="status"
    )


# ---------------------------------------------------------------- namespaces


@pytest.mark.looptime
async def test_the_labels_of_namespaces_are_there_and_a_change_is_told() -> None:
    async with world() as it, held(it) as state:
        await it.client.create(NAMESPACES, {"metadata": {"name": "shop", "labels": {"a": "b"}}})
        await settle()
        first, told = state.snapshot().namespaces, state.times
        await it.client.patch(NAMESPACES, "shop", {"metadata": {"labels": {"a": "c"}}})
        await it.client.patch(NAMESPACES, "shop", {"metadata": {"annotations": {"x": "y"}}})
        await settle()

        assert first["shop"]["a"] == "b"
        assert state.snapshot().namespaces["shop"]["a"] == "c"
        assert (told, state.times) == (1, 2)


# ---------------------------------------------------------------- claims and volumes


@pytest.mark.looptime
async def test_the_claims_that_pods_mount_are_resolved_and_no_others() -> None:
    async with world() as it, held(it) as state:
        await it.client.create(STORAGE_CLASSES, storage_class("fast"))
        for name in ("data", "other"):
            body = claim(name, storageClassName="fast")
            await it.client.create(PERSISTENT_VOLUME_CLAIMS, body)
        await waiting_pod(it, "web", "data", "missing")
        await settle()
        found = state.snapshot().volumes

        assert set(found) == {"default/data"}
        assert found["default/data"].driver == "ebs.csi.aws.com"
        assert not found["default/data"].fault


async def make_claim(it: World) -> None:
    await it.client.create(PERSISTENT_VOLUME_CLAIMS, claim("new", storageClassName="fast"))


async def make_class(it: World) -> None:
    await it.client.create(STORAGE_CLASSES, storage_class("none"))


async def bind_data(it: World) -> None:
    await it.client.create(PERSISTENT_VOLUMES, volume("pv-1", ZONE, "a"))
    await bind(it, "data", "pv-1")


async def make_disk(it: World) -> None:
    disk = volume("disk", HOSTNAME, "n1", storageClassName="local")
    await it.client.create(PERSISTENT_VOLUMES, disk)


async def bind_other(it: World) -> None:
    await it.client.create(PERSISTENT_VOLUMES, volume("pv-2", ZONE, "a"))
    await bind(it, "other", "pv-2")


async def label_data(it: World) -> None:
    body = {"metadata": {"labels": {"a": "b"}}}
    await it.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", body, namespace="default")


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("happens", "told"),
    [
        pytest.param(make_claim, True, id="a claim that was missing"),
        pytest.param(make_class, True, id="a class that was missing"),
        pytest.param(bind_data, True, id="a claim is bound"),
        pytest.param(make_disk, True, id="a local disk that a claim may take"),
        pytest.param(bind_other, False, id="a claim that no pending pod mounts"),
        pytest.param(label_data, False, id="a change that means nothing"),
    ],
)
async def test_what_lets_a_pending_pod_go_elsewhere_is_told(
    happens: Callable[[World], Awaitable[None]], told: bool
) -> None:
    async with world() as it, held(it) as state:
        await it.client.create(STORAGE_CLASSES, storage_class("fast"))
        await it.client.create(
            STORAGE_CLASSES, storage_class("local", "kubernetes.io/no-provisioner")
        )
        for name, of in (("data", "fast"), ("other", "fast"), ("disk", "local"), ("odd", "none")):
            await it.client.create(PERSISTENT_VOLUME_CLAIMS, claim(name, storageClassName=of))
        await waiting_pod(it, "web", "data", "new", "disk", "odd")
        await it.client.create(
            PODS, pod("runs", nodeName="n", volumes=[
                {"name": "v", "persistentVolumeClaim": {"claimName": "other"}}
            ]),
        )  # fmt: skip
        await settle()
        state.snapshot()  # from here on, what a plan was made with is known
        state.times = 0
        await happens(it)
        await settle()

        assert (state.times > 0) is told


@pytest.mark.looptime
async def test_a_bound_claim_follows_its_volume() -> None:
    async with world() as it, held(it) as state:
        body = claim("data", volumeName="pv-1", storageClassName="")
        await it.client.create(PERSISTENT_VOLUME_CLAIMS, body)
        await waiting_pod(it, "web", "data")
        await bind(it, "data", "pv-1")
        await settle()
        lost = state.snapshot().volumes["default/data"].fault
        state.times = 0
        ref = {"namespace": "default", "name": "data"}
        await it.client.create(PERSISTENT_VOLUMES, volume("pv-1", ZONE, "a", claimRef=ref))
        await settle()
        found = state.snapshot().volumes["default/data"]

        assert lost == "claim default/data is bound to volume pv-1, which does not exist"
        assert found.alternatives == (Requirements.labels({ZONE: "a"}),)
        assert (found.fault, state.times) == ("", 1)


@pytest.mark.looptime
async def test_a_claim_for_one_pod_keeps_others_out_while_that_pod_runs() -> None:
    async with world() as it, held(it) as state:
        await it.client.create(STORAGE_CLASSES, storage_class("fast"))
        body = claim("data", storageClassName="fast", accessModes=["ReadWriteOncePod"])
        await it.client.create(PERSISTENT_VOLUME_CLAIMS, body)
        await waiting_pod(it, "web", "data")
        await settle()
        alone = state.snapshot().volumes["default/data"].fault
        mounts = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        await it.client.create(PODS, pod("first", nodeName="n", volumes=mounts))
        await settle()

        assert alone == ""
        said = "claim default/data is for one pod, and pod default/first has it"
        assert state.snapshot().volumes["default/data"].fault == said
        assert state.storage.volumes({"default/first"})["default/data"].fault == ""


# ---------------------------------------------------------------- attach limits


def csi_node(count: int) -> Json:
    driver = {"name": "ebs.csi.aws.com", "nodeID": "i", "allocatable": {"count": count}}
    return {"metadata": {"name": "n"}, "spec": {"drivers": [driver]}}


@pytest.mark.looptime
async def test_a_node_has_its_drivers_limits_and_more_room_is_told() -> None:
    async with world() as it, held(it) as state:
        await it.client.create(NODES, {"metadata": {"name": "n"}})
        await settle()
        (without,) = state.snapshot().nodes
        await it.client.create(CSI_NODES, csi_node(5))
        await settle()
        (few,), first = state.snapshot().nodes, state.times
        await it.client.replace(CSI_NODES, await it.client.get(CSI_NODES, "n") | csi_node_spec(9))
        await settle()
        (more,) = state.snapshot().nodes

        assert (without.attach_limits, few.attach_limits) == ({}, {"ebs.csi.aws.com": 5})
        assert more.attach_limits == {"ebs.csi.aws.com": 9}
        assert (first, state.times) == (0, 1)


def csi_node_spec(count: int) -> Json:
    return {"spec": csi_node(count)["spec"]}


# ---------------------------------------------------------------- nodes that are drained


@pytest.mark.parametrize(
    ("pod", "comes"),
    [
        pytest.param(WEB, True, id="a replica"),
        pytest.param(replace(WEB, owner=Owner("StatefulSet", "db")), True, id="of any kind"),
        pytest.param(replace(WEB, owner=None), False, id="a bare pod, which nobody makes again"),
        pytest.param(replace(WEB, owner=Owner("DaemonSet", "d")), False, id="a daemon"),
        pytest.param(replace(WEB, mirror=True), False, id="a static pod"),
        pytest.param(replace(WEB, phase="Succeeded"), False, id="done"),
        pytest.param(replace(WEB, deletes_at=NOW), False, id="evicted already"),
        pytest.param(replace(WEB, protected_s=float("inf")), False, id="not to be disrupted"),
        pytest.param(replace(WEB, protected_s=5.0), True, id="not to be disrupted until just now"),
        pytest.param(
            replace(WEB, tolerations=(Toleration(operator="Exists"),)), False, id="left where it is"
        ),
    ],
)
def test_which_pods_of_a_drained_node_come_back(pod: PodSpec, comes: bool) -> None:
    assert comes_back(pod, NOW + timedelta(seconds=10)) is comes


def node_claim(name: str) -> Json:
    ref = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {"name": name, "finalizers": ["karpenter.sh/termination"]},
        "spec": {"nodeClassRef": ref, "requirements": []},
    }


def owned(name: str, node: str) -> Json:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs"}
    body = pod(name, nodeName=node)
    body["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    return body


async def drained_node(it: World) -> None:
    """Node "n" of claim "c" with the pod "web", as it is when its drain begins."""
    await it.client.create(NODE_CLAIMS, node_claim("c"))
    status = {"status": {"providerID": "kwok://n"}}
    await it.client.patch(NODE_CLAIMS, "c", status, subresource="status")
    await it.client.create(NODES, {"metadata": {"name": "n"}, "spec": {"providerID": "kwok://n"}})
    await it.client.create(PODS, owned("web", "n"))
    await it.client.delete(NODE_CLAIMS, "c")


@pytest.mark.looptime
async def test_the_pods_of_a_drained_node_are_planned_until_they_go() -> None:
    async with world() as it, held(it) as state:
        await drained_node(it)
        await settle()
        during = state.snapshot()
        await it.client.delete(PODS, "web", namespace="default", grace_s=30)
        await waiting_pod(it, "web-2")
        await settle()
        after = state.snapshot()

        assert [(each.name, each.node_name) for each in during.pods] == [("web", "n")]
        assert not any(map(is_ours_to_plan, during.pods))
        assert [each.name for each in after.pods] == ["web-2"]


@pytest.mark.looptime
async def test_a_drain_that_does_not_end_asks_for_no_room() -> None:
    async with world() as it, held(it) as state:
        await drained_node(it)
        await asyncio.sleep(601)

        assert state.snapshot().pods == ()


@pytest.mark.looptime
async def test_a_node_is_kept_for_a_pod_until_that_has_left_its_old_one() -> None:
    async with world() as it, held(it) as state:
        await drained_node(it)
        await settle()
        state.nominate("new", state.snapshot().pods, 20)
        before = state.nominated_for_s("new")
        await it.client.delete(PODS, "web", namespace="default", grace_s=0)
        await settle()

        assert before == 20
        assert state.nominated_for_s("new") == 0


# ---------------------------------------------------------------- what is made anew


@pytest.mark.looptime
async def test_a_node_of_which_nothing_changed_is_the_same_object() -> None:
    async with world() as it, held(it) as state:
        for name in ("n", "m"):
            await it.client.create(NODES, {"metadata": {"name": name}})
        await settle()
        first = {node.name: node for node in state.snapshot().nodes}
        await it.client.create(PODS, pod("web", nodeName="n"))
        await settle()
        then = {node.name: node for node in state.snapshot().nodes}
        await it.client.delete(NODES, "m")
        await settle()

        assert then["m"] is first["m"]
        assert [each.name for each in then["n"].pods] == ["web"]
        assert [node.name for node in state.snapshot().nodes] == ["n"]


def test_the_index_knows_who_mounts_what() -> None:
    index = PodIndex()
    one = replace(WEB, volumes=("default/data", "default/logs"))
    two = replace(WEB, name="web-1", volumes=("default/data",))
    for each in (one, two):
        index.apply(None, each)
    assert {each.name for each in index.mounting("default/data")} == {"web-0", "web-1"}
    index.apply(one, replace(one, phase="Succeeded"))
    index.apply(two, None)

    assert list(index.mounted()) == []
