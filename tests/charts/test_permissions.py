"""The operator does the main job with what the chart permits, and is permitted little besides.

What was asked and what was refused comes from the API server's audit log, not from the operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from kube.client import Client, Json
from kube.errors import KubeError
from kube.resources import (
    CLOUD_EVENT_SOURCES,
    CLUSTER_CLOUD_EVENT_SOURCES,
    JOBS,
    NODE_CLAIMS,
    SCALED_JOBS,
    SCALED_OBJECTS,
)
from tandem.demo.scenario import WORKER
from tests.charts.guarded import DEADLINE_S, JOB, LOOK_S, PASSWORD, guarded
from tests.charts.release import CLUSTER_ROLES, ROLES, Permission, installed
from tests.clusters import Cluster
from tests.e2e.scene import QUICK, Scene
from tests.eventscaler.manifests import scaled_object

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

RESERVED: dict[Permission, str] = {
    **{
        ("keda.sh", kind, verb): "a finalizer that KEDA left, as on the ScaledJob of this run"
        for kind in ("scaledobjects", "triggerauthentications", "clustertriggerauthentications")
        for verb in ("get", "patch")
    },
    ("keda.sh", "clustertriggerauthentications/status", "patch"): "who uses it, as of the other",
    ("", "serviceaccounts", "get"): "the role of a workload's ServiceAccount",
    ("", "serviceaccounts", "list"): "a ServiceAccount that was missing is seen when it comes",
    ("", "serviceaccounts", "watch"): "the same",
    ("", "events", "get"): "an Event that an earlier process wrote is read before it is counted",
    ("", "events", "patch"): "an Event that repeats is counted, at most once a minute",
    ("", "pods", "get"): "whether a pod whose eviction was refused is still there",
    ("", "pods", "delete"): "pods left when a claim's terminationGracePeriod ends",
    ("autoscaling", "horizontalpodautoscalers", "get"): "an HPA that KEDA left; test_hpa_mode.py",
    ("autoscaling", "horizontalpodautoscalers", "delete"): "the same",
    ("*", "*/scale", "get"): "kinds whose counts are not watched, and all while a watch is broken",
    ("apps", "statefulsets", "list"): "as deployments, for the other kind of target",
    ("apps", "statefulsets", "watch"): "as deployments, for the other kind of target",
    ("apps", "statefulsets", "get"): "as deployments, for the other kind of target",
    ("discovery.k8s.io", "endpointslices", "list"): "metrics-api over all pods of a service",
    ("metrics.k8s.io", "pods", "list"): "cpu and memory triggers; the run has no metrics-server",
    ("", "limitranges", "list"): "what cpu and memory triggers are measured against",
    ("karpenter.sh", "nodepools/status", "patch"): "as provisioners, for the newer kind of pool",
    ("karpenter.sh", "nodeclaims/finalizers", "update"): "asked for by an admission plugin only",
}


def granted(rules: Iterable[Json]) -> set[Permission]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def covers(permission: Permission, asked: Permission) -> bool:
    """Whether *asked* is one that *permission* is for.

    >>> covers(("*", "*/scale", "get"), ("apps", "deployments/scale", "get"))
    True
    """
    group, resource, verb = permission
    every = resource.removeprefix("*") if resource.startswith("*/") else None
    same = asked[1] == resource if every is None else asked[1].endswith(every)
    return group in ("*", asked[0]) and same and verb == asked[2]


async def rules_of(client: Client, release: str) -> list[Json]:
    cluster_wide = await client.get(CLUSTER_ROLES, release)
    lease = await client.get(ROLES, f"{release}-lease", namespace=release)
    return [*cluster_wide["rules"], *lease["rules"]]


async def play(scene: Scene) -> None:
    """The main job, in which a node is taken away from under its pods, and a Job replaced."""
    await scene.queue.publish(QUICK.messages)
    # As soon as a pod is bound, before any message is done: its node must then be drained, because
    # nothing else can have taken the pod away.
    found = await scene.until(lambda s: any(n.pods for n in s.nodes), "a pod is bound", 60)
    taken = next(node.name for node in found.nodes if node.pods)
    await scene.client.delete(NODE_CLAIMS, taken)
    first = await job_of(scene, "")
    edit = {"spec": {"maxReplicaCount": 1}}
    await scene.client.patch(SCALED_JOBS, JOB, edit, namespace=scene.world.namespace)
    await job_of(scene, first)
    await scene.client.delete(SCALED_JOBS, JOB, namespace=scene.world.namespace)
    await until_gone(scene)
    await sinks_of(scene)
    await scene.until(lambda s: s.backlog == 0, "the queue is empty", 90)
    await scene.until(lambda s: s.at_zero, "back to zero", 60)


async def sinks_of(scene: Scene) -> None:
    """Have CloudEvents sent to nowhere, until both kinds of source say that they are."""
    namespace = scene.world.namespace
    for resource in (CLOUD_EVENT_SOURCES, CLUSTER_CLOUD_EVENT_SOURCES):
        where = namespace if resource.namespaced else None
        spec = {"destination": {"http": {"uri": "http://127.0.0.1:1/"}}}
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
        await scene.client.create(
            resource, body | {"metadata": {"name": namespace}}, namespace=where
        )
        async with asyncio.timeout(DEADLINE_S):
            while not (await scene.client.get(resource, namespace, namespace=where)).get("status"):
                await asyncio.sleep(LOOK_S)
        await scene.client.delete(resource, namespace, namespace=where)


async def until_gone(scene: Scene) -> None:
    """Until the ScaledJob is let go, which somebody who may take its finalizer off must do."""
    async with asyncio.timeout(DEADLINE_S):
        while await scene.client.items(SCALED_JOBS, namespace=scene.world.namespace):
            await asyncio.sleep(LOOK_S)


async def job_of(scene: Scene, other: str) -> str:
    """The name of the ScaledJob's only Job, once that is not *other*."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await scene.client.items(JOBS, namespace=scene.world.namespace)
            names = [body["metadata"]["name"] for body in found]
            if len(names) == 1 and names[0] != other:
                return str(names[0])
            await asyncio.sleep(LOOK_S)


async def test_the_main_job_with_the_charts_account(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    async with guarded(helm_program, real_cluster, tmp_path, unique) as (release, scene):
        async with await release.operator(tmp_path) as operator:
            refused = await refusal(scene.client, f"{unique}-work")
            await play(scene)
        rules = await rules_of(scene.client, unique)

    asked, log = release.asked(), operator.log.read_text()
    unused = {
        permission
        for permission in granted(rules)
        if not any(covers(permission, each) for each, _ in asked)
    }
    assert f'"{SCALED_OBJECTS.plural}.admission.tandem.sh" denied the request' in refused
    assert PASSWORD not in log
    assert [each for each, allowed in asked if not allowed] == []
    assert unused <= set(RESERVED), "a permission that was not used and has no reason"
    assert set(RESERVED) <= granted(rules), "a reason for a permission that is not given"


async def test_replicas_that_share_the_objects_are_refused_nothing(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    flags = ("--set=shards=2", "--set=only=events")
    async with (
        installed(helm_program, real_cluster, tmp_path, unique, *flags) as release,
        await release.operator(tmp_path) as operator,
        asyncio.timeout(DEADLINE_S),
    ):
        while sum(line["event"] == "shard taken up" for line in operator.lines()) < 2:
            await asyncio.sleep(LOOK_S)

    asked = release.asked()
    assert [each for each, allowed in asked if not allowed] == []
    leases = ("create", "list", "get", "update", "patch", "delete")
    assert {("coordination.k8s.io", "leases", verb) for verb in leases} <= {e for e, _ in asked}


async def refusal(client: Client, namespace: str) -> str:
    """What the author of a second ScaledObject of the worker is told, once the webhook is up."""
    rival = scaled_object("rival", scaleTargetRef={"name": WORKER})
    rival["metadata"]["namespace"] = namespace
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await client.create(SCALED_OBJECTS, rival)
            except KubeError as error:
                return str(error)
            await client.delete(SCALED_OBJECTS, "rival", namespace=namespace)
            await asyncio.sleep(LOOK_S)
