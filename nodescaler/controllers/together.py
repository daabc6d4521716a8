"""Do several things at once; when one fails, its own error comes out, not a group of errors."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(
    work: Iterable[Coroutine[object, object, T]], *, at_once: int | None = None
) -> list[T]:
    """Run all of *work*, *at_once* of it at a time; the answers in its order.

    Raises:
        Exception: the first error; what was still running is cancelled.
    """
    waiting = list(work)
    slots = asyncio.Semaphore(at_once if at_once is not None else max(len(waiting), 1))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_in_turn(each, slots)) for each in waiting]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    finally:
        for each in waiting:
            each.close()  # what was cancelled before its turn never began
    return [task.result() for task in tasks]


async def _in_turn(work: Coroutine[object, object, T], slots: asyncio.Semaphore) -> T:
    async with slots:
        return await work
