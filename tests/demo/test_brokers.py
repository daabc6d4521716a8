"""The demo's own queue counts every message exactly once, whatever happens to its workers."""

from __future__ import annotations

import aiohttp
import pytest

from tandem.demo.brokers import WorkQueue


class PodGone(Exception):
    pass


async def test_a_message_counts_until_it_is_done() -> None:
    queue = WorkQueue(per_replica=20)
    await queue.publish(2)

    async with queue.take() as found:
        assert found
        assert (queue.depth, queue.done) == (2, 0)

    assert (queue.depth, queue.done) == (1, 1)


async def test_a_worker_that_dies_gives_its_message_back() -> None:
    queue = WorkQueue(per_replica=20)
    await queue.publish(1)

    with pytest.raises(PodGone):
        async with queue.take():
            raise PodGone

    assert (queue.depth, queue.done) == (1, 0)


async def test_an_empty_queue_gives_nothing() -> None:
    queue = WorkQueue(per_replica=20)

    async with queue.take() as found:
        assert not found

    assert (queue.depth, queue.done) == (0, 0)


async def test_anyone_may_read_the_depth_and_add_messages() -> None:
    queue = WorkQueue(per_replica=20)
    async with queue.serving(), aiohttp.ClientSession() as session:
        async with session.post(queue.url, data="50") as answer:
            assert await answer.json() == {"messages": 50, "done": 0}
        async with session.post(queue.url, data="many") as answer:
            assert answer.status == 400
            assert "found 'many'; would do: a count" in (await answer.json())["error"]
        async with session.get(queue.url) as answer:
            assert await answer.json() == {"messages": 50, "done": 0}


async def test_the_trigger_reads_what_the_queue_answers() -> None:
    queue = WorkQueue(per_replica=20)
    async with queue.serving():
        assert queue.trigger()["metadata"] == {
            "url": queue.url,
            "valueLocation": "messages",
            "targetValue": "20",
        }
