"""Clients shared by key: opened once, bounded, closed when idle.

An entry is one client that many triggers use. Opening happens under the entry's lock, so that a
hundred triggers which start together open one connection; a failure to open reaches the trigger
that tried, and the next one tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import structlog


class Closable(Protocol):
    @property
    def broken(self) -> bool: ...
    async def close(self) -> None: ...


CLOSE_S = 5.0
SWEEP_S = 1.0  # a look at all clients with every call would cost more than the call

log = structlog.get_logger()

C = TypeVar("C", bound=Closable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """One client: the first word of its key (its family), calls so far, calls running."""

    family: str
    calls: int
    running: int


class _Entry:
    def __init__(self, slots: int, now: float) -> None:
        self.lock = asyncio.Lock()
        self.slots = asyncio.Semaphore(slots)
        self.client: Closable | None = None
        self.users = 0
        self.calls = 0
        self.used_at = now


class Pool:
    """Shared clients; see `scalers.io`."""

    def __init__(self, idle_s: float, slots: int) -> None:
        self.opened = 0
        self.closed = 0
        self._idle_s = idle_s
        self._slots = slots
        self._entries: dict[Hashable, _Entry] = {}
        self._swept_at = float("-inf")

    @asynccontextmanager
    async def client(
        self, key: Hashable, opened: Callable[[], Awaitable[C]], slots: int | None
    ) -> AsyncIterator[C]:
        if _now() >= self._swept_at + SWEEP_S:
            await self._close_idle()
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(slots or self._slots, _now())
        entry.users += 1
        try:
            async with entry.slots:
                entry.calls += 1
                client = await self._opened(entry, opened)
                yield client
        finally:
            entry.users -= 1
            entry.used_at = _now()
            await self._drop_broken(entry)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._idle_s / 2)
            await self._close_idle()

    async def close(self) -> None:
        entries, self._entries = list(self._entries.values()), {}
        for entry in entries:
            await self._shut(entry)

    def statistics(self) -> tuple[ClientStatistics, ...]:
        return tuple(
            ClientStatistics(str(cast("tuple[Any, ...]", key)[0]), entry.calls, entry.users)
            for key, entry in self._entries.items()
            if entry.client is not None
        )

    async def _opened(self, entry: _Entry, opened: Callable[[], Awaitable[C]]) -> C:
        async with entry.lock:
            if entry.client is None or entry.client.broken:
                await self._shut(entry)
                entry.client = await opened()
                self.opened += 1
            return cast("C", entry.client)

    async def _drop_broken(self, entry: _Entry) -> None:
        if entry.users == 0 and entry.client is not None and entry.client.broken:
            await self._shut(entry)

    async def _close_idle(self) -> None:
        self._swept_at = _now()
        limit = self._swept_at - self._idle_s
        idle = [k for k, e in self._entries.items() if e.users == 0 and e.used_at <= limit]
        for key in idle:  # one by one: whoever closes them may be cancelled on the way
            entry = self._entries.get(key)
            if entry is not None and entry.users == 0 and entry.used_at <= limit:
                del self._entries[key]
                await self._shut(entry)

    async def _shut(self, entry: _Entry) -> None:
        client, entry.client = entry.client, None
        if client is None:
            return
        self.closed += 1
        try:
            async with asyncio.timeout(CLOSE_S):
                await client.close()
        except Exception as error:  # noqa: BLE001  # what is closed may be broken in any way, and somebody else's read goes on
            log.warning("client not closed", client=type(client).__name__, why=type(error).__name__)


class Memory:
    """Values kept by key between reads, forgotten when nobody asks for them."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._swept_at = 0.0
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, made: Callable[[], T]) -> T:
        now = _now()
        if now >= self._swept_at + self._idle_s / 4:
            self._swept_at = now
            self._kept = {k: v for k, v in self._kept.items() if v[0] > now - self._idle_s}
        _, value = self._kept.get(key, (now, None))
        value = made() if value is None else value
        self._kept[key] = (now, value)
        return cast("T", value)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def together(limit: int, calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Run *calls*, at most *limit* at a time; their results in order. One error ends all."""
    slots = asyncio.Semaphore(limit)

    async def bounded(call: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await call()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(bounded(call)) for call in calls]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # the others are its consequence, or as good as it
    return [task.result() for task in tasks]
