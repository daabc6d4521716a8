"""The operator dies at any moment and comes back: the same end, nothing too many, nothing lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.e2e.operator import OperatorProcess
from tests.e2e.queues import rabbitmq_queue
from tests.e2e.scene import QUICK, staged
from tests.e2e.test_main_job import FLAGS, assert_round

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]
KILLS = 10
LONGEST_LIFE_S = 2.5
SEED = 20261123


async def test_ten_kills(
    operated_cluster: Cluster, rabbitmq: object, unique: str, tmp_path: Path
) -> None:
    """SIGKILL at ten random moments of the main job, each time followed by a restart."""
    moments = random.Random(SEED)
    url: str = rabbitmq.amqp  # type: ignore[attr-defined]  # the fixture's value
    async with (
        rabbitmq_queue(url, unique) as queue,
        staged(operated_cluster, queue, unique) as scene,
    ):
        operator = OperatorProcess(operated_cluster, tmp_path, *FLAGS)
        await queue.publish(QUICK.messages)
        for _ in range(KILLS):
            await asyncio.to_thread(operator.start)
            await asyncio.sleep(moments.uniform(0, LONGEST_LIFE_S))
            await asyncio.to_thread(operator.kill)
        await asyncio.to_thread(operator.start)
        try:
            await scene.until(lambda s: s.backlog == 0, "the queue is empty", 120)
            await scene.until(lambda s: s.at_zero, "back to zero", 90)
        finally:
            await asyncio.to_thread(operator.stop)

        assert operator.starts == KILLS + 1
        assert_round(scene, queue)
