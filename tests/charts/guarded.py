"""Work whose trigger takes what it needs from everywhere, with the operator of a release."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kube.client import Client, Json
from kube.resources import (
    SCALED_OBJECTS,
)
from tandem.demo.brokers import WorkQueue
from tandem.demo.scenario import WORKER, Scenario
from tests.charts.release import Installed, installed
from tests.clusters import Cluster
from tests.e2e.scene import QUICK, Scene, staged

DEADLINE_S = 40.0
LOOK_S = 0.1
USER, PASSWORD = "demo", "not-for-logs"
JOB = "batch"


class WithEnvironment(Scenario):
    """Its worker's container has the queue's URL in its environment."""

    def manifests(self, trigger: Json, *, namespace: str = "") -> list[Json]:
        found = super().manifests(trigger, namespace=namespace)
        for body in found:
            if body["kind"] == "Deployment":
                container = body["spec"]["template"]["spec"]["containers"][0]
                container["env"] = [{"name": "QUEUE_USER", "value": USER}]
        return [*found, suspended(namespace)]


def suspended(namespace: str) -> Json:
    """A ScaledJob whose Job has no pod, and so no node; KEDA had it before."""
    window = {"timezone": "UTC", "start": "0 0 1 1 *", "end": "59 23 31 12 *"}
    container = {"name": "main", "image": "registry.invalid/none:1"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": JOB, "namespace": namespace, "finalizers": ["finalizer.keda.sh"]},
        "spec": {
            "jobTargetRef": {"suspend": True, "template": {"spec": {"containers": [container]}}},
            "pollingInterval": 1,
            "triggers": [{"type": "cron", "metadata": window | {"desiredReplicas": "1"}}],
        },
    }


class GuardedQueue(WorkQueue):
    """Its trigger takes a password from a Secret, and what else it needs from everywhere else."""

    def __init__(self) -> None:
        super().__init__(per_replica=QUICK.per_replica)
        self.finished: Counter[str] = Counter()

    def credentials(self, namespace: str) -> list[Json]:
        where = {"namespace": namespace, "name": "queue"}
        spec = {
            "secretTargetRef": [{"parameter": "password", "name": "queue", "key": "password"}],
            "configMapTargetRef": [{"parameter": "authModes", "name": "queue", "key": "modes"}],
            "env": [{"parameter": "username", "name": "QUEUE_USER"}],
            "boundServiceAccountToken": [{"parameter": "ca", "serviceAccountName": "reader"}],
        }
        account: Json = {"apiVersion": "v1", "kind": "ServiceAccount"}
        account |= {"metadata": where | {"name": "reader"}}
        keda = {"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication"}
        return [
            account,
            {"apiVersion": "v1", "kind": "Secret", "metadata": where}
            | {"stringData": {"password": PASSWORD}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": where}
            | {"data": {"modes": "basic"}},
            {**keda, "metadata": where, "spec": spec},
        ]

    def trigger(self) -> Json:
        found = super().trigger()
        metadata = found["metadata"] | {"authModes": "basic"}
        return found | {"metadata": metadata, "authenticationRef": {"name": "queue"}}


@asynccontextmanager
async def guarded(
    helm: Path, cluster: Cluster, folder: Path, release: str, *flags: str
) -> AsyncIterator[tuple[Installed, Scene]]:
    """A release, and beside it the work, in a namespace of its own."""
    scenario = WithEnvironment(**{each: getattr(QUICK, each) for each in QUICK.__slots__})
    queue = GuardedQueue()
    async with (
        installed(helm, cluster, folder, release, *flags) as found,
        queue.serving(),
        staged(cluster, queue, f"{release}-work", scenario) as scene,
    ):
        yield found, scene


async def not_ready(client: Client, namespace: str) -> str:
    """Why the worker's ScaledObject is not ready, once it is not."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            body = await client.get(SCALED_OBJECTS, WORKER, namespace=namespace)
            for condition in body.get("status", {}).get("conditions", []):
                if condition["type"] == "Ready" and condition["status"] == "False":
                    return str(condition["message"])
            await asyncio.sleep(LOOK_S)
