"""Queues, retries and what is lost, in virtual time; the sink is a coroutine of the test."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from eventscaler.cloudevents import Emitter
from eventscaler.cloudevents.sending import Undelivered
from eventscaler.cloudevents.standing import Standing
from eventscaler.core.cloud_events import Occurrence
from eventscaler.decode import CloudEventSource
from eventscaler.metrics import CloudEventMeters
from kube.client import Json
from kube.events import Reference
from tests.eventscaler.world import now

pytestmark = pytest.mark.looptime
READY = "ScaledObjectReady"
KEY = ("shop", "good", "CloudEventSource")


@dataclass(slots=True)
class Sinks:
    """What arrived where and when; `broken` says how a sink fails."""

    got: list[tuple[float, str, str]] = field(default_factory=list)
    broken: dict[str, Undelivered | float | Exception] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    conditions: list[tuple[float, str, str, str]] = field(default_factory=list)
    refuse_status: bool = False

    async def send(self, source: CloudEventSource, what: Occurrence) -> None:
        self.tries[source.name] += 1
        trouble = self.broken.get(source.name)
        if isinstance(trouble, float):
            await asyncio.sleep(trouble)
        elif trouble is not None:
            raise trouble
        self.got.append((asyncio.get_running_loop().time(), source.name, what.name))

    def names(self, sink: str = "good") -> list[str]:
        return [name for _, at, name in self.got if at == sink]

    async def write(self, patch: Json) -> bool:
        if self.refuse_status:
            return False
        found = patch["status"]["conditions"][0]
        at = asyncio.get_running_loop().time()
        self.conditions.append((at, found["status"], found["reason"], found["message"]))
        return True


@dataclass(slots=True)
class Stage:
    sinks: Sinks
    emitter: Emitter
    meters: CollectorRegistry

    def source(self, name: str = "good") -> None:
        made = CloudEventSource("CloudEventSource", "shop", name, "http", "http://sink/")
        standing = Standing((), self.sinks.write, now)
        self.emitter.put(("shop", name, "CloudEventSource"), made, (), standing)

    def tell(self, *names: str, reason: str = READY, namespace: str = "shop") -> None:
        for name in names:
            about = Reference("keda.sh/v1alpha1", "ScaledObject", name, namespace)
            self.emitter.tell(about, reason, "ready for scaling")

    def count(self, state: str, name: str = "good", sink: str = "http") -> float:
        labels = {"namespace": "shop", "cloudeventsource": name, "eventsink": sink, "state": state}
        found = self.meters.get_sample_value("keda_cloudeventsource_events_emitted_total", labels)
        return found or 0.0

    @property
    def queued(self) -> float | None:
        labels = {"namespace": "shop"}
        return self.meters.get_sample_value("keda_cloudeventsource_events_queued", labels)


@asynccontextmanager
async def stage(*sources: str, room: int = 1024) -> AsyncIterator[Stage]:
    sinks, registry = Sinks(), CollectorRegistry()
    emitter = Emitter(
        sinks.send, CloudEventMeters(registry), now=now, rng=random.Random(7), room=room
    )
    made = Stage(sinks, emitter, registry)
    for name in sources or ("good",):
        made.source(name)
    task = asyncio.create_task(emitter.run())
    try:
        yield made
    finally:
        task.cancel()


async def test_an_event_goes_to_every_source_that_wants_it() -> None:
    async with stage("good", "other") as made:
        made.tell("a", "b")
        made.tell("c", reason="SuccessfulRescale")  # no CloudEvent of KEDA's
        made.tell("d", namespace="elsewhere")
        await asyncio.sleep(1)

        assert made.sinks.names() == made.sinks.names("other") == ["a", "b"]
        assert (made.count("emitted"), made.queued) == (2, 0)


async def test_a_dead_sink_delays_no_other() -> None:
    async with stage("dead", "slow", "good") as made:
        made.sinks.broken |= {"dead": Undelivered("no connection"), "slow": 30.0}
        made.tell("a", "b", "c")
        await asyncio.sleep(0.5)

        assert [at for at, name, _ in made.sinks.got if name == "good"] == [0.0, 0.0, 0.0]
        await asyncio.sleep(60)
        assert made.sinks.names("slow") == ["a", "b"]


async def test_a_failing_sink_is_given_up_after_five_retries_and_tried_again_later() -> None:
    async with stage() as made:
        await asyncio.sleep(0.5)
        made.sinks.broken["good"] = Undelivered("http://sink answered 503: busy")
        made.tell("a", "b")
        await asyncio.sleep(1 + 2 + 4 + 8 + 16 - 0.5)
        assert [status for _, status, _, _ in made.sinks.conditions] == ["True"]
        await asyncio.sleep(1)

        assert made.sinks.tries["good"] == 6
        assert made.sinks.conditions[-1][1:] == (
            "False",
            "CloudEventSourceFailed",
            "http://sink answered 503: busy",
        )
        await asyncio.sleep(600)
        assert made.sinks.tries["good"] == 16
        assert len(made.sinks.conditions) == 2

        del made.sinks.broken["good"]
        await asyncio.sleep(61)
        assert made.sinks.names() == ["a", "b"]
        assert made.sinks.conditions[-1][1:3] == ("True", "CloudEventSourceActive")
        assert made.count("failed") == 16
        assert made.count("dropped") == 0


async def test_what_a_sink_refuses_for_good_holds_up_nothing() -> None:
    async with stage() as made:
        made.sinks.broken["good"] = Undelivered("http://sink answered 400", lasting=True)
        made.tell("a")
        await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        assert made.sinks.conditions[-1][1] == "False"
        made.sinks.broken.clear()
        made.tell("b")
        await asyncio.sleep(0.5)

        assert made.sinks.names() == ["b"]
        assert (made.count("dropped"), made.count("emitted"), made.queued) == (1, 1, 0)


async def test_only_what_finds_no_room_is_lost_and_it_is_the_dead_sinks() -> None:
    async with stage("dead", "good", room=6) as made:
        made.sinks.broken["dead"] = Undelivered("no connection")
        for index in range(20):
            made.tell(str(index))
            await asyncio.sleep(0.01)

        assert len(made.sinks.names()) == 20
        assert made.count("dropped", "good") == 0
        assert made.count("dropped", "dead") == 15
        assert made.queued == 5

        del made.sinks.broken["dead"]
        await asyncio.sleep(60)
        assert made.sinks.names("dead") == ["0", "16", "17", "18", "19"]


async def test_no_room_at_all() -> None:
    async with stage(room=1) as made:
        made.sinks.broken["good"] = 10.0
        made.tell("a", "b")
        await asyncio.sleep(60)

        assert made.sinks.names() == ["a"]
        assert made.count("dropped") == 1


async def test_an_edited_source_gets_what_waited_and_a_deleted_one_nothing() -> None:
    async with stage() as made:
        made.sinks.broken["good"] = Undelivered("no connection")
        made.tell("a", "b")
        await asyncio.sleep(3)
        made.sinks.broken.clear()
        made.source()
        await asyncio.sleep(0.5)
        assert made.sinks.names() == ["a", "b"]

        made.sinks.broken["good"] = Undelivered("no connection")
        made.tell("c")
        await asyncio.sleep(3)
        made.emitter.drop(KEY)
        made.sinks.broken.clear()
        await asyncio.sleep(600)
        assert made.sinks.names() == ["a", "b"]
        assert made.queued == 0
        assert made.count("emitted") == 0


async def test_a_status_that_is_not_written_is_written_later() -> None:
    async with stage() as made:
        made.sinks.refuse_status = True
        await asyncio.sleep(30)
        made.sinks.refuse_status = False
        await asyncio.sleep(31)

        assert [entry[1] for entry in made.sinks.conditions] == ["True"]


async def test_a_steady_source_writes_nothing() -> None:
    async with stage() as made:
        for index in range(50):
            made.tell(str(index))
            await asyncio.sleep(30)

        assert len(made.sinks.conditions) == 1


async def test_what_breaks_in_sending_ends_nothing() -> None:
    with capture_logs() as lines:
        await break_sending()
    assert [line["event"] for line in lines] == ["sending broke", "event not delivered"]


async def break_sending() -> None:
    async with stage() as made:
        made.sinks.broken["good"] = KeyError("odd")
        made.tell("a")
        await asyncio.sleep(0.5)
        made.sinks.broken.clear()
        await asyncio.sleep(1)

        assert made.sinks.names() == ["a"]
