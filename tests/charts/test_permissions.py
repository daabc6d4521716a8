"""The operator does the main job with what the chart permits, and is permitted little besides.

What was asked and what was refused comes from the API server's audit log, not from the operator.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
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
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    Resource,
)
from tandem.demo.brokers import WorkQueue
from tandem.demo.scenario import WORKER, Scenario
from tests.charts.helm import CHART, Tool, args_of, environ_of, objects
from tests.clusters import Cluster
from tests.control_plane import AUDIT_LOG, kubeconfig
from tests.e2e.operator import OperatorProcess, operator_of
from tests.e2e.scene import QUICK, Scene, staged
from tests.eventscaler.manifests import scaled_object
from tests.processes import free_ports

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
CLUSTER_ROLES = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False
)
ROLE_BINDINGS = replace(ROLES, plural="rolebindings", kind="RoleBinding")
DECISION = "authorization.k8s.io/decision"
DEADLINE_S = 40.0
LOOK_S = 0.1
Permission = tuple[str, str, str]  # group, resource with its subresource, verb
USER, PASSWORD = "demo", "not-for-logs"
JOB = "batch"

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
    ("apps", "statefulsets", "list"): "as deployments, for the other kind of target",
    ("apps", "statefulsets", "watch"): "as deployments, for the other kind of target",
    ("apps", "statefulsets", "get"): "as deployments, for the other kind of target",
    ("discovery.k8s.io", "endpointslices", "list"): "metrics-api over all pods of a service",
    ("metrics.k8s.io", "pods", "list"): "cpu and memory triggers; the run has no metrics-server",
    ("", "limitranges", "list"): "what cpu and memory triggers are measured against",
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


def asked_by(user: str, log: Path) -> list[tuple[Permission, bool]]:
    """What *user* asked for, and whether that was permitted.

    By the server's decision: a 403 is also what a namespace answers that is being deleted.
    """
    found = []
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef")
        if entry["user"]["username"] == user and about is not None:
            inner = f"/{about['subresource']}" if about.get("subresource") else ""
            resource = about.get("resource", "") + inner
            permission = (about.get("apiGroup", ""), resource, entry["verb"])
            found.append((permission, entry["annotations"][DECISION] == "allow"))
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


class Installed:
    """A release of the chart without pods of its own; its operator runs here, as its account."""

    def __init__(self, helm: Tool, cluster: Cluster, release: str) -> None:
        self.helm, self.cluster, self.release = helm, cluster, release
        (self.webhook_port,) = free_ports(1)

    async def lead_here(self) -> None:
        """Have the webhook configuration lead to this machine: no Service does, without pods."""
        client = self.cluster.client()
        try:
            found = await client.get(VALIDATING_WEBHOOK_CONFIGURATIONS, self.release)
            for webhook in found["webhooks"]:
                path = webhook["clientConfig"]["service"]["path"]
                url = f"https://127.0.0.1:{self.webhook_port}{path}"
                webhook["clientConfig"] = {"url": url}
            await client.replace(VALIDATING_WEBHOOK_CONFIGURATIONS, found)
        finally:
            await client.close()

    async def operator(self, folder: Path) -> AbstractAsyncContextManager[OperatorProcess]:
        """With the arguments of the chart's Deployment."""
        manifests = await asyncio.to_thread(
            self.helm, "get", "manifest", self.release, f"--namespace={self.release}"
        )
        account = await as_account(self.cluster, folder, self.release, self.release)
        _, *args = args_of(objects(manifests), self.release)
        flags = [each for each in args if not each.startswith(("--listen", "--log", "--webhook="))]
        flags.append(f"--webhook=127.0.0.1:{self.webhook_port}")
        return operator_of(account, folder, *flags, "--node-startup=2s")

    def asked(self) -> list[tuple[Permission, bool]]:
        user = f"system:serviceaccount:{self.release}:{self.release}"
        return asked_by(user, self.cluster.kubeconfig.parent / AUDIT_LOG)


@asynccontextmanager
async def installed(
    program: Path, cluster: Cluster, folder: Path, release: str, *flags: str
) -> AsyncIterator[Installed]:
    helm = Tool(program, environ_of(folder, cluster.kubeconfig))
    namespace = f"--namespace={release}"
    where = (release, str(CHART), namespace, "--create-namespace", "--set=replicas=0")
    await asyncio.to_thread(helm, "install", *where, *flags)
    try:
        found = Installed(helm, cluster, release)
        await found.lead_here()
        yield found
    finally:
        await asyncio.to_thread(helm, "uninstall", release, namespace)


async def test_the_main_job_with_the_charts_account(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    scenario = WithEnvironment(**{each: getattr(QUICK, each) for each in QUICK.__slots__})
    queue = GuardedQueue()
    async with (
        installed(helm_program, real_cluster, tmp_path, unique) as release,
        queue.serving(),
        staged(real_cluster, queue, f"{unique}-work", scenario) as scene,
    ):
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


async def test_secrets_are_read_only_where_that_is_permitted(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    """Without it the scale is held and the object says why; a Role for one namespace suffices."""
    work = f"{unique}-work"
    scenario = WithEnvironment(**{each: getattr(QUICK, each) for each in QUICK.__slots__})
    queue = GuardedQueue()
    flags = ("--set=rbac.readSecrets=false", "--set=only=events")
    async with (
        installed(helm_program, real_cluster, tmp_path, unique, *flags) as release,
        queue.serving(),
        staged(real_cluster, queue, work, scenario) as scene,
        await release.operator(tmp_path),
    ):
        await queue.publish(QUICK.messages)
        told = await not_ready(scene.client, work)
        before = scene.samples[-1].replicas
        await permit(scene.client, work, unique)
        await scene.until(lambda s: s.replicas > 0, "replicas rise", 60)

    assert f"secret {work}/queue may not be read by this operator" in told
    assert before == 0
    denied = {each for each, allowed in release.asked() if not allowed}
    assert denied == {("", "secrets", "get")}


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


async def not_ready(client: Client, namespace: str) -> str:
    """Why the worker's ScaledObject is not ready, once it is not."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            body = await client.get(SCALED_OBJECTS, WORKER, namespace=namespace)
            for condition in body.get("status", {}).get("conditions", []):
                if condition["type"] == "Ready" and condition["status"] == "False":
                    return str(condition["message"])
            await asyncio.sleep(LOOK_S)


async def permit(client: Client, namespace: str, account: str) -> None:
    """What docs/install.md advises."""
    name: Json = {"name": "tandem-secrets", "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": account}
    role = {"apiGroup": ROLES.group, "kind": ROLES.kind, "name": name["name"]}
    await client.create(ROLES, {"metadata": name, "rules": [rule]}, namespace=namespace)
    body: Json = {"metadata": name, "roleRef": role, "subjects": [subject]}
    await client.create(ROLE_BINDINGS, body, namespace=namespace)
