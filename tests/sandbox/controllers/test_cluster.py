"""What happens around the workloads: rollouts, waiting pods, budgets, garbage, namespaces."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from kube.client import Json
from kube.resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    STORAGE_CLASSES,
    Resource,
)
from tandem.sandbox.controllers.followed import SERVICE_ACCOUNTS
from tandem.sandbox.controllers.settings import ControllerSettings, Scoring
from tests.sandbox.controllers.worlds import World, cluster, deployment, phases, said, template

NEW = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}


async def ready_and_all(world: World) -> tuple[int, int]:
    pods = [p for p in await world.pods() if not p["metadata"].get("deletionTimestamp")]
    return sum(said(pod, "Ready").get("status") == "True" for pod in pods), len(pods)


@pytest.mark.looptime
async def test_a_rolling_update_keeps_within_its_limits() -> None:
    """maxSurge 1, maxUnavailable 1 of 4: at every moment 3 are ready and at most 5 exist."""
    limits = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    async with cluster() as world:
        await world.nodes("a", "b")
        await world.deploy("web", 4, strategy=limits)
        await asyncio.sleep(5)
        await world.patch(DEPLOYMENTS, "web", NEW)
        for _ in range(100):
            await asyncio.sleep(0.1)
            ready, total = await ready_and_all(world)
            assert ready >= 3
            assert total <= 5

        shown = await world.get(DEPLOYMENTS, "web")
        assert shown["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
        assert shown["status"]["updatedReplicas"] == shown["status"]["availableReplicas"] == 4
        assert all(pod["metadata"]["annotations"]["v"] == "2" for pod in await world.pods())
        sets = await world.client.items(REPLICA_SETS, namespace="default")
        assert sorted(rs["spec"]["replicas"] for rs in sets) == [0, 4]
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_recreate_stops_every_old_pod_before_it_starts_a_new_one() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.deploy("web", 2, strategy={"type": "Recreate"})
        await asyncio.sleep(4)
        await world.patch(DEPLOYMENTS, "web", NEW)
        versions: set[frozenset[str | None]] = set()
        for _ in range(60):
            await asyncio.sleep(0.1)
            marks = [pod["metadata"].get("annotations", {}).get("v") for pod in await world.pods()]
            versions.add(frozenset(marks))

        assert frozenset({None, "2"}) not in versions
        assert phases(await world.pods()) == {"Running": 2}
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_going_back_reuses_the_old_replicaset() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.deploy("web", 1)
        await asyncio.sleep(3)
        await world.patch(DEPLOYMENTS, "web", NEW)
        await asyncio.sleep(5)
        back = {"spec": {"template": {"metadata": {"annotations": None}}}}
        await world.patch(DEPLOYMENTS, "web", back)
        await asyncio.sleep(5)

        sets = await world.client.items(REPLICA_SETS, namespace="default")
        assert sorted(rs["spec"]["replicas"] for rs in sets) == [0, 1]
        shown = await world.get(DEPLOYMENTS, "web")
        assert shown["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


@pytest.mark.looptime
async def test_a_rollout_that_hangs_says_so_after_its_deadline() -> None:
    body = deployment("web", 1, cpu="64")
    body["spec"]["progressDeadlineSeconds"] = 60
    async with cluster() as world:
        await world.nodes("a")
        await world.create(DEPLOYMENTS, body)
        await asyncio.sleep(50)
        shown = await world.get(DEPLOYMENTS, "web")
        assert said(shown, "Available")["reason"] == "MinimumReplicasUnavailable"
        assert said(shown, "Progressing")["status"] == "True"
        await asyncio.sleep(20)

        shown = await world.get(DEPLOYMENTS, "web")
        assert said(shown, "Progressing")["reason"] == "ProgressDeadlineExceeded"
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_pods_wait_for_a_node_and_take_it_when_it_comes() -> None:
    """The condition is written once; nothing happens until something changes that could help."""
    async with cluster() as world:
        await world.nodes("a", cpu="1")
        await world.deploy("web", 2, cpu="900m")
        await asyncio.sleep(5)
        waiting = [pod for pod in await world.pods() if pod["status"]["phase"] == "Pending"]
        assert len(waiting) == 1
        why = said(waiting[0], "PodScheduled")
        assert (why["status"], why["reason"]) == ("False", "Unschedulable")
        assert why["message"] == "0/1 nodes are available: 1 Insufficient cpu."
        assert await world.silent(for_s=300) == {}

        await world.nodes("b", cpu="1")
        await asyncio.sleep(3)
        assert phases(await world.pods()) == {"Running": 2}
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_pod_that_leaves_makes_room_for_one_that_waits() -> None:
    async with cluster() as world:
        await world.nodes("a", cpu="1")
        await world.deploy("first", 1, cpu="900m")
        await asyncio.sleep(3)
        await world.deploy("second", 1, cpu="900m")
        await asyncio.sleep(3)
        await world.delete(DEPLOYMENTS, "first", propagation="Background")
        await asyncio.sleep(5)

        assert phases(await world.pods()) == {"Running": 1}


@pytest.mark.looptime
async def test_a_gated_pod_waits_until_its_gates_are_open() -> None:
    body = {"metadata": {"name": "p"}, **template("p", schedulingGates=[{"name": "g"}])}
    body["metadata"] = {"name": "p"}
    async with cluster() as world:
        await world.nodes("a")
        await world.create(PODS, body)
        await asyncio.sleep(3)
        assert said(await world.get(PODS, "p"), "PodScheduled")["reason"] == "SchedulingGated"

        await world.patch(PODS, "p", {"spec": {"schedulingGates": None}})
        await asyncio.sleep(3)
        assert (await world.get(PODS, "p"))["status"]["phase"] == "Running"


@pytest.mark.looptime
async def test_most_allocated_fills_one_node_first() -> None:
    async with cluster(ControllerSettings(scoring=Scoring.MOST_ALLOCATED)) as world:
        await world.nodes("a", "b")
        await world.deploy("web", 6)
        await asyncio.sleep(4)

        assert len({pod["spec"]["nodeName"] for pod in await world.pods()}) == 1


@pytest.mark.looptime
async def test_a_budget_counts_what_may_be_disrupted() -> None:
    spec: Json = {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}}
    async with cluster() as world:
        await world.nodes("a")
        await world.create(POD_DISRUPTION_BUDGETS, {"metadata": {"name": "web"}, "spec": spec})
        await world.deploy("web", 5)
        await asyncio.sleep(5)

        status = (await world.get(POD_DISRUPTION_BUDGETS, "web"))["status"]
        assert (status["expectedPods"], status["desiredHealthy"]) == (5, 3)
        assert (status["currentHealthy"], status["disruptionsAllowed"]) == (5, 2)
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_pods_of_a_deleted_node_are_removed_and_replaced() -> None:
    async with cluster() as world:
        await world.nodes("a", "b")
        await world.deploy("web", 4)
        await asyncio.sleep(4)
        await world.delete(NODES, "a")
        await asyncio.sleep(4)

        pods = await world.pods()
        assert phases(pods) == {"Running": 4}
        assert {pod["spec"]["nodeName"] for pod in pods} == {"b"}
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_node_that_is_not_ready_is_tainted_and_loses_its_pods() -> None:
    async with cluster() as world:
        await world.nodes("a", "b")
        await world.deploy("web", 2)
        await asyncio.sleep(4)
        down = {"type": "Ready", "status": "False", "reason": "Down", "message": ""}
        await world.patch(NODES, "a", {"status": {"conditions": [down]}}, "status")
        await asyncio.sleep(400)

        taints = (await world.get(NODES, "a"))["spec"]["taints"]
        assert {taint["effect"] for taint in taints} == {"NoSchedule", "NoExecute"}
        assert {pod["spec"]["nodeName"] for pod in await world.pods()} == {"b"}
        assert await world.silent() == {}


def owned(name: str, owner: Json, *, blocks: bool = True) -> Json:
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    ref |= {"uid": owner["metadata"]["uid"]}
    metadata = {"name": name, "ownerReferences": [{**ref, "blockOwnerDeletion": blocks}]}
    return {"metadata": metadata}


@pytest.mark.looptime
@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
async def test_dependents_follow_their_owner_down_the_chain(propagation: str) -> None:
    async with cluster() as world:
        top = await world.create(CONFIG_MAPS, {"metadata": {"name": "top"}})
        middle = await world.create(CONFIG_MAPS, owned("middle", top))
        await world.create(CONFIG_MAPS, owned("leaf", middle))
        await asyncio.sleep(1)
        await world.delete(CONFIG_MAPS, "top", propagation=propagation)
        await asyncio.sleep(2)

        for name in ("top", "middle", "leaf"):
            assert await world.gone(CONFIG_MAPS, name), name
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_foreground_owner_outlives_what_blocks_it() -> None:
    async with cluster() as world:
        top = await world.create(CONFIG_MAPS, {"metadata": {"name": "top"}})
        held = owned("held", top)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await world.create(CONFIG_MAPS, held)
        await world.delete(CONFIG_MAPS, "top", propagation="Foreground")
        await asyncio.sleep(2)
        assert not await world.gone(CONFIG_MAPS, "top")

        await world.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}})
        await asyncio.sleep(2)
        assert await world.gone(CONFIG_MAPS, "top")


@pytest.mark.looptime
async def test_orphans_forget_their_owner() -> None:
    async with cluster() as world:
        top = await world.create(CONFIG_MAPS, {"metadata": {"name": "top"}})
        await world.create(CONFIG_MAPS, owned("kept", top))
        await asyncio.sleep(1)
        await world.delete(CONFIG_MAPS, "top", propagation="Orphan")
        await asyncio.sleep(2)

        assert await world.gone(CONFIG_MAPS, "top")
        assert "ownerReferences" not in (await world.get(CONFIG_MAPS, "kept"))["metadata"]


@pytest.mark.looptime
async def test_an_object_whose_owner_never_existed_is_collected() -> None:
    async with cluster() as world:
        ghost: Json = {"metadata": {"name": "ghost", "uid": "no-such-uid"}}
        await world.create(CONFIG_MAPS, owned("child", ghost))
        await asyncio.sleep(2)

        assert await world.gone(CONFIG_MAPS, "child")


@pytest.mark.looptime
async def test_a_namespace_has_an_account_and_goes_with_all_it_holds() -> None:
    async with cluster() as world:
        await world.create(NAMESPACES, {"metadata": {"name": "shop"}})
        await asyncio.sleep(1)
        await world.client.get(SERVICE_ACCOUNTS, "default", namespace="shop")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
        await world.client.create(CONFIG_MAPS, body, namespace="shop")
        await world.delete(NAMESPACES, "shop")
        await asyncio.sleep(5)

        assert await world.gone(NAMESPACES, "shop")
        assert await world.client.items(CONFIG_MAPS, namespace="shop") == []
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_an_immediate_claim_is_bound_and_its_volume_goes_with_it() -> None:
    fast = {"metadata": {"name": "fast"}, "provisioner": "csi.example"}
    spec: Json = {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"]}
    spec["resources"] = {"requests": {"storage": "1Gi"}}
    async with cluster() as world:
        await world.create(STORAGE_CLASSES, fast)
        await world.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "c"}, "spec": spec})
        await asyncio.sleep(2)
        assert (await world.get(PERSISTENT_VOLUME_CLAIMS, "c"))["status"]["phase"] == "Bound"
        assert await world.silent() == {}

        await world.delete(PERSISTENT_VOLUME_CLAIMS, "c")
        await asyncio.sleep(2)
        assert await world.client.items(PERSISTENT_VOLUMES) == []
        assert await world.silent() == {}


def definition(plural: str, kind: str) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": f"{plural}.example.com"}, "spec": spec}


@pytest.mark.looptime
async def test_custom_resources_own_and_are_forgotten_with_their_definition() -> None:
    cars = Resource("example.com", "v1", "cars", "Car")
    async with cluster() as world:
        await world.create(CUSTOM_RESOURCE_DEFINITIONS, definition("cars", "Car"))
        await asyncio.sleep(2)
        car = await world.create(cars, {"metadata": {"name": "red"}})
        child = owned("child", car)
        child["metadata"]["ownerReferences"][0] |= {"apiVersion": "example.com/v1", "kind": "Car"}
        await world.create(CONFIG_MAPS, child)
        await asyncio.sleep(2)
        assert not await world.gone(CONFIG_MAPS, "child")
        await world.delete(cars, "red", propagation="Background")
        await asyncio.sleep(2)
        assert await world.gone(CONFIG_MAPS, "child")

        await world.delete(CUSTOM_RESOURCE_DEFINITIONS, "cars.example.com")
        await asyncio.sleep(5)
        with capture_logs() as told:
            assert await world.silent() == {}
        assert told == []
