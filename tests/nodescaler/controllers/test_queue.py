"""The key queue: coalescing, one at a time per key, due times, retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from kube.errors import Unavailable
from nodescaler.controllers.queue import KeyQueue

pytestmark = pytest.mark.looptime


@asynccontextmanager
async def running(handle: Callable[[str], Awaitable[float | None]]) -> AsyncIterator[KeyQueue[str]]:
    queue: KeyQueue[str] = KeyQueue("test", handle, workers=2)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(queue.run())
        yield queue
        task.cancel()


async def test_a_key_added_ten_times_while_it_waits_is_handled_once() -> None:
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)

    async with running(handle) as queue:
        for _ in range(10):
            queue.add("a")
        await asyncio.sleep(1)

    assert seen == ["a"]


async def test_a_key_added_while_it_is_handled_is_handled_again_and_never_twice_at_once() -> None:
    at_once: list[int] = []
    active = 0

    async def handle(key: str) -> None:
        nonlocal active
        active += 1
        at_once.append(active)
        await asyncio.sleep(1)
        active -= 1

    async with running(handle) as queue:
        queue.add("a")
        await asyncio.sleep(0.5)
        queue.add("a")
        queue.add("a")
        await asyncio.sleep(5)

    assert at_once == [1, 1]


async def test_the_answer_is_when_to_look_again() -> None:
    loop = asyncio.get_running_loop()
    seen: list[float] = []

    async def handle(key: str) -> float | None:
        seen.append(loop.time())
        return 10.0 if len(seen) < 3 else None

    async with running(handle) as queue:
        queue.add("a")
        await asyncio.sleep(100)

    assert seen == pytest.approx([0, 10, 20])


async def test_the_earliest_of_several_due_times_counts() -> None:
    loop = asyncio.get_running_loop()
    seen: list[float] = []

    async def handle(key: str) -> None:
        seen.append(loop.time())

    async with running(handle) as queue:
        queue.add("a", 30)
        queue.add("a", 5)
        queue.add("a", 20)
        await asyncio.sleep(100)

    assert seen == pytest.approx([5])


async def test_a_failure_is_retried_later_and_later_and_spares_the_others() -> None:
    loop = asyncio.get_running_loop()
    seen: list[tuple[str, float]] = []

    async def handle(key: str) -> None:
        seen.append((key, loop.time()))
        if key == "bad":
            raise Unavailable("no answer")

    async with running(handle) as queue:
        queue.add("bad")
        queue.add("good")
        await asyncio.sleep(0.75)

    assert [at for key, at in seen if key == "bad"] == pytest.approx([0, 0.1, 0.3, 0.7])
    assert [key for key, _ in seen].count("good") == 1


async def test_a_bug_in_one_handling_is_retried_and_does_not_end_the_queue() -> None:
    seen: list[str] = []

    async def handle(key: str) -> None:
        seen.append(key)
        if len(seen) == 1:
            raise ZeroDivisionError

    async with running(handle) as queue:
        queue.add("a")
        await asyncio.sleep(1)

    assert seen == ["a", "a"]


async def test_a_failure_that_asks_for_itself_does_not_spin() -> None:
    """Writing down what went wrong is a change, and a change asks for the key."""
    seen: list[str] = []

    async with asyncio.TaskGroup() as group:

        async def handle(key: str) -> None:
            seen.append(key)
            queue.add(key)
            raise Unavailable("no answer")

        queue: KeyQueue[str] = KeyQueue("test", handle)
        task = group.create_task(queue.run())
        queue.add("a")
        await asyncio.sleep(0.75)
        task.cancel()

    assert len(seen) == 4
