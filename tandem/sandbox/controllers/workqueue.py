"""A queue of keys that forgets repetitions: many changes of one object cost one look at it.

A key is given out to one worker at a time. A key added while it is being worked on comes back
afterwards, so that no change is lost. Two looks at one key are at least `spacing_s` apart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from kube.errors import KubeError
from kube.values.backoff import Backoff

K = TypeVar("K", bound=Hashable)

RETRY = Backoff(first_s=0.05, ceiling_s=30.0, spread=0.0)

log = structlog.get_logger()


class WorkQueue(Generic[K]):
    """Keys to look at, each at most once in the queue; insertion order."""

    def __init__(self, *, spacing_s: float = 0.0) -> None:
        self._spacing_s = spacing_s
        self._ready: deque[K] = deque()
        self._queued: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._free_at: dict[K, float] = {}
        self._wake = asyncio.Event()

    def add(self, key: K) -> None:
        """Look at *key* soon; nothing when that is already planned."""
        if key in self._queued:
            return
        self._queued.add(key)
        if key not in self._working:
            self._enqueue(key)

    def add_after(self, key: K, delay_s: float) -> None:
        """Look at *key* in *delay_s*, or earlier when an earlier look is planned."""
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.0, delay_s)
        planned = self._timers.get(key)
        if planned is not None and planned.when() <= due:
            return
        if planned is not None:
            planned.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    async def get(self) -> K:
        """The next key; call `done` with it afterwards."""
        while not self._ready:
            self._wake.clear()
            await self._wake.wait()
        key = self._ready.popleft()
        self._queued.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        self._working.discard(key)
        if self._spacing_s:
            loop = asyncio.get_running_loop()
            self._free_at[key] = loop.time() + self._spacing_s
            loop.call_later(self._spacing_s, self._free_at.pop, key, None)
        if key in self._queued:
            self._enqueue(key)

    def __len__(self) -> int:
        return len(self._queued) + len(self._working)

    def _enqueue(self, key: K) -> None:
        loop = asyncio.get_running_loop()
        free_at = self._free_at.get(key, 0.0)
        if free_at > loop.time():
            loop.call_at(free_at, self._append, key)
        else:
            self._append(key)

    def _append(self, key: K) -> None:
        self._ready.append(key)
        self._wake.set()

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)


async def work(
    name: str, queue: WorkQueue[K], look: Callable[[K], Awaitable[float | None]]
) -> None:
    """Look at key after key until cancelled.

    Args:
        name: of the actor, for its log lines.
        queue: the keys.
        look: reads, decides and acts for one key; returns in how many seconds to look again
            without a change, or None. A `KubeError` is retried with growing delays.
    """
    failures: dict[K, int] = {}
    while True:
        key = await queue.get()
        try:
            again_s = await look(key)
        except KubeError as error:
            again_s = _retry_s(failures, key)
            log.debug("retrying", actor=name, object=key, why=str(error), in_s=again_s)
        except Exception:  # one odd object must not stop the actor for all others
            again_s = _retry_s(failures, key)
            log.exception("retrying", actor=name, object=key, in_s=again_s)
        else:
            failures.pop(key, None)
        finally:
            queue.done(key)
        if again_s is not None:
            queue.add_after(key, again_s)


def _retry_s(failures: dict[K, int], key: K) -> float:
    failures[key] = failures.get(key, 0) + 1
    return RETRY.after(failures[key])
