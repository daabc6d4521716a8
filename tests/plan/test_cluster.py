"""`tandem plan --from-cluster` against the embedded API and the real one: it only lists."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from kube.client import Client, Patch
from kube.errors import Denied
from kube.resources import (
    DAEMON_SETS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    Resource,
)
from tandem.errors import BadInput
from tandem.files import Document, Where, scan
from tandem.plan import PlanReport, plan_documents
from tandem.plan.cluster import read_api, read_cluster
from tandem.plan_command import Order, main
from tests.clusters import Cluster
from tests.plan.kit import NOON, POOL, still

Json = dict[str, Any]

SPEC = {"containers": [{"name": "c", "image": "none", "resources": {"requests": {"cpu": "100m"}}}]}
UNFIT = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}


@pytest.fixture
async def namespace(client: Client) -> str:
    name = f"plan-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await client.create(NAMESPACES, body | {"metadata": {"name": name, "labels": {"team": "a"}}})
    return name


def pod(namespace: str, name: str, owner: Json | None = None, **more: object) -> Json:
    meta: Json = {"name": name, "namespace": namespace, "labels": {"app": name}}
    if owner is not None:
        ref = {k: owner[k] for k in ("apiVersion", "kind")} | {
            k: owner["metadata"][k] for k in ("name", "uid")
        }
        meta["ownerReferences"] = [ref | {"controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": SPEC | more}


async def refused(client: Client, body: Json) -> None:
    """Create the pod, and say what a scheduler says that finds no node for it."""
    await client.create(PODS, body)
    meta = body["metadata"]
    await client.patch(
        PODS,
        meta["name"],
        {"status": {"conditions": [UNFIT]}},
        namespace=meta["namespace"],
        subresource="status",
        kind=Patch.STRATEGIC,
    )


async def planned(client: Client, *given: Json) -> PlanReport:
    """The plan for the cluster, the usual pool and the objects *given* in a file."""
    documents = [Document(Where("given"), body) for body in given]
    live = await read_api(client)
    return await asyncio.to_thread(
        lambda: plan_documents([*scan([POOL]), *documents], clock=still, now=NOON, live=live)
    )


def waiting(report: PlanReport, namespace: str) -> list[str]:
    return sorted(each.name for each in report.snapshot.pods if each.namespace == namespace)


async def test_the_pods_that_no_node_takes_are_planned(client: Client, namespace: str) -> None:
    await refused(client, pod(namespace, "refused"))
    await client.create(PODS, pod(namespace, "not-looked-at"))
    report = await planned(client)

    assert waiting(report, namespace) == ["refused"]
    assert report.snapshot.namespaces[namespace]["team"] == "a"
    assert not [fault for fault in report.faults if namespace in str(fault)]


async def test_what_runs_takes_room(client: Client, namespace: str) -> None:
    node = f"node-{namespace}"
    size = {"cpu": "1", "memory": "1Gi", "pods": "10"}
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}
    await client.create(NODES, body)
    await client.patch(
        NODES, node, {"status": {"capacity": size, "allocatable": size}}, subresource="status"
    )
    try:
        await client.create(PODS, pod(namespace, "old", nodeName=node))
        report = await planned(client)
    finally:
        await client.delete(PODS, "old", namespace=namespace, grace_s=0)
        await client.delete(NODES, node)

    (found,) = [each for each in report.snapshot.nodes if each.name == node]
    assert [each.key for each in found.pods] == [f"{namespace}/old"]
    assert found.allocatable["cpu"] == 1000


async def test_a_file_takes_the_place_of_what_is_there(client: Client, namespace: str) -> None:
    deployment = await client.create(REPLICA_SETS, _set(namespace, "web"))
    await refused(client, pod(namespace, "web-1", deployment))
    await refused(client, pod(namespace, "alone"))
    await refused(client, pod(namespace, "other"))
    made = pod(namespace, "alone") | {"spec": SPEC | {"nodeSelector": {"new": "yes"}}}
    replicas = _set(namespace, "web") | {"kind": "ReplicaSet"}
    replicas["spec"]["replicas"] = 2
    report = await planned(client, made, replicas)

    assert waiting(report, namespace) == ["alone", "other", "web-0", "web-1"]
    (alone,) = [each for each in report.snapshot.pods if each.key == f"{namespace}/alone"]
    assert not alone.alternatives[0].accepts({})


async def test_a_deployment_in_a_file_takes_the_place_of_its_pods(
    client: Client, namespace: str
) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "1"}
    body = _set(namespace, "web-7f")
    body["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    made = await client.create(REPLICA_SETS, body)
    await refused(client, pod(namespace, "web-7f-x", made))
    report = await planned(client, _set(namespace, "web") | {"kind": "Deployment"})

    assert waiting(report, namespace) == ["web-0"]


async def test_daemons_of_the_cluster_take_room_on_new_nodes(
    client: Client, namespace: str
) -> None:
    body = _set(namespace, "agent") | {"kind": "DaemonSet"}
    del body["spec"]["replicas"]
    await client.create(DAEMON_SETS, body)
    report = await planned(client)
    await client.delete(DAEMON_SETS, "agent", namespace=namespace)

    assert f"{namespace}/agent" in {f"{d.namespace}/{d.name}" for d in report.snapshot.daemons}


def _set(namespace: str, name: str) -> Json:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": SPEC},
        },
    }


async def test_a_kind_that_we_may_not_list_is_left_out_with_a_note() -> None:
    live = await read_api(Blind("persistentvolumes"))

    assert live.notes == ("persistentvolumes are not looked at: GET persistentvolumes: forbidden",)


@pytest.mark.parametrize("plural", ["pods", "nodes"])
async def test_without_pods_and_nodes_there_is_nothing_to_plan(plural: str) -> None:
    with pytest.raises(Denied, match=f"GET {plural}: forbidden"):
        await read_api(Blind(plural))


class Blind(Client):
    """An API with nothing in it that forbids one list. What 403 means is in `tests/kube`."""

    def __init__(self, plural: str) -> None:
        super().__init__(transport=None)  # type: ignore[arg-type]  # nothing is sent
        self._plural = plural

    async def items(self, resource: Resource, **_: object) -> list[Json]:
        self._refuse(resource)
        return []

    async def list_bytes(self, resource: Resource, **_: object) -> bytes:
        self._refuse(resource)
        return b'{"metadata": {}, "items": []}'

    def _refuse(self, resource: Resource) -> None:
        if resource.plural == self._plural:
            raise Denied(f"GET {resource.plural}: forbidden", status=403)


def test_a_kubeconfig_that_is_not_there() -> None:
    with pytest.raises(BadInput, match=r"--from-cluster: .*/gone"):
        read_cluster("/gone", None)


async def test_the_command_reads_the_cluster_of_a_kubeconfig(
    cluster: Cluster, client: Client, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await refused(client, pod(namespace, "refused"))
    order = Order(
        paths=(POOL,), from_cluster=True, kubeconfig=str(cluster.kubeconfig), as_json=True
    )
    before = await _versions(client, namespace)
    await asyncio.to_thread(main, order)

    answer = json.loads(capsys.readouterr().out)
    placed = [key for node in answer["newNodes"] for key in node["pods"]]
    assert f"{namespace}/refused" in placed
    assert await _versions(client, namespace) == before


async def _versions(client: Client, namespace: str) -> list[str]:
    found = await client.items(PODS, namespace=namespace)
    return [each["metadata"]["resourceVersion"] for each in found]


def test_an_api_that_does_not_answer(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n"
    )
    with pytest.raises(BadInput, match=r"--from-cluster: .*cannot connect to 127\.0\.0\.1:9"):
        main(Order(from_cluster=True, kubeconfig=str(config)))
