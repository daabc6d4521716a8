"""When to stop waiting for more pods: at once if no more can come, else when they stop coming.

A burst of pods is planned better together than one by one. Waiting costs every pod that time, so a
batch closes as soon as `complete` says that everything which is on its way has arrived; otherwise
after `idle_s` without a new pod, and in any case after `most_s`. A trigger may say that what it is
for waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Batch:
    """Collect triggers into batches.

    Args:
        idle_s: close when nothing new has come for so long; 0 closes at once.
        most_s: close so long after the first trigger; 0 closes at once.
        complete: whether nothing more can come; asked again after every `trigger` and `look`.
    """

    def __init__(self, *, idle_s: float, most_s: float, complete: Callable[[], bool]) -> None:
        self._idle_s = idle_s
        self._most_s = most_s
        self._complete = complete
        self._open = asyncio.Event()
        self._news = asyncio.Event()
        self._last = 0.0
        self._at_once = False

    def trigger(self, *, at_once: bool = False) -> None:
        """Something new is to be planned: open a batch, or keep the open one waiting.

        Args:
            at_once: close the batch now, with all that is in it. While a batch is being planned,
                this counts for the next one.
        """
        self._at_once = self._at_once or at_once
        self._last = asyncio.get_running_loop().time()
        self._open.set()
        self._news.set()

    def look(self) -> None:
        """Something happened that may complete the open batch; it does not prolong the wait."""
        self._news.set()

    async def closed(self) -> float:
        """Wait for a batch to open and to close; the answer is how long it was open, in seconds."""
        await self._open.wait()
        loop = asyncio.get_running_loop()
        opened = loop.time()
        while not (self._at_once or self._complete()):
            self._news.clear()
            until = min(self._last + self._idle_s, opened + self._most_s)
            if loop.time() >= until:
                break
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                continue  # the loop's own test decides: a trigger may have moved the end
        self._open.clear()
        self._at_once = False
        return loop.time() - opened
