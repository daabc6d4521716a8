"""Equal sources are read once; a failure is a reading without a value and with its reason."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from eventscaler.metrics import Meters
from eventscaler.readings import Asked, Readings
from scalers.base import Sample, Scaler, ScalerError, Trigger
from scalers.io import IO
from tests.eventscaler.world import now

pytestmark = pytest.mark.looptime


@dataclass(slots=True)
class Queue:
    """A source that takes a second to answer."""

    depth: float | None = 7
    reads: int = 0
    takes_s: float = 1.0

    def trigger(self, source: str = "mq/orders", target: float = 5) -> Trigger:
        scaler = Scaler("queue", Queue, self.read, target=target)
        return Trigger(scaler, self, "orders", "s0-queue", "AverageValue", target, 0.0, source)

    async def read(self, _: Queue, __: IO) -> Sample:
        self.reads += 1
        await asyncio.sleep(self.takes_s)
        if self.depth is None:
            raise ScalerError("connection refused")
        return Sample(self.depth)


def asked(trigger: Trigger | None, owner: str = "orders", error: str = "") -> Asked:
    return Asked("default", owner, 0, "orders", trigger, error)


def readings(share_s: float = 1.0) -> tuple[Readings, CollectorRegistry]:
    registry = CollectorRegistry()
    return Readings(IO(now), Meters(registry), share_s=share_s), registry


async def test_triggers_of_one_source_share_one_read() -> None:
    queue = Queue()
    reader, _ = readings()
    found = await reader.sample([asked(queue.trigger()), asked(queue.trigger(target=2))])

    assert [(reading.value, reading.target) for reading in found] == [(7, 5), (7, 2)]
    assert (queue.reads, reader.shared) == (1, 1)


async def test_an_answer_is_shared_for_a_moment_only() -> None:
    queue = Queue()
    reader, _ = readings(share_s=2)
    await reader.sample([asked(queue.trigger())])
    await asyncio.sleep(1.9)
    await reader.sample([asked(queue.trigger())])
    assert queue.reads == 1

    await asyncio.sleep(0.2)
    await reader.sample([asked(queue.trigger())])
    assert queue.reads == 2


async def test_other_sources_are_read_at_the_same_time() -> None:
    queue = Queue()
    reader, _ = readings()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await reader.sample([asked(queue.trigger(source=str(i))) for i in range(20)])

    assert queue.reads == 20
    assert loop.time() - began == pytest.approx(1.0)


async def test_a_failure_is_a_reading_too() -> None:
    queue = Queue(depth=None)
    reader, registry = readings()
    first, second = await reader.sample(
        [asked(queue.trigger()), asked(None, error="secret shop/rabbit does not exist")]
    )

    assert (first.value, first.error) == (None, "connection refused")
    assert (second.value, second.error) == (None, "secret shop/rabbit does not exist")
    labels = {"namespace": "default", "metric": "s0-queue", "scaledObject": "orders"}
    labels |= {"scaler": "orders", "triggerIndex": "0", "type": "scaledobject"}
    assert registry.get_sample_value("keda_scaler_detail_errors_total", labels) == 1


async def test_who_joins_a_cancelled_read_reads_itself() -> None:
    """The object whose read was joined is deleted; the other does not wait for ever."""
    queue = Queue()
    reader, _ = readings()
    async with asyncio.TaskGroup() as group:
        leader = group.create_task(reader.sample([asked(queue.trigger())]))
        await asyncio.sleep(0.5)
        follower = group.create_task(reader.sample([asked(queue.trigger())]))
        await asyncio.sleep(0.1)
        leader.cancel()

    assert follower.result()[0].value == 7
    assert queue.reads == 2


async def test_a_source_that_hangs_times_out() -> None:
    queue = Queue(takes_s=1e6)
    reader, _ = readings()
    found = await reader.sample([asked(queue.trigger())])

    assert found[0].value is None
    assert found[0].error == "no answer within 15 s"


async def test_who_needs_a_later_answer_does_not_share_an_earlier_one() -> None:
    queue = Queue()
    reader, _ = readings(share_s=60)
    loop = asyncio.get_running_loop()
    early = loop.create_task(reader.sample([asked(queue.trigger())]))
    await asyncio.sleep(0.5)
    queue.depth = 9
    (late,) = await reader.sample([asked(queue.trigger())], since=loop.time())
    assert (queue.reads, late.value) == (2, 9)

    await early
    (again,) = await reader.sample([asked(queue.trigger())], since=0.5)
    assert (queue.reads, again.value) == (2, 9)
