"""memory: as cpu (tests/scalers/test_cpu.py), but a pod that starts is no exception."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kube.values.usage import PodUsage
from scalers.base import read
from scalers.io import IO
from tests.clusters import Cluster
from tests.scalers.tools import faults, trigger
from tests.scalers.workload import workload


def test_it_is_a_trigger_of_a_workload() -> None:
    problem = faults("memory", {"value": "1Gi", "type": "AverageValue"})

    assert problem.startswith("'type' is gone")


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
