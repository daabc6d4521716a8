"""When each object is due: a heap with lazy deletion, and one waiter.

An object has at most one due time; setting it again replaces the former, whose heap entry is
skipped when it surfaces. Times are the event loop's.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import NamedTuple


class Key(NamedTuple):
    """Which object of ours."""

    namespace: str
    name: str
    kind: str = "ScaledObject"


SHORTEST_S = 0.001  # a clock that stands still during a shorter wait would be asked forever


class Schedule:
    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._due: dict[Key, tuple[float, int]] = {}
        self._count = 0
        self._sooner = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: Key, due: float) -> None:
        """*key* is due then, whatever was said before."""
        self._count += 1
        self._due[key] = (due, self._count)
        heapq.heappush(self._heap, (due, self._count, key))
        if self._heap[0][1] == self._count:
            self._sooner.set()

    def drop(self, key: Key) -> None:
        self._due.pop(key, None)

    async def pop(self) -> tuple[Key, float]:
        """Wait for the next object that is due; equal times come in the order of `put`."""
        loop = asyncio.get_running_loop()
        while True:
            self._sooner.clear()
            wait = self._wait(loop.time())
            if wait == 0:
                due, _, key = heapq.heappop(self._heap)
                del self._due[key]
                return key, due
            try:
                async with asyncio.timeout(None if wait is None else max(wait, SHORTEST_S)):
                    await self._sooner.wait()
            except TimeoutError:
                continue

    def _wait(self, now: float) -> float | None:
        """Seconds until the first live entry; None when there is none."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - now) if self._heap else None
