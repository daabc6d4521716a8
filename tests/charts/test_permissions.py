"""The operator does the main job with what the chart permits, and is permitted little besides.

What was asked and what was refused comes from the API server's audit log, not from the operator.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from kube.client import Client, Json
from kube.resources import NODE_CLAIMS, Resource
from tandem.demo.brokers import WorkQueue
from tandem.demo.scenario import Scenario
from tests.charts.helm import CHART, Tool, args_of, environ_of, objects
from tests.clusters import Cluster
from tests.control_plane import AUDIT_LOG, kubeconfig
from tests.e2e.operator import operator_of
from tests.e2e.scene import QUICK, Scene, staged

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
CLUSTER_ROLES = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False
)
Permission = tuple[str, str, str]  # group, resource with its subresource, verb
USER, PASSWORD = "demo", "not-for-logs"

RESERVED: dict[Permission, str] = {
    ("", "events", "get"): "an Event that an earlier process wrote is read before it is counted",
    ("", "events", "patch"): "an Event that repeats is counted, at most once a minute",
    ("", "pods", "get"): "whether a pod whose eviction was refused is still there",
    ("", "pods", "delete"): "pods left when a claim's terminationGracePeriod ends",
    ("apps", "statefulsets", "get"): "as deployments, for the other kind of target",
    ("discovery.k8s.io", "endpointslices", "list"): "metrics-api over all pods of a service",
    ("karpenter.sh", "nodepools/status", "patch"): "as provisioners, for the newer kind of pool",
    ("karpenter.sh", "nodeclaims/finalizers", "update"): "asked for by an admission plugin only",
}


class WithEnvironment(Scenario):
    """Its worker's container has the queue's URL in its environment."""

    def manifests(self, trigger: Json, *, namespace: str = "") -> list[Json]:
        found = super().manifests(trigger, namespace=namespace)
        for body in found:
            if body["kind"] == "Deployment":
                container = body["spec"]["template"]["spec"]["containers"][0]
                container["env"] = [{"name": "QUEUE_USER", "value": USER}]
        return found


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
        }
        keda = {"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication"}
        return [
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


def asked_by(user: str, log: Path) -> list[tuple[Permission, int]]:
    """What *user* asked for, with the answers' codes."""
    found = []
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef")
        if entry["user"]["username"] == user and about is not None:
            inner = f"/{about['subresource']}" if about.get("subresource") else ""
            resource = about.get("resource", "") + inner
            permission = (about.get("apiGroup", ""), resource, entry["verb"])
            found.append((permission, entry.get("responseStatus", {}).get("code", 0)))
    return found


async def as_account(cluster: Cluster, folder: Path, namespace: str, name: str) -> Cluster:
    """The same cluster, as the chart's ServiceAccount."""
    client = cluster.client()
    try:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = await client.create(
            ACCOUNTS, request, namespace=namespace, name=name, subresource="token"
        )
    finally:
        await client.close()
    token = answer["status"]["token"]
    config = folder / "account"
    config.write_text(kubeconfig(cluster.url, token=token, authority=cluster.authority))
    return replace(cluster, kubeconfig=config, token=token)


async def rules_of(client: Client, release: str) -> list[Json]:
    cluster_wide = await client.get(CLUSTER_ROLES, release)
    lease = await client.get(ROLES, f"{release}-lease", namespace=release)
    return [*cluster_wide["rules"], *lease["rules"]]


async def play(scene: Scene) -> None:
    """The main job, in which a node is taken away from under its pods."""
    await scene.queue.publish(QUICK.messages)
    await scene.until(lambda s: s.pods["Running"] > 1, "pods run", 60)
    claims = await scene.client.items(NODE_CLAIMS)
    await scene.client.delete(NODE_CLAIMS, claims[0]["metadata"]["name"])
    await scene.until(lambda s: s.backlog == 0, "the queue is empty", 90)
    await scene.until(lambda s: s.at_zero, "back to zero", 60)


async def test_the_main_job_with_the_charts_account(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    helm = Tool(helm_program, environ_of(tmp_path, real_cluster.kubeconfig))
    where = (unique, str(CHART), f"--namespace={unique}", "--set=replicas=0")
    await asyncio.to_thread(helm, "install", *where, "--create-namespace")
    try:
        rendered = objects(await asyncio.to_thread(helm, "get", "manifest", unique, "-n", unique))
        account = await as_account(real_cluster, tmp_path, unique, unique)
        _, *args = args_of(rendered, unique)
        flags = [each for each in args if not each.startswith(("--listen", "--log"))]
        scenario = WithEnvironment(**{each: getattr(QUICK, each) for each in QUICK.__slots__})
        queue = GuardedQueue()
        async with (
            queue.serving(),
            staged(real_cluster, queue, f"{unique}-work", scenario) as scene,
            operator_of(account, tmp_path, *flags, "--node-startup=2s") as operator,
        ):
            await play(scene)
        client = real_cluster.client()
        rules = await rules_of(client, unique)
        await client.close()
    finally:
        await asyncio.to_thread(helm, "uninstall", unique, f"--namespace={unique}")

    log = operator.log.read_text()
    asked = asked_by(
        f"system:serviceaccount:{unique}:{unique}", real_cluster.kubeconfig.parent / AUDIT_LOG
    )
    unused = {
        permission
        for permission in granted(rules)
        if not any(covers(permission, each) for each, _ in asked)
    }
    assert "not-for-logs" not in log
    assert [each for each, code in asked if code in (401, 403)] == []
    assert "orbidden" not in log
    assert unused <= set(RESERVED), "a permission that was not used and has no reason"
    assert set(RESERVED) <= granted(rules), "a reason for a permission that is not given"
