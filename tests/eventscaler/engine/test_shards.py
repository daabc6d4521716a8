"""Engines that share the objects: each object has one engine at a time, and never none for long."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from eventscaler.engine import EventSettings
from eventscaler.engine.share import Share
from kube.client import Client
from kube.lease import Candidacy, Elector
from kube.resources import CLOUD_EVENT_SOURCES, SCALED_OBJECTS
from kube.roll import labels_of
from kube.shards import Shards, acting
from kube.transport import Request, Response, Stream, Transport
from kube.values.lease import Terms
from kube.values.shards import shard_of
from tandem.sandbox.cluster import Sandbox
from tests.eventscaler.manifests import (
    deployment,
    pods_trigger,
    scaled_object,
    trigger_authentication,
)
from tests.eventscaler.world import World, made, now, running

pytestmark = pytest.mark.looptime

TERMS = Terms(15.0, 10.0, 2.0)
POLL_S = 10
FIRST_POLL_S = EventSettings().first_poll_s
SHARDS = 4
NAMES = [f"orders-{number}" for number in range(16)]


def of_shard(shard: int, shards: int = 2) -> str:
    """A name whose objects are in *shard*."""
    return next(name for name in NAMES if shard_of(f"default/{name}", shards) == shard)


async def test_only_what_was_taken_up_is_handled() -> None:
    async with running(shards=2) as world:
        world.engine.take_up(0)
        for name in (of_shard(0), of_shard(1)):
            await world.apply(deployment(name), scaled_object(name))
        await world.work(3)
        await asyncio.sleep(40)
        assert await world.replicas(of_shard(0)) == 3
        assert await world.replicas(of_shard(1)) == 0
        assert await world.status(of_shard(1)) == {}
        assert world.engine.statistics().objects == 1

        world.engine.take_up(1)
        await asyncio.sleep(FIRST_POLL_S)
        assert await world.replicas(of_shard(1)) == 3

        await world.engine.lay_down(0)
        assert world.engine.statistics().objects == 1
        await world.work(5)
        await asyncio.sleep(40)
        assert await world.replicas(of_shard(0)) == 3
        assert await world.replicas(of_shard(1)) == 5


async def test_a_source_and_an_authentication_are_told_of_by_whose_shard_they_are() -> None:
    """Every process knows them all."""
    source = {
        "apiVersion": "eventing.keda.sh/v1alpha1",
        "kind": "CloudEventSource",
        "metadata": {"name": of_shard(1), "namespace": "default"},
        "spec": {
            "destination": {"http": {"uri": "http://127.0.0.1:1/"}},
            "eventSubscription": {"includedEventTypes": ["keda.scaledjob.removed.v1"]},
        },
    }
    async with running(shards=2) as world:
        world.engine.take_up(0)
        await asyncio.sleep(1)
        await world.apply(source)
        for name in (of_shard(0), of_shard(1)):
            await world.apply(trigger_authentication(name))
        await asyncio.sleep(120)

        writes = [path for _, path in world.wire.writes]
        assert [path for path in writes if "cloudeventsources" in path and "PATCH" in path] == []
        assert [reason for reason, _ in await world.events(of_shard(0))] == [
            "TriggerAuthenticationAdded"
        ]
        assert await world.events(of_shard(1)) == []

        world.engine.take_up(1)
        await asyncio.sleep(61)
        found = await world.client.get(CLOUD_EVENT_SOURCES, of_shard(1), namespace="default")
        assert found["status"]["conditions"][0]["status"] == "True"
        assert await world.events(of_shard(1)) == []


def passing() -> None:
    """A gate that lets everything pass and says so, as that of `Shards` does."""
    errand = acting.get()
    if errand is not None:
        errand.writing = True


async def test_every_write_says_for_which_shard_it_is() -> None:
    """The gate, which cannot see the object, goes by that."""
    asked: list[int | None] = []

    def noting() -> None:
        errand = acting.get()
        asked.append(errand.shard if errand else None)

    async with running(shards=2, gate=noting) as world:
        world.engine.take_up(1)
        await world.work(3)
        await world.apply(deployment(of_shard(1)), scaled_object(of_shard(1)))
        asked.clear()
        await asyncio.sleep(0)
        world.wire.fail = lambda request: request.path.endswith("/events")
        await asyncio.sleep(0.5)
        assert await world.replicas(of_shard(1)) == 3

    assert set(asked) == {1, None}, "and what is no object's, such as Events, for none"


async def test_laying_down_ends_what_reads_and_awaits_what_writes() -> None:
    async with running(shards=2, gate=passing) as world:
        world.engine.take_up(0)
        world.engine.take_up(1)
        await world.work(3)
        reading, writing = of_shard(0), of_shard(1)

        def slow(request: Request) -> float:
            if request.query.get("labelSelector") == f"app={reading}":
                return 10.0
            return 5.0 if request.method == "PUT" else 0.0

        world.wire.delay_s = slow
        await world.apply(deployment(reading), scaled_object(reading, pods_trigger(reading)))
        await world.apply(deployment(writing), scaled_object(writing))
        await asyncio.sleep(1)
        began = now()
        await world.engine.lay_down(0)
        assert now() == began

        await world.engine.lay_down(1)
        assert await world.replicas(writing) == 3, "what had been sent was answered"
        assert await world.replicas(reading) == 0


async def test_rivals_meet_in_one_shard_and_an_edited_target_moves() -> None:
    share = Share(8)
    older, younger = scaled_object("a"), scaled_object("b", scaleTargetRef={"name": "a"})
    assert share.shard(older) == share.shard(younger)
    assert {Share(8).shard(scaled_object(name)) for name in NAMES} > {share.shard(older)}

    async with running(shards=2) as world:
        world.engine.take_up(0)
        await world.apply(
            deployment(of_shard(0)), scaled_object("it", scaleTargetRef={"name": of_shard(0)})
        )
        await asyncio.sleep(1)
        assert world.engine.statistics().objects == 1

        await world.edit(SCALED_OBJECTS, "it", scaleTargetRef={"name": of_shard(1)})
        assert world.engine.statistics().objects == 0


@pytest.mark.parametrize("body", [{"spec": None}, {"spec": {"scaleTargetRef": "x"}}, {}])
def test_a_broken_manifest_has_a_shard_too(body: dict[str, object]) -> None:
    meta = {"metadata": {"name": "a", "namespace": "default"}}

    assert Share(8).shard(meta | body) == shard_of("default/a", 8)


# ------------------------------------------------------------------ several processes


@dataclass
class Audit:
    """What reached the server: who wrote which object when, beside who held its shard."""

    holders: dict[str, str] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    writes: list[tuple[float, str, str]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def lease(self, request: Request) -> None:
        body = json.loads(request.body or b"{}")
        self.holders[body["metadata"]["name"]] = body["spec"]["holderIdentity"]

    def read(self, selector: str) -> None:
        """The pods that a trigger counts: an object's selector excludes its own name."""
        found = re.search(r"not(?:!=| notin \()([^,)]+)", selector)
        if found:
            self.samples.setdefault(found[1], []).append(asyncio.get_running_loop().time())

    def asked(self, who: str, request: Request) -> None:
        name = request.path.split("/")[7]
        if request.method != "GET":
            self.writes.append((asyncio.get_running_loop().time(), who, request.path))
            holder = self.holders[f"tandem-shard-{shard_of(f'default/{name}', SHARDS)}"]
            if holder != who:
                self.foreign.append(f"{who} wrote {request.path} of {holder}")

    def longest_gap_s(self) -> float:
        return max(b - a for times in self.samples.values() for a, b in pairwise(times))


@dataclass
class Tapped:
    """A process's way to the server: it can be stopped, and the audit hears what passes."""

    inner: Transport
    who: str
    audit: Audit
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        await self.open.wait()
        request.gate()  # as the HTTP transport does when the connection stands
        if request.path.endswith(("/scale", "/status")):
            self.audit.asked(self.who, request)
        if request.path.endswith("/pods"):
            self.audit.read(request.query.get("labelSelector", ""))
        answer = await self.inner.send(request, timeout_s=timeout_s)
        changes = request.method in {"PUT", "POST"} and answer.status < 300
        if changes and "/leases" in request.path:
            self.audit.lease(request)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        await self.open.wait()
        async with self.inner.stream(request, timeout_s=timeout_s) as stream:
            yield stream

    async def close(self) -> None:
        await self.inner.close()


class Process:
    """One operator's event half."""

    def __init__(self, name: str, sandbox: Sandbox, audit: Audit) -> None:
        self.tap = Tapped(sandbox.transport(), name, audit)
        self.tap.open.set()
        leases = Client(self.tap)
        clock = asyncio.get_running_loop().time
        candidacy = Candidacy(
            client=leases, namespace="default", identity=name, now=now, terms=TERMS, clock=clock
        )
        self.elector = Elector(candidacy, "tandem", labels=labels_of("tandem", SHARDS))
        self.shards = Shards(candidacy, lease="tandem", shards=SHARDS)
        self.world, self.recorder = made(
            EventSettings(), sandbox, shards=SHARDS, gate=self.shards.gate
        )
        self.world.wire.inner = self.tap
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.elector.run())
            group.create_task(self.world.engine.run())
            group.create_task(self.recorder.run())
            await self.shards.run(self.world.engine)

    async def stop(self) -> None:
        self.tap.open.set()
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def fleet(*names: str) -> AsyncIterator[tuple[World, Audit, list[Process]]]:
    """Processes on one cluster with objects whose queue never stops changing."""
    audit = Audit()
    world, _ = made(EventSettings(), None)
    for name in NAMES:
        trigger = pods_trigger()
        trigger["metadata"]["podSelector"] += f",not!={name}"
        wanted = scaled_object(name, trigger, pollingInterval=POLL_S, cooldownPeriod=0)
        await world.apply(deployment(name), wanted)
    processes = [Process(name, world.sandbox, audit) for name in names]
    queue = asyncio.create_task(_tides(world))
    try:
        yield world, audit, processes
    finally:
        queue.cancel()
        for process in processes:
            await process.stop()


async def _tides(world: World) -> None:
    for level in range(10_000):
        await world.work(1 + level % 3)
        await asyncio.sleep(POLL_S / 2)


async def test_leaving_leaves_nothing_unread_and_joining_writes_nothing_twice() -> None:
    async with fleet("a", "b") as (world, audit, processes):
        await asyncio.sleep(60)
        processes.append(Process("c", world.sandbox, audit))
        await asyncio.sleep(60)
        await processes[0].stop()
        await asyncio.sleep(60)

    assert audit.foreign == []
    assert {who for _, who, _ in audit.writes} == set("abc")
    assert len(audit.samples) == len(NAMES)
    assert audit.longest_gap_s() <= 2 * TERMS.retry_s + FIRST_POLL_S + POLL_S


@pytest.mark.parametrize("again", [False, True], ids=["for good", "and speaks again"])
@pytest.mark.parametrize("at_s", [60.0, 61.3])
async def test_silence_lasts_for_the_lease_and_one_poll(at_s: float, *, again: bool) -> None:
    async with fleet("a", "b", "c") as (_, audit, processes):
        await asyncio.sleep(at_s)
        processes[0].tap.open.clear()
        silent = asyncio.get_running_loop().time()
        await asyncio.sleep(60)
        if again:
            processes[0].tap.open.set()
            await asyncio.sleep(60)

    assert audit.foreign == []
    assert len(audit.writes) > len(NAMES)
    late = [at for at, who, _ in audit.writes if who == "a" and silent < at < silent + 60]
    assert late == []
    assert audit.longest_gap_s() <= TERMS.lease_s + 2 * TERMS.retry_s + FIRST_POLL_S + POLL_S
