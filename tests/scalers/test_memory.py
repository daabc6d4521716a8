"""memory: as cpu (tests/scalers/test_cpu.py), but a pod that starts is no exception."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kube.scale import Target
from kube.values.usage import PodUsage
from scalers.base import read
from scalers.io import IO
from tests.clusters import Cluster
from tests.scalers.tools import faults, trigger
from tests.scalers.workload import workload


def test_it_is_a_trigger_of_a_workload() -> None:
    problem = faults("memory", {"value": "1Gi", "type": "AverageValue"})

    assert problem.startswith("'type' is gone")


@pytest.mark.parametrize(
    ("value", "metric_type", "why"),
    [
        pytest.param("1" * 400, "AverageValue", "must be a quantity", id="no float holds it"),
        pytest.param("1" * 9000, "AverageValue", "must be a quantity", id="no int is read from it"),
        pytest.param("1" * 9000, "Utilization", "a whole percentage", id="nor a percentage"),
        pytest.param("1" * 400, "Utilization", "a whole percentage", id="an infinite one"),
        pytest.param(
            "\N{ARABIC-INDIC DIGIT FIVE}", "Utilization", "a whole percentage", id="digit"
        ),
    ],
)
def test_numbers_that_nothing_holds_are_faults(value: str, metric_type: str, why: str) -> None:
    target = Target("shop", "apps/v1", "Deployment", "web")
    problem = faults("memory", {"value": value}, metric_type=metric_type, target=target)

    assert problem.startswith("'value' must be")
    assert why in problem
    assert len(problem) < 600


@pytest.mark.parametrize("cluster", ["sandbox"], indirect=True)
async def test_bytes_of_every_pod_that_runs(cluster: Cluster) -> None:
    async with workload(cluster) as web:
        await web.pod(usage="memory=64Mi", requests="memory=1Gi")
        await web.pod(usage="memory=32Mi", requests="memory=1Gi", age_s=1, conditions=[])
        await web.pod(usage="memory=1Gi", requests="memory=1Gi", phase="Pending")
        shared = IO(lambda: datetime.now(UTC), web.client)
        asked = trigger("memory", {"value": "1Gi"}, target=web.target)
        found = await read(asked, shared)

    assert found.value == 96 * 2**20
    assert found.usage is not None
    assert found.usage == PodUsage(
        ready=found.usage.ready,
        unready=(0,),
    )
    assert len(found.usage.ready) == 2
