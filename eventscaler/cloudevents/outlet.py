"""One source's queue, and the sending of what is in it, one event after the other.

An event that the sink did not take is sent again: five times, each wait twice as long as the last.
Then the source is inactive, and its oldest event is tried once a minute until the sink is back.
What the sink refuses for good (a 400, say) is lost and counted; it would hold up all the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from eventscaler.cloudevents.sending import Undelivered
from eventscaler.cloudevents.standing import Standing
from eventscaler.core.cloud_events import Occurrence
from eventscaler.decode import CloudEventSource
from kube.values.backoff import Backoff

log = structlog.get_logger()

RETRIES = 5
BACKOFF = Backoff(first_s=1.0, factor=2.0, ceiling_s=16.0, spread=0.0)
LATER_S = 60.0  # between two tries of a sink that was given up
SETTLE_S = 60.0  # between two looks at a status that is not written

Send = Callable[[CloudEventSource, Occurrence], Awaitable[None]]
Became = Callable[[Occurrence, str], None]


class Outlet:
    """One source at work.

    Args:
        source: None when its manifest is refused; then it takes nothing.
        send: brings an event to the sink.
        became: told what became of an event: emitted, failed or dropped.
    """

    def __init__(
        self, source: CloudEventSource | None, standing: Standing, send: Send, became: Became
    ) -> None:
        self.source = source
        self.task: asyncio.Task[None] | None = None
        self.queue: deque[Occurrence] = deque()
        self._standing = standing
        self._send = send
        self._became = became
        self._woken = asyncio.Event()
        self._failures = 0

    def wants(self, what: Occurrence) -> bool:
        return self.source is not None and self.source.wants(what)

    def add(self, what: Occurrence) -> None:
        self.queue.append(what)
        self._woken.set()

    def lose(self) -> Occurrence | None:
        """Give up the oldest event that is not being sent; None when there is none."""
        if len(self.queue) < 2:  # noqa: PLR2004 - the first may be on its way
            return None
        lost = self.queue[1]
        del self.queue[1]
        return lost

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        while True:
            await self._standing.settle()
            if self.source is None or not self.queue:
                self._woken.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SETTLE_S):
                        await self._woken.wait()
                continue
            wait_s = await self._tried(self.source, self.queue[0])
            if wait_s:
                await self._standing.settle()
                await asyncio.sleep(wait_s)

    async def _tried(self, source: CloudEventSource, what: Occurrence) -> float:
        """Send *what*; after how many seconds to go on."""
        try:
            await self._send(source, what)
        except Undelivered as error:
            return self._failed(source, what, error)
        except Exception:  # outermost frame of one source: the others go on
            log.exception("sending broke", object=f"{source.kind}/{source.name}")
            return self._failed(source, what, Undelivered("it broke; the operator's log says why"))
        self._failures = 0
        self._standing.works()
        self._take_out(what, "emitted")
        return 0.0

    def _failed(self, source: CloudEventSource, what: Occurrence, error: Undelivered) -> float:
        self._became(what, "failed")
        log.warning(
            "event not delivered",
            object=f"{source.namespace}/{source.kind}/{source.name}",
            type=what.type,
            why=str(error),
        )
        if error.lasting:
            self._standing.fails(str(error))
            self._take_out(what, "dropped")
            return 0.0
        self._failures += 1
        if self._failures <= RETRIES:
            return BACKOFF.after(self._failures)
        self._standing.fails(str(error))
        return LATER_S

    def _take_out(self, what: Occurrence, became: str) -> None:
        self.queue.popleft()
        self._became(what, became)
