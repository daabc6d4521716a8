"""The chart where Secrets may not be read at will, on a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube.client import Client, Json
from kube.resources import CLUSTER_TRIGGER_AUTHENTICATIONS, SCALED_OBJECTS, Resource
from tandem.demo.scenario import WORKER
from tests.charts.guarded import guarded, not_ready
from tests.charts.release import ROLE_BINDINGS, ROLES
from tests.clusters import Cluster
from tests.e2e.scene import QUICK, Scene

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
CLUSTER_KIND = CLUSTER_TRIGGER_AUTHENTICATIONS.kind


async def test_restricted_secrets_are_the_operators_own(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    """A Secret beside the workload is refused in words; one beside the operator is read."""
    work = f"{unique}-work"
    flags = ("--set=auth.restrictSecretAccess=true", "--set=only=events")
    async with (
        guarded(helm_program, real_cluster, tmp_path, unique, *flags) as (release, scene),
        await release.operator(tmp_path),
    ):
        await scene.queue.publish(QUICK.messages)
        told = await not_ready(scene.client, work)
        before = scene.samples[-1].replicas
        await with_own_secret(scene, work, unique)
        await scene.until(lambda s: s.replicas > 0, "replicas rise", 60)
        await scene.client.delete(CLUSTER_TRIGGER_AUTHENTICATIONS, unique)

    assert f"secret {work}/queue is not read: with --restrict-secret-access" in told
    assert before == 0
    assert [each for each, allowed in release.asked() if not allowed] == []


async def test_secrets_are_read_only_where_that_is_permitted(
    helm_program: Path, real_cluster: Cluster, unique: str, tmp_path: Path
) -> None:
    """Without it the scale is held and the object says why; a Role for one namespace suffices."""
    work = f"{unique}-work"
    flags = ("--set=rbac.readSecrets=false", "--set=only=events")
    async with (
        guarded(helm_program, real_cluster, tmp_path, unique, *flags) as (release, scene),
        await release.operator(tmp_path),
    ):
        await scene.queue.publish(QUICK.messages)
        told = await not_ready(scene.client, work)
        before = scene.samples[-1].replicas
        await permit(scene.client, work, unique)
        await scene.until(lambda s: s.replicas > 0, "replicas rise", 60)

    assert f"secret {work}/queue may not be read by this operator" in told
    assert before == 0
    denied = {each for each, allowed in release.asked() if not allowed}
    assert denied == {("", "secrets", "get")}


async def with_own_secret(scene: Scene, work: str, release: str) -> None:
    """The same credentials for all namespaces, with their Secret where the operator is."""
    client, queue = scene.client, scene.queue
    for body in queue.credentials(release):
        if body["kind"] == "TriggerAuthentication":
            body |= {"kind": CLUSTER_KIND, "metadata": {"name": release}}
            await client.create(CLUSTER_TRIGGER_AUTHENTICATIONS, body)
        else:
            plural = f"{body['kind'].lower()}s"
            await client.create(Resource("", "v1", plural, body["kind"]), body)
    trigger = queue.trigger() | {"authenticationRef": {"name": release, "kind": CLUSTER_KIND}}
    await client.patch(SCALED_OBJECTS, WORKER, {"spec": {"triggers": [trigger]}}, namespace=work)


async def permit(client: Client, namespace: str, account: str) -> None:
    """What docs/install.md advises."""
    name: Json = {"name": "tandem-secrets", "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": account}
    role = {"apiGroup": ROLES.group, "kind": ROLES.kind, "name": name["name"]}
    await client.create(ROLES, {"metadata": name, "rules": [rule]}, namespace=namespace)
    body: Json = {"metadata": name, "roleRef": role, "subjects": [subject]}
    await client.create(ROLE_BINDINGS, body, namespace=namespace)
