"""StatefulSets, DaemonSets and Jobs on the sandbox, under virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kube.client import Json
from kube.resources import (
    DAEMON_SETS,
    JOBS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
    STORAGE_CLASSES,
)
from tests.sandbox.controllers.worlds import World, cluster, phases, said, template


def stateful(name: str, replicas: int, **spec: Any) -> Json:
    given = {
        "replicas": replicas,
        "serviceName": name,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name),
    }
    return {"metadata": {"name": name}, "spec": {**given, **spec}}


def claim_template(name: str) -> Json:
    amount = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": amount, "storageClassName": "fast"}
    return {"metadata": {"name": name}, "spec": spec}


def names(found: list[Json]) -> list[str]:
    return sorted(each["metadata"]["name"] for each in found)


@pytest.mark.looptime
async def test_a_statefulset_starts_in_order_and_stops_in_reverse() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(STATEFUL_SETS, stateful("db", 3))
        await asyncio.sleep(0.5)
        assert names(await world.pods()) == ["db-0"]
        await asyncio.sleep(1.5)
        assert names(await world.pods()) == ["db-0", "db-1"]
        await asyncio.sleep(4)
        shown = await world.get(STATEFUL_SETS, "db")
        assert shown["status"]["readyReplicas"] == shown["status"]["availableReplicas"] == 3
        assert shown["status"]["currentRevision"] == shown["status"]["updateRevision"]
        assert await world.silent() == {}

        await world.patch(STATEFUL_SETS, "db", {"spec": {"replicas": 1}})
        await asyncio.sleep(0.3)
        assert [p["metadata"]["name"] for p in await leaving(world)] == ["db-2"]
        await asyncio.sleep(5)
        assert names(await world.pods()) == ["db-0"]
        assert await world.silent() == {}


async def leaving(world: World) -> list[Json]:
    return [pod for pod in await world.pods() if pod["metadata"].get("deletionTimestamp")]


@pytest.mark.looptime
async def test_a_parallel_statefulset_starts_at_once_and_updates_from_the_top() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(STATEFUL_SETS, stateful("db", 3, podManagementPolicy="Parallel"))
        await asyncio.sleep(3)
        assert phases(await world.pods()) == {"Running": 3}

        body = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
        await world.patch(STATEFUL_SETS, "db", body)
        await asyncio.sleep(0.3)
        assert names(await leaving(world)) == ["db-2"]
        await asyncio.sleep(20)
        pods = await world.pods()
        assert phases(pods) == {"Running": 3}
        assert all(pod["metadata"]["annotations"]["v"] == "2" for pod in pods)
        assert (await world.get(STATEFUL_SETS, "db"))["status"]["updatedReplicas"] == 3
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_claims_of_a_statefulset_are_made_bound_and_zonal() -> None:
    """A class that waits: the scheduler picks the node, the binder makes a volume in its zone."""
    zone = "topology.kubernetes.io/zone"
    async with cluster() as world:
        await world.nodes("a", topology_kubernetes_io__zone="z")
        fast = {"provisioner": "csi.example", "volumeBindingMode": "WaitForFirstConsumer"}
        await world.create(STORAGE_CLASSES, {"metadata": {"name": "fast"}, **fast})
        claims = [claim_template("data")]
        await world.create(STATEFUL_SETS, stateful("db", 2, volumeClaimTemplates=claims))
        await asyncio.sleep(6)

        assert phases(await world.pods()) == {"Running": 2}
        found = await world.client.items(PERSISTENT_VOLUME_CLAIMS, namespace="default")
        assert names(found) == ["data-db-0", "data-db-1"]
        assert {claim["status"]["phase"] for claim in found} == {"Bound"}
        assert (await world.get(NODES, "a"))["metadata"]["labels"][zone] == "z"
        assert await world.silent() == {}


def daemon(name: str, **options: Any) -> Json:
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template(name, **options)}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.looptime
async def test_a_daemonset_runs_on_each_node_that_would_take_it() -> None:
    async with cluster() as world:
        await world.nodes("a", "b", pool="yes")
        await world.nodes("c")
        await world.create(DAEMON_SETS, daemon("agent", nodeSelector={"pool": "yes"}))
        await asyncio.sleep(3)

        assert sorted(pod["spec"]["nodeName"] for pod in await world.pods()) == ["a", "b"]
        status = (await world.get(DAEMON_SETS, "agent"))["status"]
        assert status["desiredNumberScheduled"] == status["numberAvailable"] == 2

        await world.nodes("d", pool="yes")
        await world.patch(NODES, "a", {"spec": {"unschedulable": True}})
        await world.delete(NODES, "b")
        await asyncio.sleep(5)
        assert sorted(pod["spec"]["nodeName"] for pod in await world.pods()) == ["a", "d"]
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_daemonset_replaces_pods_of_an_old_template_one_by_one() -> None:
    async with cluster() as world:
        await world.nodes("a", "b")
        await world.create(DAEMON_SETS, daemon("agent"))
        await asyncio.sleep(3)
        body = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
        await world.patch(DAEMON_SETS, "agent", body)
        await asyncio.sleep(0.3)
        assert len(await leaving(world)) == 1
        await asyncio.sleep(10)

        assert all(p["metadata"]["annotations"]["v"] == "2" for p in await world.pods())
        assert (await world.get(DAEMON_SETS, "agent"))["status"]["updatedNumberScheduled"] == 2
        assert await world.silent() == {}


def job(name: str, *, annotations: Json | None = None, **spec: Any) -> Json:
    given = template(name, annotations=annotations, restartPolicy="Never")
    return {"metadata": {"name": name}, "spec": {"template": given, **spec}}


OK = {"tandem.sh/runs-for": "5s"}
BAD = {"tandem.sh/fails-after": "1s"}


@pytest.mark.looptime
async def test_a_job_runs_its_completions_a_few_at_a_time() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(JOBS, job("sum", annotations=OK, completions=4, parallelism=2))
        await asyncio.sleep(3)
        assert (await world.get(JOBS, "sum"))["status"]["active"] == 2
        await asyncio.sleep(20)

        shown = await world.get(JOBS, "sum")
        assert shown["status"]["succeeded"] == 4
        assert "active" not in shown["status"]
        assert said(shown, "Complete")["status"] == "True"
        pods = await world.pods()
        assert phases(pods) == {"Succeeded": 4}
        assert not any(pod["metadata"].get("finalizers") for pod in pods)
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_failing_job_backs_off_and_gives_up() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(JOBS, job("bad", annotations=BAD, backoffLimit=1))
        await asyncio.sleep(8)
        assert (await world.get(JOBS, "bad"))["status"]["failed"] == 1
        assert len(await world.pods()) == 1, "the second attempt waits for ten seconds"
        await asyncio.sleep(20)

        shown = await world.get(JOBS, "bad")
        assert said(shown, "Failed")["reason"] == "BackoffLimitExceeded"
        assert shown["status"]["failed"] == 2
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_job_past_its_deadline_is_stopped() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(JOBS, job("long", activeDeadlineSeconds=10))
        await asyncio.sleep(15)

        assert said(await world.get(JOBS, "long"), "Failed")["reason"] == "DeadlineExceeded"
        assert await world.pods() == []
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_a_finished_job_goes_after_its_time_to_live() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(JOBS, job("brief", annotations=OK, ttlSecondsAfterFinished=30))
        await asyncio.sleep(20)
        assert said(await world.get(JOBS, "brief"), "Complete")["status"] == "True"
        await asyncio.sleep(30)

        assert await world.gone(JOBS, "brief")
        assert await world.pods() == []


@pytest.mark.looptime
async def test_a_suspended_job_has_no_pods_until_it_is_resumed() -> None:
    async with cluster() as world:
        await world.nodes("a")
        await world.create(JOBS, job("later", annotations=OK, suspend=True))
        await asyncio.sleep(3)
        assert await world.pods() == []
        assert said(await world.get(JOBS, "later"), "Suspended")["status"] == "True"

        await world.patch(JOBS, "later", {"spec": {"suspend": False}})
        await asyncio.sleep(15)
        assert said(await world.get(JOBS, "later"), "Complete")["status"] == "True"


@pytest.mark.looptime
async def test_deleting_a_job_frees_its_running_pods() -> None:
    """The tracking finalizer must not outlive the Job."""
    async with cluster() as world:
        await world.nodes("a")
        await world.create(JOBS, job("gone", parallelism=2))
        await asyncio.sleep(3)
        await world.delete(JOBS, "gone", propagation="Background")
        await asyncio.sleep(5)

        assert await world.client.items(PODS, namespace="default") == []
        assert await world.silent() == {}


@pytest.mark.looptime
async def test_an_indexed_job_runs_each_index_once() -> None:
    async with cluster() as world:
        await world.nodes("a")
        spec = {"completions": 3, "parallelism": 3, "completionMode": "Indexed"}
        await world.create(JOBS, job("parts", annotations=OK, **spec))
        await asyncio.sleep(15)

        assert (await world.get(JOBS, "parts"))["status"]["completedIndexes"] == "0-2"
        index = "batch.kubernetes.io/job-completion-index"
        found = [pod["metadata"]["annotations"][index] for pod in await world.pods()]
        assert sorted(found) == ["0", "1", "2"]
