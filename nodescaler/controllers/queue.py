"""Work by key: coalesced, one at a time per key, again when due, later after a failure.

A handler reads the newest state itself, so a key asked for ten times while it waits is handled
once. It returns the seconds until it wants to look again, or None when only a change can make a
difference: that is how nothing here polls.

Limits: keys live in memory; a restart fills the queue again from the caches.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from kube.errors import KubeError

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
Handler = Callable[[K], Awaitable[float | None]]

FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 30.0


def frames(error: BaseException) -> list[str]:
    """Where an exception came from, without the source lines (reading them blocks the loop)."""
    return [
        f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]


class KeyQueue(Generic[K]):
    """Call `handle(key)` for every key added.

    Args:
        name: what the log lines call this queue.
        handle: returns seconds until the key is due again, or None.
        workers: how many keys are handled at the same time.
        expected: errors that are part of life (an API that is away): logged without a trace.
    """

    def __init__(
        self,
        name: str,
        handle: Handler[K],
        *,
        workers: int = 16,
        expected: tuple[type[Exception], ...] = (KubeError,),
    ) -> None:
        self._name = name
        self._handle = handle
        self._workers = workers
        self._expected = expected
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._active: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K, after_s: float = 0.0) -> None:
        """Ask for `key` in `after_s` seconds; an earlier request stands."""
        if after_s > 0:
            self._add_later(key, after_s)
        elif key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def _add_later(self, key: K, after_s: float) -> None:
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + after_s:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(after_s, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work(), name=f"{self._name}-worker")
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._active.add(key)
            try:
                after_s = await self._once(key)
            finally:
                self._active.discard(key)
            if after_s is not None:
                self.add(key, max(after_s, 0.001))
            if key in self._again:
                self._again.discard(key)
                self.add(key)

    async def _once(self, key: K) -> float | None:
        """Handle *key*; after a failure, what was asked for meanwhile waits for the retry.

        A handler that writes down its failure asks for itself by that; it must not spin.
        """
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        try:
            after_s = await self._handle(key)
        except self._expected as error:
            return self._retry_s(key, error)
        except Exception as error:  # noqa: BLE001 - outermost frame: one bad key spares the others
            log.error("failed", queue=self._name, key=key, frames=frames(error))  # noqa: TRY400 - a formatted trace reads source files, which blocks the loop
            return self._retry_s(key, error)
        self._failures.pop(key, None)
        return after_s

    def _retry_s(self, key: K, error: Exception) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._again.discard(key)
        retry_s: float = min(FIRST_RETRY_S * 2.0 ** min(failures, 16), LONGEST_RETRY_S)
        log.warning(
            "retrying", queue=self._name, key=key, why=str(error), kind=type(error).__name__,
            after_s=retry_s,
        )  # fmt: skip
        return retry_s
