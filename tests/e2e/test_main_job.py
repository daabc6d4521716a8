"""A queue fills, replicas and nodes follow, and everything goes back to zero."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tandem.demo.timeline import Sample
from tests.clusters import Cluster
from tests.e2e.operator import operator_of
from tests.e2e.queues import Queue, kafka_topic, rabbitmq_queue, sqs_queue
from tests.e2e.scene import QUICK, Scene, staged

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
FLAGS = (f"--node-startup={QUICK.node_start_s:.0f}s", "--no-elect")


@pytest.fixture(params=["rabbitmq", "kafka", "sqs"])
async def queue(request: pytest.FixtureRequest, unique: str) -> AsyncIterator[Queue]:
    """A queue of its own on a real broker."""
    async with _opened(request, unique) as opened:
        yield opened


def _opened(request: pytest.FixtureRequest, name: str) -> AbstractAsyncContextManager[Queue]:
    match request.param:
        case "rabbitmq":
            return rabbitmq_queue(request.getfixturevalue("rabbitmq").amqp, name)
        case "kafka":
            return kafka_topic(request.getfixturevalue("kafka").plaintext, name)
        case _:
            return sqs_queue(request.getfixturevalue("moto").url, name)


async def test_main_job(
    operated_cluster: Cluster, queue: Queue, unique: str, tmp_path: Path
) -> None:
    """500 messages on a real broker; a pod waits for its node; nothing is left over or lost."""
    async with staged(operated_cluster, queue, unique) as scene:
        async with operator_of(operated_cluster, tmp_path, *FLAGS):
            await queue.publish(QUICK.messages)
            await scene.until(lambda s: s.replicas > 0, "replicas rise", 30)
            await scene.until(lambda s: s.pods["Running"] > 0, "a pod runs", 60)
            await scene.until(lambda s: s.backlog == 0, "the queue is empty", 90)
            await scene.until(lambda s: s.at_zero, "back to zero", 60)

        assert_round(scene, queue)


def assert_round(scene: Scene, queue: Queue) -> None:
    samples = scene.samples
    waiting = [s for s in samples if s.pods["Pending"] and not s.nodes]

    assert waiting, "pods were pending before any node was there"
    assert max(s.replicas for s in samples) > 1
    assert max(len(s.nodes) for s in samples) > 1
    assert not _overbought(samples), "never more nodes than the most pods could need"
    assert sorted(map(int, queue.finished)) == list(range(QUICK.messages)), "no message is lost"


def _overbought(samples: list[Sample]) -> list[Sample]:
    """Two workers of 900m fit an m5.large, none fits a t3.micro: four nodes for eight pods."""
    return [s for s in samples if max(len(s.nodes), s.claims) > -(-QUICK.most // 2)]
