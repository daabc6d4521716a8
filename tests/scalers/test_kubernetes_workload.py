"""kubernetes-workload: parameters, and what is asked of the cluster."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from kube.client import Client
from kube.resources import NAMESPACES
from kube.resources import PODS as POD
from kube.transport import Response
from scalers.base import Sample, ScalerError, read
from scalers.io import IO
from scalers.kubernetes_workload import NOT_ENDED
from tests.clusters import Cluster
from tests.scalers.cluster import Answers
from tests.scalers.tools import Texts, faults, trigger

GOOD = {"podSelector": "app=web,tier in (a,b)", "value": "3"}
PODS = {"items": [{"spec": {"nodeName": "n1"}}, {"spec": {"nodeName": "n1"}}, {"spec": {}}]}


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        pytest.param(GOOD, "", id="faultless"),
        pytest.param({}, "'podSelector' is missing; 'value' is missing", id="all at once"),
        pytest.param(GOOD | {"value": "0"}, "'value' must be above 0, got 0", id="value of zero"),
        pytest.param(
            GOOD | {"podSelektor": "x"},
            "'podSelektor' is not a key of this trigger; did you mean 'podSelector'?",
            id="typo",
        ),
    ],
)
def test_faults(metadata: Texts, problem: str) -> None:
    assert faults("kubernetes-workload", metadata) == problem


def test_a_malformed_selector_is_a_fault_of_the_trigger() -> None:
    problem = faults("kubernetes-workload", GOOD | {"podSelector": "app in (a"})

    assert problem.startswith("'podSelector' is malformed: ")


@pytest.mark.parametrize(("by_node", "expected"), [("false", 3), ("true", 1)])
async def test_pods_or_their_nodes(by_node: str, expected: float) -> None:
    cluster = Answers(PODS)
    io = IO(lambda: datetime.now(UTC), Client(cluster))
    wanted = trigger("kubernetes-workload", GOOD | {"groupByNode": by_node}, namespace="shop")
    found = await read(wanted, io)

    assert found == Sample(expected)
    assert wanted.metric_name == "s0-workload-shop"
    assert cluster.asked[0].path == "/api/v1/namespaces/shop/pods"
    assert cluster.asked[0].query["labelSelector"] == "app=web,tier in (a,b)"
    assert cluster.asked[0].query["fieldSelector"] == NOT_ENDED


async def test_a_refusal_is_an_error() -> None:
    io = IO(lambda: datetime.now(UTC), Client(Answers({}, Response(403, b"{}"))))
    with pytest.raises(ScalerError, match="no pods of namespace default"):
        await read(trigger("kubernetes-workload", GOOD), io)


@asynccontextmanager
async def namespace(cluster: Cluster) -> AsyncIterator[tuple[Client, str]]:
    """A namespace of the test's own in a running cluster."""
    client, name = cluster.client(), f"workload-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    yield client, name
    await client.delete(NAMESPACES, name)
    await client.close()


async def pod(client: Client, space: str, phase: str, node: str, **labels: str) -> None:
    name = f"p-{uuid.uuid4().hex[:8]}"
    spec = {"containers": [{"name": "main", "image": "none"}], "nodeName": node}
    body = {"metadata": {"name": name, "labels": labels}, "spec": spec}
    await client.create(POD, body, namespace=space)
    status = {"status": {"phase": phase}}
    await client.patch(POD, name, status, namespace=space, subresource="status")


async def test_a_cluster_is_counted(cluster: Cluster) -> None:
    """Pending pods count, ended ones do not; sets select; other namespaces are not seen."""
    async with namespace(cluster) as (client, space), namespace(cluster) as (_, elsewhere):
        await pod(client, space, "Running", "n1", app="web", tier="a")
        await pod(client, space, "Pending", "n1", app="web", tier="b")
        await pod(client, space, "Succeeded", "n2", app="web", tier="a")
        await pod(client, space, "Failed", "n2", app="web", tier="a")
        await pod(client, space, "Running", "n3", app="web", tier="c")
        await pod(client, elsewhere, "Running", "n1", app="web", tier="a")
        io = IO(lambda: datetime.now(UTC), client)
        found = await read(trigger("kubernetes-workload", GOOD, namespace=space), io)
        by_node = GOOD | {"groupByNode": "true"}
        nodes = await read(trigger("kubernetes-workload", by_node, namespace=space), io)

    assert (found, nodes) == (Sample(2), Sample(1))
