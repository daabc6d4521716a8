"""Kubelets without machines: the pure core, the sandbox, and a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from kube.client import Client, Json
from kube.resources import DEPLOYMENTS, LEASES, NODES, PODS
from tandem.sandbox.controllers.kubelet import (
    Moments,
    heartbeat,
    reconcile,
    run_kubelets,
    seen,
    simulated,
)
from tandem.sandbox.controllers.plans import Change, Delete, Plan
from tandem.sandbox.controllers.settings import ControllerSettings
from tandem.sandbox.controllers.things import Thing, thing
from tests.clusters import Cluster
from tests.sandbox.controllers.worlds import cluster, deployment, node, said, template

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = ControllerSettings(pod_start_s=2.0, pod_stop_s=3.0)
NODE = thing({"metadata": {"name": "n", "uid": "n", "labels": {"kwok.x-k8s.io/node": "fake"}}})


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def pod(
    *, phase: str = "Pending", inits: int = 0, status: Json | None = None, **metadata: Any
) -> Thing:
    spec: Json = {"nodeName": "n", "containers": [{"name": "c", "image": "busybox"}]}
    spec["initContainers"] = [{"name": f"i{number}"} for number in range(inits)]
    meta = {"name": "p", "namespace": "d", "uid": "p", **metadata}
    return thing({"metadata": meta, "spec": spec, "status": {"phase": phase, **(status or {})}})


def written(plan: Plan) -> Json:
    """The status that the plan's one action writes."""
    (action,) = plan.actions
    assert isinstance(action, Change)
    status: Json = action.body["status"]
    return status


def test_a_new_pod_is_creating_its_container_until_its_delay_has_passed() -> None:
    plan = reconcile(pod(), NODE, Moments(START), at(0), SETTINGS)
    assert written(plan)["containerStatuses"][0]["state"] == {
        "waiting": {"reason": "ContainerCreating"}
    }
    assert plan.again_s == 2.0

    started = pod(status={"startTime": "2026-01-01T00:00:00Z"})
    assert reconcile(started, NODE, Moments(START), at(1), SETTINGS) == Plan((), 1.0)
    assert written(reconcile(started, NODE, Moments(START), at(2), SETTINGS))["phase"] == "Running"


def test_init_containers_take_one_delay_each() -> None:
    moments = Moments(START)
    assert written(reconcile(pod(inits=2), NODE, moments, at(5), SETTINGS))["phase"] == "Pending"
    assert written(reconcile(pod(inits=2), NODE, moments, at(6), SETTINGS))["phase"] == "Running"


RUNS_FOR = {"tandem.sh/runs-for": "5s"}
FAILS_AFTER = {"tandem.sh/fails-after": "5s"}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("annotations", "phase"),
    [
        pytest.param(RUNS_FOR, "Succeeded", id="runs-for"),
        pytest.param(FAILS_AFTER, "Failed", id="fails-after"),
    ],
)
def test_a_pod_with_an_end_ends(annotations: dict[str, str], phase: str) -> None:
    running = pod(phase="Running", annotations=annotations, status=READY)
    moments = Moments(START, running=at(2))

    assert reconcile(running, NODE, moments, at(6), SETTINGS) == Plan((), 1.0)
    assert written(reconcile(running, NODE, moments, at(7), SETTINGS))["phase"] == phase


def test_pods_of_jobs_end_by_setting() -> None:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "j", "controller": True}
    running = pod(phase="Running", ownerReferences=[owner], status=READY)
    ending = ControllerSettings(job_run_s=4.0)
    moments = Moments(START, running=at(0))

    assert reconcile(running, NODE, moments, at(9), SETTINGS) == Plan()
    assert written(reconcile(running, NODE, moments, at(4), ending))["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("grace_s", "stops_s"),
    [
        pytest.param(30, 3.0, id="a long grace ends at the setting"),
        pytest.param(1, 1.0, id="a short one ends itself"),
    ],
)
def test_a_leaving_pod_stops(grace_s: int, stops_s: float) -> None:
    leaving = pod(
        phase="Running",
        deletionTimestamp="2026-01-01T00:00:30Z",
        deletionGracePeriodSeconds=grace_s,
    )
    moments = seen(leaving, None, START)

    assert reconcile(leaving, NODE, moments, at(0), SETTINGS) == Plan((), stops_s)
    assert reconcile(leaving, NODE, moments, at(stops_s), SETTINGS).actions == (
        Delete(PODS, "d", "p", "p", 0, None),
    )


def test_what_only_finalizers_hold_is_left_to_them() -> None:
    held = pod(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=0)

    assert reconcile(held, NODE, seen(held, None, START), at(9), SETTINGS) == Plan()


def test_only_marked_nodes_are_simulated() -> None:
    real = thing({"metadata": {"name": "m"}})
    annotated = thing({"metadata": {"name": "k", "annotations": {"kwok.x-k8s.io/node": "fake"}}})

    assert [simulated(each, SETTINGS) for each in (NODE, annotated, real)] == [True, True, False]
    assert simulated(real, ControllerSettings(every_node=True))


def test_a_heartbeat_renews_the_lease_that_is_there() -> None:
    assert "Change" in repr(heartbeat(NODE, NODE, START))
    assert "Create" in repr(heartbeat(NODE, None, START))


@pytest.mark.looptime
async def test_init_containers_sidecars_and_late_readiness_on_the_sandbox() -> None:
    inits = [{"name": "first", "image": "i"}]
    inits.append({"name": "side", "image": "i", "restartPolicy": "Always"})
    late = {"tandem.sh/ready-after": "5s"}
    async with cluster() as world:
        await world.nodes("a")
        body = template("p", annotations=late, initContainers=inits)
        await world.create(PODS, {"metadata": {"name": "p", **body["metadata"]}, **body_of(body)})
        await asyncio.sleep(1.5)
        assert (await world.get(PODS, "p"))["status"]["phase"] == "Pending"
        await asyncio.sleep(2)
        shown = await world.get(PODS, "p")
        assert (shown["status"]["phase"], said(shown, "Ready")["status"]) == ("Running", "False")
        await asyncio.sleep(5)
        assert said(await world.get(PODS, "p"), "Ready")["status"] == "True"
        assert await world.silent() == {}


def body_of(template: Json) -> Json:
    return {"spec": template["spec"]}


@pytest.mark.looptime
async def test_heartbeats_are_the_only_writes_when_they_are_on() -> None:
    async with cluster(ControllerSettings(heartbeat_s=10.0)) as world:
        await world.nodes("a")
        await asyncio.sleep(15)
        path = f"PATCH {LEASES.path('kube-node-lease', 'a')}"

        assert set(await world.silent(for_s=100)) == {path}


@asynccontextmanager
async def simulation(client: Client) -> AsyncIterator[None]:
    settings = ControllerSettings(pod_start_s=0.1, pod_stop_s=0.1, heartbeat_s=5.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            run_kubelets(client, now=lambda: datetime.now(UTC), settings=settings)
        )
        yield
        task.cancel()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(40):
        while not await holds():
            await asyncio.sleep(0.1)


async def test_pods_run_and_stop_on_any_api_server(busy_cluster: Cluster) -> None:
    """The same kubelets serve the sandbox over HTTP and a real kube-apiserver."""
    name = f"kubelet-{uuid4().hex[:6]}"
    client = busy_cluster.client()
    body = deployment(name, 2, nodeSelector={"kubernetes.io/hostname": name})

    async def ready() -> bool:
        found = await client.get(DEPLOYMENTS, name, namespace="default")
        return bool(found["status"].get("availableReplicas") == 2)

    async def none() -> bool:
        return not await client.items(PODS, namespace="default", labels=f"app={name}")

    async with simulation(client):
        await client.create(NODES, {"apiVersion": "v1", "kind": "Node", **node(name)})
        typed = {"apiVersion": "apps/v1", "kind": "Deployment", **body}
        await client.create(DEPLOYMENTS, typed, namespace="default")
        await until(ready)
        await client.patch(DEPLOYMENTS, name, {"spec": {"replicas": 0}}, namespace="default")
        await until(none)
        await client.delete(DEPLOYMENTS, name, namespace="default", propagation="Background")
        await client.delete(NODES, name)
    await client.close()
