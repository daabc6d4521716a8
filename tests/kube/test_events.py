"""The recorder under a virtual clock: one Event with a count, bounded, and never in the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from kube import events
from kube.client import Client
from kube.errors import Unavailable
from kube.events import Recorder, Reference
from tests.kube.memory import Memory, failure

POD = Reference("v1", "Pod", "web-0", "shop", uid="u")
START = datetime(2024, 5, 1, tzinfo=UTC)


def recorder(memory: Memory) -> Recorder:
    loop = asyncio.get_running_loop()
    return Recorder(
        Client(memory),
        component="tandem",
        instance="tandem-0",
        now=lambda: START + timedelta(seconds=loop.time()),
    )


def say(to: Recorder, message: str = "2 to 3", about: Reference = POD) -> None:
    to.emit(about, type="Normal", reason="Scaled", message=message)


@asynccontextmanager
async def running(memory: Memory) -> AsyncIterator[Recorder]:
    made = recorder(memory)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run())
        yield made
        task.cancel()


def only(memory: Memory) -> dict[str, object]:
    [found] = memory.objects.values()
    return found


@pytest.mark.looptime
async def test_an_event_is_what_kubectl_describes() -> None:
    memory = Memory()
    async with running(memory) as to:
        say(to)
        await asyncio.sleep(1)

    assert memory.sent("POST") == ["/api/v1/namespaces/shop/events"]
    found = only(memory)
    assert found["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "web-0",
        "namespace": "shop",
        "uid": "u",
    }
    assert (found["type"], found["reason"], found["message"]) == ("Normal", "Scaled", "2 to 3")
    assert (found["count"], found["firstTimestamp"]) == (1, "2024-05-01T00:00:00Z")
    assert found["source"] == {"component": "tandem"}


@pytest.mark.looptime
async def test_repeats_are_one_event_written_once_a_minute() -> None:
    memory = Memory()
    async with running(memory) as to:
        for _ in range(100):
            say(to)
            await asyncio.sleep(1)
        await asyncio.sleep(60)

    assert only(memory)["count"] == 100
    assert only(memory)["lastTimestamp"] == "2024-05-01T00:01:39Z"
    assert len(memory.requests) <= 4


@pytest.mark.looptime
async def test_a_burst_is_written_in_the_order_in_which_it_was_said() -> None:
    """Also where some of it was refused at first, and so is due later than what came after it."""
    memory = Memory()
    memory.planned.extend([Unavailable("refused")] * 2)
    pods = [Reference("v1", "Pod", f"web-{n}", "shop", uid=str(n)) for n in range(events.QUEUE)]
    async with running(memory) as to:
        for pod in pods:
            say(to, about=pod)
        await asyncio.sleep(100)

        assert to.statistics() == events.Statistics(waiting=0, written=events.QUEUE, dropped=0)
    names = [each["involvedObject"]["name"] for each in memory.objects.values()]
    late = {"web-0", "web-1"}
    assert [name for name in names if name not in late] == [pod.name for pod in pods[2:]]
    assert set(names) >= late


@pytest.mark.looptime
async def test_a_restarted_process_goes_on_counting() -> None:
    memory = Memory()
    for _ in range(2):
        async with running(memory) as to:
            say(to)
            say(to)
            await asyncio.sleep(1)

    assert only(memory)["count"] == 4


@pytest.mark.looptime
async def test_an_event_that_the_server_forgot_begins_anew() -> None:
    memory = Memory()
    async with running(memory) as to:
        say(to)
        await asyncio.sleep(1)
        memory.objects.clear()
        say(to)
        await asyncio.sleep(100)

    assert only(memory)["count"] == 1


@pytest.mark.looptime
async def test_a_server_that_is_away_gets_them_later() -> None:
    memory = Memory()
    memory.planned.extend([Unavailable("refused"), failure(429, "TooManyRequests")])
    async with running(memory) as to:
        say(to)
        await asyncio.sleep(0.5)
        say(to)
        await asyncio.sleep(10)

        assert only(memory)["count"] == 2
        assert to.statistics() == events.Statistics(waiting=0, written=1, dropped=0)


@pytest.mark.looptime
async def test_what_is_said_while_writing_fails_is_counted_too() -> None:
    memory = Memory(after=lambda _: 1.0)
    memory.planned.append(Unavailable("refused"))
    async with running(memory) as to:
        memory.before = lambda _: 1.0
        say(to)
        await asyncio.sleep(0.5)
        say(to)
        await asyncio.sleep(100)

    assert only(memory)["count"] == 2


@pytest.mark.looptime
async def test_it_gives_up_with_a_count() -> None:
    memory = Memory()
    memory.planned.extend([Unavailable("refused")] * events.ATTEMPTS)
    memory.planned.append(failure(403, "Forbidden"))
    async with running(memory) as to:
        say(to)
        await asyncio.sleep(100)
        say(to, "denied")
        await asyncio.sleep(1)

        assert to.statistics().dropped == 2


@pytest.mark.looptime
async def test_one_noisy_object_is_held_back_and_others_are_not() -> None:
    memory = Memory()
    async with running(memory) as to:
        for number in range(100):
            say(to, f"message {number}")
        say(to, about=Reference("v1", "Node", "n1", uid="n"))
        await asyncio.sleep(1)

        assert to.statistics().written == events.BURST + 1
        assert to.statistics().dropped == 100 - events.BURST
    paths = memory.sent("POST")
    assert paths[-1] == "/api/v1/namespaces/default/events"


@pytest.mark.looptime
async def test_the_queue_is_bounded_and_a_flush_empties_it() -> None:
    memory = Memory()
    to = recorder(memory)
    for number in range(events.QUEUE + 10):
        say(to, about=Reference("v1", "Pod", f"p{number}", "shop", uid=f"u{number}"))
    assert to.statistics() == events.Statistics(waiting=events.QUEUE, written=0, dropped=10)

    await to.flush()
    assert to.statistics().waiting == 0
    body = json.loads(memory.requests[0].body or b"")
    assert body["reportingInstance"] == "tandem-0"
