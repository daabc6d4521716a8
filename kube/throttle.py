"""How fast this process may speak to the API server, and who speaks first.

One token bucket bounds the rate and one counter bounds the requests in flight; whoever waits is
served by priority, then in order of arrival. A HIGH request therefore waits for at most one token
and never for a slot: the last `reserved` slots are closed to all others. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum


class Priority(IntEnum):
    """Lease renewals and /scale are HIGH, Events are LOW."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    number: int
    turn: asyncio.Future[None] = field(compare=False)


class Throttle:
    """A token bucket and a bound of requests in flight, both shared by priority.

    Args:
        per_s: tokens added a second.
        burst: tokens that an idle bucket holds.
        in_flight: requests without an answer at any time.
        reserved: how many of those only HIGH may use.
    """

    def __init__(self, *, per_s: float, burst: int, in_flight: int = 64, reserved: int = 8) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._limit = in_flight
        self._reserved = reserved
        self._tokens = float(burst)
        self._filled_at: float | None = None
        self._running = 0
        self._arrivals = 0
        self._waiters: list[_Waiter] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return sum(not waiter.turn.done() for waiter in self._waiters)

    @asynccontextmanager
    async def slot(self, priority: Priority) -> AsyncIterator[None]:
        """Wait for a token and a place; give the place back at the end."""
        await self._enter(priority)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, priority: Priority) -> None:
        self._arrivals += 1
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, _Waiter(priority, self._arrivals, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # granted and cancelled in the same moment
                self._tokens += 1.0
                self._leave()
            raise

    def _leave(self) -> None:
        self._running -= 1
        self._serve()

    def _serve(self) -> None:
        """Grant what tokens and places allow, and come back when the next token is due."""
        self._fill()
        while self._waiters:
            first = self._waiters[0]
            if first.turn.done():
                heapq.heappop(self._waiters)
            elif not self._has_place(first.priority):
                return
            elif self._tokens < 1.0:
                self._come_back()
                return
            else:
                heapq.heappop(self._waiters)
                self._tokens -= 1.0
                self._running += 1
                first.turn.set_result(None)

    def _has_place(self, priority: Priority) -> bool:
        reserved = 0 if priority is Priority.HIGH else self._reserved
        return self._running < self._limit - reserved

    def _fill(self) -> None:
        now = asyncio.get_running_loop().time()
        since = now if self._filled_at is None else self._filled_at
        self._tokens = min(self._burst, self._tokens + (now - since) * self._per_s)
        self._filled_at = now
        if self._tokens > 1.0 - 1e-9:  # so that rounding never asks for a timer of no length
            self._tokens = max(self._tokens, 1.0)

    def _come_back(self) -> None:
        if self._timer is None:
            due_s = (1.0 - self._tokens) / self._per_s
            self._timer = asyncio.get_running_loop().call_later(due_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._serve()
