"""A queue whose work is done by Jobs: one a message, on nodes that must be launched first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kube.cache import Cache, Change
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.objects import ObjectMeta
from kube.resources import JOBS, NAMESPACES, NODES, PODS, PROVISIONERS, SCALED_JOBS
from tandem.demo.brokers import Broker, WorkQueue
from tandem.demo.scenario import Scenario
from tandem.demo.workers import WorkerPod
from tests.clusters import Cluster
from tests.e2e.kit import gone, kubelets, until
from tests.e2e.operator import operator_of
from tests.e2e.queues import rabbitmq_queue
from tests.e2e.scene import install_crds
from tests.services.rabbitmq import RabbitMq

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

FIRST, MESSAGES, MOST, KEPT = 3, 12, 6, 2
WORK_S = 0.3  # of the seconds that a pod runs
TIMES = {"tandem.sh/ready-after": "1s", "tandem.sh/runs-for": "2s"}
EXAMPLE = Path(__file__).parents[2] / "examples" / "rabbitmq-jobs.yaml"
FLAGS = ("--node-startup=3s", "--no-elect")


class _Condition(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, frozen=True, gc=False):
    conditions: tuple[_Condition, ...] = ()


class SeenJob(msgspec.Struct, frozen=True, gc=False):
    """What the test reads of a Job."""

    metadata: ObjectMeta
    status: _Status = _Status()

    @property
    def is_over(self) -> bool:
        ends = ("Complete", "Failed")
        return any(c.type in ends and c.status == "True" for c in self.status.conditions)


@dataclass(slots=True)
class Watched:
    """All that ever was of the namespace's Jobs, and the work that their pods did."""

    jobs: Cache[SeenJob]
    pods: Cache[WorkerPod]
    broker: Broker
    uids: set[str] = field(default_factory=set)
    most: int = 0
    before_nodes: int = 0
    launched: bool = False
    empty_handed: int = 0
    served: set[str] = field(default_factory=set)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self.jobs.subscribe(self._count)
            self.pods.subscribe(lambda change: self._serve(change, group))
            for cache in (self.jobs, self.pods):
                group.create_task(cache.run())

    @property
    def unfinished(self) -> int:
        return sum(not job.is_over for job in self.jobs.values())

    def _count(self, change: Change[SeenJob]) -> None:
        if change.new is not None:
            self.uids.add(change.new.metadata.uid)
        self.most = max(self.most, self.unfinished)
        if not self.launched:
            self.before_nodes = len(self.uids)

    def _serve(self, change: Change[WorkerPod], group: asyncio.TaskGroup) -> None:
        """A pod that runs takes one message."""
        pod = change.new
        if pod and pod.state == "Running" and pod.metadata.uid not in self.served:
            self.served.add(pod.metadata.uid)
            group.create_task(self._work())

    async def _work(self) -> None:
        async with self.broker.take() as found:
            self.empty_handed += not found
            await asyncio.sleep(WORK_S)


def scaled_job(namespace: str, trigger: Json, **spec: Any) -> Json:
    container = {
        "name": "worker",
        "image": "registry.invalid/worker:1",
        "resources": {"requests": {"cpu": "900m", "memory": "1Gi"}},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "work", "namespace": namespace},
        "spec": {
            "jobTargetRef": {"template": {"metadata": {"annotations": TIMES}, "spec": pod}},
            "pollingInterval": 1,
            "maxReplicaCount": MOST,
            "successfulJobsHistoryLimit": KEPT,
            "triggers": [trigger],
            **spec,
        },
    }


@asynccontextmanager
async def staged(
    cluster: Cluster, namespace: str, broker: Broker, bodies: list[Json]
) -> AsyncIterator[tuple[Client, Watched]]:
    client = cluster.client()
    provisioner = Scenario(empty_s=3).manifests({})[0]
    watched = Watched(
        Cache(client, JOBS, SeenJob, namespace=namespace),
        Cache(client, PODS, WorkerPod, namespace=namespace),
        broker,
    )
    try:
        await install_crds(client)
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
        await client.create(PROVISIONERS, provisioner)
        for body in bodies:
            resource = await Discovery(client).resource(body["apiVersion"], body["kind"])
            await client.create(resource, body)
        async with kubelets(cluster, client), asyncio.TaskGroup() as group:
            task = group.create_task(watched.run())
            yield client, watched
            task.cancel()
    finally:
        await gone(client, NAMESPACES, namespace)
        await gone(client, PROVISIONERS, "default")
        await client.close()


async def play(client: Client, watched: Watched, namespace: str) -> None:
    """Few messages while there is no node, then many; until all is done and put away."""
    broker = watched.broker
    await until(lambda: _no_nodes(client), "nodes of other tests are gone", 30)
    await broker.publish(FIRST)
    await until(lambda: _launched(client, watched), "a node is launched", 40)
    await broker.publish(MESSAGES - FIRST)
    await until(_true(lambda: broker.done == MESSAGES), "every message is done", 90)
    await until(
        _true(lambda: len(watched.jobs.values()) == KEPT and not watched.unfinished),
        "only the history is left",
        30,
    )
    await until(lambda: _idle(client, namespace), "the ScaledJob is idle", 20)


def assert_round(watched: Watched) -> None:
    assert watched.before_nodes == FIRST, "looked at again while a node starts, and none doubled"
    assert len(watched.uids) == MESSAGES, "a Job for each message"
    assert watched.empty_handed == 0
    assert MOST / 2 < watched.most <= MOST


def _true(holds: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return holds()

    return asked


async def _launched(client: Client, watched: Watched) -> bool:
    watched.launched = bool(await client.items(NODES))
    return watched.launched


async def _no_nodes(client: Client) -> bool:
    return not await client.items(NODES)


async def _idle(client: Client, namespace: str) -> bool:
    body = await client.get(SCALED_JOBS, "work", namespace=namespace)
    found = {c["type"]: c["status"] for c in body["status"]["conditions"]}
    return (found["Ready"], found["Active"]) == ("True", "False")


async def test_jobs_follow_a_queue(operated_cluster: Cluster, unique: str, tmp_path: Path) -> None:
    """Messages leave this queue when they are done; the operator is killed in the middle."""
    queue = WorkQueue(per_replica=1)
    async with queue.serving():
        body = scaled_job(unique, queue.trigger())
        async with staged(operated_cluster, unique, queue, [body]) as (client, watched):
            async with operator_of(operated_cluster, tmp_path, *FLAGS) as operator:
                task = asyncio.create_task(play(client, watched, unique))
                await until(_true(lambda: watched.launched), "a node is launched", 60)
                operator.kill()
                await asyncio.to_thread(operator.start)
                await task

            assert_round(watched)


def example(namespace: str, queue: str, url: str) -> list[Json]:
    """The example, with a queue and a size for a test."""
    bodies: list[Json] = list(yaml.safe_load_all(EXAMPLE.read_text()))
    for body in bodies:
        body["metadata"]["namespace"] = namespace
    held, _, job = bodies
    held["stringData"]["uri"] = url
    job["metadata"]["name"] = "work"
    job["spec"] |= {
        "pollingInterval": 1,
        "maxReplicaCount": MOST,
        "successfulJobsHistoryLimit": KEPT,
    }
    job["spec"]["jobTargetRef"]["template"]["metadata"] = {"annotations": TIMES}
    job["spec"]["triggers"][0]["metadata"]["queueName"] = queue
    return bodies


async def test_the_example_with_jobs_that_take_their_message(
    operated_cluster: Cluster, rabbitmq: RabbitMq, unique: str, tmp_path: Path
) -> None:
    """Messages leave the queue when they are taken; a Job that has not taken one is pending."""
    bodies = await asyncio.to_thread(example, unique, unique, rabbitmq.amqp)
    async with (
        rabbitmq_queue(rabbitmq.amqp, unique) as queue,
        staged(operated_cluster, unique, queue, bodies) as (client, watched),
    ):
        async with operator_of(operated_cluster, tmp_path, *FLAGS):
            await play(client, watched, unique)

        assert_round(watched)
