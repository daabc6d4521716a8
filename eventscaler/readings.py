"""One sample of triggers: each source is read once, however many triggers name it.

A trigger whose source is being read joins that read; one that asks within `share_s` after it takes
its answer. A failure is an answer too: value None and the reason. How many calls run on one
endpoint at a time, and how long each may take, is the business of `scalers.io`; so a dead source
keeps nobody waiting but its own triggers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from eventscaler.core.model import MetricType, Reading
from eventscaler.metrics import KIND, Labels, Meters, Reader, owner_of
from scalers import base
from scalers.base import Sample, ScalerError, Trigger
from scalers.io import IO


@dataclass(frozen=True, slots=True)
class Asked:
    """A trigger of some object: what to read, or why it cannot be.

    Attributes:
        label: its name in messages and formulas.
        trigger: None when its credentials are missing; `error` says which.
        passive: as in `Reading`.
    """

    namespace: str
    owner: str
    index: int
    label: str
    trigger: Trigger | None
    error: str = ""
    passive: bool = False
    kind: str = KIND

    @property
    def metric(self) -> str:
        """The metric's name; its label while it cannot be told."""
        return self.trigger.metric_name if self.trigger else self.label

    @property
    def labels(self) -> Labels:
        metric = self.trigger.metric_name if self.trigger else ""
        return (self.namespace, metric, self.owner, self.label, str(self.index), self.kind)


@dataclass(frozen=True, slots=True)
class _Answer:
    sample: Sample | None
    error: str
    took_s: float


class _Watch:
    """Counts what a read does, for the trigger that asked for it."""

    def __init__(self, meters: Meters, asked: Asked, trigger: Trigger) -> None:
        scaler = trigger.scaler.trigger
        own = "" if trigger.name == scaler else trigger.name
        owner = owner_of((asked.namespace, asked.owner, asked.kind))
        self._meters = meters
        self._reader = Reader(owner, scaler, own, trigger.metric_name)

    def called(self, status: int | None, took_s: float) -> None:
        self._meters.called(self._reader, status, took_s)

    def empty(self, *, ignored: bool) -> None:
        self._meters.empty(self._reader, ignored=ignored)


@dataclass(slots=True)
class _Flight:
    """A read under way or just over; without an answer when its reader was cancelled."""

    began: float
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    answer: _Answer | None = None


class Readings:
    """Reads triggers through *io*.

    Args:
        share_s: how old an answer may be for another trigger of the same source.
    """

    def __init__(self, io: IO, meters: Meters, *, share_s: float = 1.0) -> None:
        self._io = io
        self._meters = meters
        self._share_s = share_s
        self._flights: dict[Hashable, _Flight] = {}
        self.reads = 0  # of sources; for statistics
        self.shared = 0  # answers that cost no read

    async def sample(
        self, asked: Sequence[Asked], *, since: float = float("-inf")
    ) -> tuple[Reading, ...]:
        """Read all of them at once; never raises for a source's failure.

        A read that began before *since*, by the loop's clock, is not shared.
        """
        if len(asked) == 1:  # most have one, and a task for it would be for nothing
            return (await self._reading(asked[0], since),)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._reading(one, since)) for one in asked]
        return tuple(task.result() for task in tasks)

    async def _reading(self, asked: Asked, since: float) -> Reading:
        trigger = asked.trigger
        if trigger is None:
            self._meters.failed(asked.labels)
            return Reading(
                trigger=asked.label,
                metric=asked.metric,
                value=None,
                target=0,
                passive=asked.passive,
                error=asked.error,
            )
        answer = await self._answer(trigger, since, asked)
        reading = _reading(asked, trigger, answer)
        if reading.value is None:
            self._meters.failed(asked.labels)
        else:
            active = bool(reading.is_active())
            self._meters.read(asked.labels, reading.value, active=active, took_s=answer.took_s)
        return reading

    async def _answer(self, trigger: Trigger, since: float, asked: Asked) -> _Answer:
        """The source's answer, read by this call or by the one that it joins."""
        while (flight := self._flights.get(trigger.source)) is not None and flight.began >= since:
            await flight.landed.wait()
            if flight.answer is not None:
                self.shared += 1
                return flight.answer
        return await self._fly(trigger, asked)

    async def _fly(self, trigger: Trigger, asked: Asked) -> _Answer:
        loop = asyncio.get_running_loop()
        flight = self._flights[trigger.source] = _Flight(loop.time())
        try:
            flight.answer = await self._read(trigger, asked)
        finally:
            flight.landed.set()
            if flight.answer is None:
                self._forget(trigger.source, flight)
        loop.call_later(self._share_s, self._forget, trigger.source, flight)
        return flight.answer

    async def _read(self, trigger: Trigger, asked: Asked) -> _Answer:
        self.reads += 1
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            sample = await base.read(
                trigger, self._io.observed(_Watch(self._meters, asked, trigger))
            )
        except ScalerError as error:
            return _Answer(None, str(error).removeprefix(f"{trigger.name}: "), clock() - began)
        return _Answer(sample, "", clock() - began)

    def _forget(self, source: Hashable, flight: _Flight) -> None:
        if self._flights.get(source) is flight:
            del self._flights[source]


def _reading(asked: Asked, trigger: Trigger, answer: _Answer) -> Reading:
    sample = answer.sample
    return Reading(
        trigger=asked.label,
        metric=asked.metric,
        passive=asked.passive,
        value=None if sample is None else sample.value,
        target=trigger.target,
        metric_type=MetricType(trigger.metric_type),
        activation=trigger.activation,
        activation_value=None if sample is None else sample.activation_value,
        active=None if sample is None else sample.active,
        error=answer.error,
        usage=None if sample is None else sample.usage,
    )
