"""Takes what users are told, and lets each source that wants it have it."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - the type only; an instance is passed in
import uuid
from collections.abc import Iterable
from functools import partial

from eventscaler.cloudevents.outlet import Outlet, Send
from eventscaler.cloudevents.standing import Standing
from eventscaler.core.cloud_events import TYPES, Occurrence
from eventscaler.core.faults import Fault, errors, sentence
from eventscaler.decode import CloudEventSource
from eventscaler.metrics import CloudEventMeters
from kube.events import Reference
from kube.values.times import Now

ROOM = 1024

Key = tuple[str, str, str]  # namespace, name, kind


class Emitter:
    """The sources and their queues.

    Args:
        send: brings an event to a source's sink; see `Sender.send`.
        rng: makes the identifiers of events.
        room: how many events may wait, over all sources.
    """

    def __init__(
        self,
        send: Send,
        meters: CloudEventMeters,
        *,
        now: Now,
        rng: random.Random,
        room: int = ROOM,
    ) -> None:
        self._send = send
        self._meters = meters
        self._now = now
        self._rng = rng
        self._room = room
        self._waiting = 0
        self._outlets: dict[Key, Outlet] = {}
        self._changed = asyncio.Event()

    def keys(self) -> frozenset[Key]:
        return frozenset(self._outlets)

    def put(
        self,
        key: Key,
        source: CloudEventSource | None,
        faults: Iterable[Fault],
        standing: Standing,
    ) -> None:
        """Send to *source* from now on; what waits for it as it was before is sent to it as it is.

        None is one whose manifest is refused, with *faults* in its status.
        """
        was = self._outlets.get(key)
        outlet = Outlet(source, standing, self._send, partial(self._became, key, source))
        if was is not None:
            outlet.queue = was.queue
            self._end(was)
        if source is None:
            standing.fails(sentence(errors(faults)))
        else:
            standing.works()
        self._outlets[key] = outlet
        self._changed.set()

    def drop(self, key: Key) -> None:
        """Send nothing to the source of *key* any more."""
        outlet = self._outlets.pop(key, None)
        if outlet is not None:
            self._end(outlet)
            for what in outlet.queue:
                self._left(what)
            self._meters.forget(key)

    def tell(self, about: Reference, reason: str, message: str) -> None:
        """Something happened to an object; never waits."""
        kind = TYPES.get(reason)
        if kind is None or not self._outlets:
            return
        what = Occurrence(
            id=str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            type=kind,
            kind=about.kind,
            namespace=about.namespace,
            name=about.name,
            reason=reason,
            message=message,
            at=self._now(),
        )
        for key, outlet in self._outlets.items():
            if outlet.wants(what):
                self._add(key, outlet, what)

    async def run(self) -> None:
        """Send, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for outlet in self._outlets.values():
                    if outlet.task is None:
                        outlet.task = group.create_task(outlet.run())
                await self._changed.wait()

    def _add(self, key: Key, outlet: Outlet, what: Occurrence) -> None:
        if self._waiting >= self._room and not self._made_room():
            self._meters.count(key, what.namespace, _sink(outlet.source), "dropped")
            return
        outlet.add(what)
        self._waiting += 1
        self._meters.queued(what.namespace, 1)

    def _made_room(self) -> bool:
        """Whether the longest queue, which is the slowest sink's, lost its oldest event."""
        key, longest = max(self._outlets.items(), key=lambda item: len(item[1].queue))
        lost = longest.lose()
        if lost is None:
            return False
        self._became(key, longest.source, lost, "dropped")
        return True

    def _became(
        self, key: Key, source: CloudEventSource | None, what: Occurrence, state: str
    ) -> None:
        self._meters.count(key, what.namespace, _sink(source), state)
        if state != "failed":
            self._left(what)

    def _left(self, what: Occurrence) -> None:
        self._waiting -= 1
        self._meters.queued(what.namespace, -1)

    @staticmethod
    def _end(outlet: Outlet) -> None:
        if outlet.task is not None:
            outlet.task.cancel()


def _sink(source: CloudEventSource | None) -> str:
    return source.sink if source else ""
