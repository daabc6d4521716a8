"""Telling users what was done, as Events that `kubectl describe` shows.

`emit` never waits: it counts and returns. `run` writes one by one at LOW priority; what cannot be
written is counted in `statistics()` and logged, and never stops a decision. Repeats of one Event
are gathered and written at most once a minute.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heappop, heappush
from itertools import count as counter

import structlog

from kube.client import Client, Json, Priority
from kube.errors import AlreadyExists, KubeError, NotFound, Throttled, Unavailable
from kube.resources import EVENTS
from kube.values import times
from kube.values.backoff import Backoff
from kube.values.events import Allowance, EventType, Happening, Reference, happening

__all__ = ["Recorder", "Reference"]

log = structlog.get_logger()

REPEAT_S = 60.0  # repeats of one Event wait this long after it was written
BURST = 25  # events of one object at once; then one every REFILL_S
REFILL_S = 300.0
QUEUE = 1000
REMEMBERED = 4096
ATTEMPTS = 5
SHORTEST_S = 0.001  # a clock that stands still during a shorter wait would be asked forever
BACKOFF = Backoff(first_s=1.0, factor=2.0, ceiling_s=30.0, spread=0.0)


@dataclass(frozen=True, slots=True)
class _Pending:
    """Not yet written: how often since the last writing, and when to write."""

    count: int
    first: datetime
    last: datetime
    due_s: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Written:
    count: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Statistics:
    waiting: int
    written: int
    dropped: int


class Recorder:
    """Publishes Events.

    Args:
        component: who speaks, such as "tandem".
        instance: which process of it.
        now: the time to write into Events.
    """

    def __init__(self, client: Client, *, component: str, instance: str, now: times.Now) -> None:
        self._client = client
        self._component = component
        self._instance = instance
        self._now = now
        self._pending: OrderedDict[Happening, _Pending] = OrderedDict()
        self._due: list[tuple[float, int, Happening]] = []  # a heap; may name what waits no more
        self._order = counter()
        self._known: OrderedDict[Happening, _Written] = OrderedDict()
        self._allowed: OrderedDict[Reference, Allowance] = OrderedDict()
        self._woken = asyncio.Event()
        self._written = self._dropped = 0

    def emit(self, regarding: Reference, *, type: EventType, reason: str, message: str) -> None:  # noqa: A002  # the API's own name for it
        """Say that something happened; written later, together with its repeats."""
        what = happening(regarding, type, reason, message)
        moment = self._now()
        waiting = self._pending.get(what)
        if waiting is not None:
            self._pending[what] = replace(waiting, count=waiting.count + 1, last=moment)
        elif len(self._pending) < QUEUE and self._may_speak(what.regarding):
            self._wait(what, _Pending(1, moment, moment, self._due_s(what)))
        else:
            self._dropped += 1

    def statistics(self) -> Statistics:
        return Statistics(len(self._pending), self._written, self._dropped)

    async def run(self) -> None:
        """Write what is due, until cancelled."""
        while True:
            self._woken.clear()
            first = self._first()
            if first is None:
                await self._sleep(None)
            elif (wait_s := self._pending[first].due_s - _loop_s()) <= 0.0:
                await self._attempt(first)
            else:
                await self._sleep(max(wait_s, SHORTEST_S))

    async def flush(self) -> None:
        """Write all that waits, due or not; for a clean end."""
        for what in list(self._pending):
            await self._attempt(what)

    def _wait(self, what: Happening, pending: _Pending) -> None:
        self._pending[what] = pending
        heappush(self._due, (pending.due_s, next(self._order), what))
        self._woken.set()

    def _first(self) -> Happening | None:
        """What is due next; entries that were written or put off since are dropped on the way."""
        while self._due:
            due_s, _, what = self._due[0]
            pending = self._pending.get(what)
            if pending is not None and pending.due_s == due_s:
                return what
            heappop(self._due)
        return None

    async def _sleep(self, wait_s: float | None) -> None:
        """Until something new may be due."""
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _attempt(self, what: Happening) -> None:
        pending = self._pending.pop(what)
        try:
            await self._write(what, pending)
        except (Unavailable, Throttled) as error:
            self._again(what, pending, error)
        except KubeError as error:
            self._give_up(what, error)
        else:
            self._written += 1

    def _again(self, what: Happening, pending: _Pending, error: KubeError) -> None:
        attempts = pending.attempts + 1
        if attempts >= ATTEMPTS:
            self._give_up(what, error)
            return
        newer = self._pending.get(what)  # emitted again while we were writing
        if newer is not None:
            pending = replace(pending, count=pending.count + newer.count, last=newer.last)
        due_s = _loop_s() + BACKOFF.after(attempts)
        self._wait(what, replace(pending, attempts=attempts, due_s=due_s))

    def _give_up(self, what: Happening, error: KubeError) -> None:
        self._dropped += 1
        log.warning(
            "event not written", object=what.regarding.name, reason=what.reason, why=str(error)
        )

    async def _write(self, what: Happening, pending: _Pending) -> None:
        known = self._known.get(what)
        count = (known.count if known else 0) + pending.count
        if known is None or not await self._counted(what, count, pending.last):
            count = await self._create(what, pending)
        self._known[what] = _Written(count, _loop_s())
        self._known.move_to_end(what)
        _bound(self._known)

    async def _create(self, what: Happening, pending: _Pending) -> int:
        """Create it, or go on counting where an earlier process stopped."""
        where = what.regarding.events_in
        body = self._body(what, pending)
        try:
            await self._client.create(EVENTS, body, namespace=where, priority=Priority.LOW)
        except AlreadyExists:
            found = await self._client.get(
                EVENTS, what.name, namespace=where, priority=Priority.LOW
            )
            count = int(found.get("count") or 1) + pending.count
            await self._counted(what, count, pending.last)
            return count
        return pending.count

    async def _counted(self, what: Happening, count: int, last: datetime) -> bool:
        """Raise the count of an Event; False when the server has forgotten it."""
        change = {"count": count, "lastTimestamp": times.seconds(last)}
        try:
            await self._client.patch(
                EVENTS,
                what.name,
                change,
                namespace=what.regarding.events_in,
                priority=Priority.LOW,
            )
        except NotFound:
            return False
        return True

    def _body(self, what: Happening, pending: _Pending) -> Json:
        about = what.regarding
        regarding = {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "namespace": about.namespace,
            "uid": about.uid,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": what.name, "namespace": about.events_in},
            "involvedObject": {key: value for key, value in regarding.items() if value},
            "type": what.type,
            "reason": what.reason,
            "message": what.message,
            "count": pending.count,
            "firstTimestamp": times.seconds(pending.first),
            "lastTimestamp": times.seconds(pending.last),
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": self._instance,
        }

    def _may_speak(self, about: Reference) -> bool:
        """Take one token of the object's allowance."""
        full = Allowance(float(BURST), _loop_s())
        had = self._allowed.pop(about, full)
        allowance = had.filled(_loop_s(), refill_s=REFILL_S, burst=BURST)
        self._allowed[about] = allowance if allowance.empty else allowance.taken()
        _bound(self._allowed)
        return not allowance.empty

    def _due_s(self, what: Happening) -> float:
        known = self._known.get(what)
        return _loop_s() if known is None else max(_loop_s(), known.at_s + REPEAT_S)


def _bound(memory: OrderedDict[Happening, _Written] | OrderedDict[Reference, Allowance]) -> None:
    """Forget the oldest, so that memory follows what is current."""
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
