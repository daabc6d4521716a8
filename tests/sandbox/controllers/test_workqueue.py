"""The queue: repetitions are one look, no change is lost, failures wait longer and longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from kube.errors import Conflict
from tandem.sandbox.controllers.workqueue import WorkQueue, work

Look = Callable[[str], Awaitable[float | None]]


@asynccontextmanager
async def worker(queue: WorkQueue[str], look: Look) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work("test", queue, look))
        yield
        task.cancel()


def clock() -> float:
    return round(asyncio.get_running_loop().time(), 3)


@pytest.mark.looptime
async def test_repeated_additions_are_one_look() -> None:
    queue: WorkQueue[str] = WorkQueue()
    looks: list[str] = []

    async def look(key: str) -> None:
        looks.append(key)

    for key in ("a", "b", "a", "a"):
        queue.add(key)
    async with worker(queue, look):
        await asyncio.sleep(1)

    assert looks == ["a", "b"]


@pytest.mark.looptime
async def test_a_change_during_a_look_brings_another() -> None:
    queue: WorkQueue[str] = WorkQueue()
    looks: list[float] = []

    async def look(key: str) -> None:
        looks.append(clock())
        await asyncio.sleep(1)

    async with worker(queue, look):
        queue.add("a")
        await asyncio.sleep(0.5)
        queue.add("a")
        queue.add("a")
        await asyncio.sleep(5)

    assert looks == [0.0, 1.0]
    assert len(queue) == 0


@pytest.mark.looptime
async def test_looks_at_one_key_keep_their_distance() -> None:
    queue: WorkQueue[str] = WorkQueue(spacing_s=0.5)
    looks: list[tuple[str, float]] = []

    async def look(key: str) -> None:
        looks.append((key, clock()))

    async with worker(queue, look):
        queue.add("a")
        await asyncio.sleep(0.1)
        queue.add("a")
        queue.add("b")
        await asyncio.sleep(2)

    assert looks == [("a", 0.0), ("b", 0.1), ("a", 0.5)]


@pytest.mark.looptime
async def test_the_earlier_of_two_delays_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    looks: list[float] = []

    async def look(key: str) -> None:
        looks.append(clock())

    queue.add_after("a", 5)
    queue.add_after("a", 2)
    queue.add_after("a", 9)
    async with worker(queue, look):
        await asyncio.sleep(20)

    assert looks == [2.0]


@pytest.mark.looptime
@pytest.mark.parametrize("error", [Conflict("changed"), ValueError("odd object")])
async def test_failures_wait_twice_as_long_each_time(error: Exception) -> None:
    """Also a defect in one look: the other keys must not suffer from it."""
    queue: WorkQueue[str] = WorkQueue()
    looks: list[tuple[str, float]] = []

    async def look(key: str) -> None:
        looks.append((key, clock()))
        if key == "bad" and len(looks) < 5:
            raise error

    with capture_logs() as told:
        async with worker(queue, look):
            queue.add("bad")
            queue.add("good")
            await asyncio.sleep(10)

    assert looks == [("bad", 0.0), ("good", 0.0), ("bad", 0.05), ("bad", 0.15), ("bad", 0.35)]
    assert [each["in_s"] for each in told] == [0.05, 0.1, 0.2]
