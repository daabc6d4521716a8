"""kubernetes-workload: parameters, and what is asked of the cluster."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kube.client import Client
from kube.transport import Response
from scalers.base import Sample, ScalerError, read
from scalers.io import IO
from scalers.kubernetes_workload import NOT_ENDED
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
