"""Shards under a virtual clock: joins, leaves, deaths, pauses, and another number of shards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from kube.client import Client
from kube.errors import NotLeading
from kube.lease import Candidacy, Elector
from kube.roll import labels_of
from kube.shards import Acting, Shards, acting
from kube.transport import Request, Response, Transport
from kube.values.lease import Terms
from tandem.sandbox.cluster import Sandbox, SandboxSettings

pytestmark = pytest.mark.looptime
START = datetime(2026, 5, 1, tzinfo=UTC)
TERMS = Terms(15.0, 10.0, 2.0)
HANDOVER_S = 2 * TERMS.retry_s + 0.1  # one look by whoever lets go, one by whoever takes
ORPHANED_S = TERMS.lease_s + 2 * TERMS.retry_s + 0.1


def now() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class Wire:
    """A way to the server that can be stopped, as for a paused process."""

    inner: Transport
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        await self.open.wait()
        return await self.inner.send(request, timeout_s=timeout_s)

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class Held:
    """Which process has which shard, with all moments at which that changed."""

    by: dict[int, set[str]] = field(default_factory=dict)
    free_since: dict[int, float] = field(default_factory=dict)
    longest_free_s: float = 0.0
    twice: list[int] = field(default_factory=list)

    def taken(self, shard: int, name: str) -> None:
        self.by.setdefault(shard, set()).add(name)
        if len(self.by[shard]) > 1:
            self.twice.append(shard)
        since = self.free_since.pop(shard, None)
        if since is not None:
            self.longest_free_s = max(self.longest_free_s, _time() - since)

    def laid(self, shard: int, name: str) -> None:
        self.by.get(shard, set()).discard(name)
        if not self.by.get(shard):
            self.free_since[shard] = _time()

    def of(self, name: str) -> set[int]:
        return {shard for shard, names in self.by.items() if name in names}


@dataclass
class Process:
    """One candidate for everything, and the task that it is."""

    name: str
    shards: Shards
    elector: Elector
    wire: Wire
    held: Held
    task: asyncio.Task[None] | None = None

    def take_up(self, shard: int) -> None:
        self.held.taken(shard, self.name)

    async def lay_down(self, shard: int) -> None:
        self.held.laid(shard, self.name)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.elector.run())
            await self.shards.run(self)

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    def pause(self) -> None:
        """Nothing that it sends arrives, and what it asks is not answered."""
        self.wire.open.clear()

    def resume(self) -> None:
        self.wire.open.set()


class Fleet:
    """Processes of one operator on one embedded cluster."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(SandboxSettings(), now)
        self.held = Held()
        self.started: list[Process] = []

    def start(self, name: str, shards: int = 4) -> Process:
        wire = Wire(self.sandbox.transport())
        client = Client(wire)  # type: ignore[arg-type]  # nobody watches here
        clock = asyncio.get_running_loop().time
        candidacy = Candidacy(
            client=client, namespace="default", identity=name, now=now, terms=TERMS, clock=clock
        )
        elector = Elector(candidacy, "tandem", labels=labels_of("tandem", shards))
        candidate = Shards(candidacy, lease="tandem", shards=shards)
        process = Process(name, candidate, elector, wire, self.held)
        process.task = asyncio.create_task(process.run())
        self.started.append(process)
        return process


@asynccontextmanager
async def fleet() -> AsyncIterator[Fleet]:
    made = Fleet()
    try:
        yield made
    finally:
        for process in made.started:
            process.resume()
            await process.stop()


def _time() -> float:
    return asyncio.get_running_loop().time()


async def test_who_joins_gets_its_part_and_who_leaves_hands_it_over() -> None:
    async with fleet() as made:
        a = made.start("a")
        await asyncio.sleep(HANDOVER_S)
        assert made.held.of("a") == {0, 1, 2, 3}

        b, c = made.start("b"), made.start("c")
        await asyncio.sleep(2 * HANDOVER_S)
        assert [len(made.held.of(name)) for name in "abc"] == [2, 1, 1]
        assert made.held.of("a") == {0, 1}, "no shard moves without need"

        await a.stop()
        await asyncio.sleep(HANDOVER_S)
        assert [len(made.held.of(name)) for name in "abc"] == [0, 2, 2]
        assert made.held.twice == []
        assert made.held.longest_free_s <= HANDOVER_S
        assert b.shards.held() | c.shards.held() == {0, 1, 2, 3}


async def test_more_processes_than_shards() -> None:
    async with fleet() as made:
        for name in "abc":
            made.start(name, shards=2)
        await asyncio.sleep(2 * HANDOVER_S)

        assert sorted(len(made.held.of(name)) for name in "abc") == [0, 1, 1]
        assert all(process.shards.reached() for process in made.started)


@pytest.mark.parametrize("at_s", [0.0, 0.7, 1.4, 2.1])
async def test_a_silent_process_is_followed_after_the_lease_and_lets_go_before(at_s: float) -> None:
    async with fleet() as made:
        a, _ = made.start("a"), made.start("b")
        await asyncio.sleep(20.0 + at_s)
        lost = made.held.of("a")
        assert len(lost) == 2

        a.pause()
        paused = _time()
        while made.held.of("b") != {0, 1, 2, 3}:
            await asyncio.sleep(0.1)
            if a.shards.held():
                assert _time() - paused <= TERMS.renew_s + 0.1
        assert TERMS.lease_s - TERMS.retry_s <= _time() - paused <= ORPHANED_S
        assert made.held.twice == [], "it had laid them down before"

        a.resume()
        await asyncio.sleep(3 * HANDOVER_S)
        assert [len(made.held.of(name)) for name in "ab"] == [2, 2]
        assert made.held.twice == []


async def test_a_write_passes_only_for_a_shard_that_is_held() -> None:
    async with fleet() as made:
        a, _ = made.start("a"), made.start("b")
        await asyncio.sleep(3 * HANDOVER_S)
        [mine, *_], [other, *_] = made.held.of("a"), made.held.of("b")

        errand = Acting(mine)
        acting.set(errand)
        a.shards.gate()
        assert errand.writing
        errand = Acting(other)
        acting.set(errand)
        with pytest.raises(NotLeading, match=f"'a' does not hold shard {other}"):
            a.shards.gate()
        assert not errand.writing
        acting.set(None)
        a.shards.gate()

        await a.stop()
        with pytest.raises(NotLeading, match="'a' holds no shard"):
            a.shards.gate()
        acting.set(Acting(mine))
        with pytest.raises(NotLeading):
            a.shards.gate()


async def test_another_number_of_shards_waits_for_the_last_that_has_the_old() -> None:
    """As in a rollout that changes it: nobody holds in one way beside one who holds in another."""
    async with fleet() as made:
        old = [made.start(name, shards=2) for name in ("old-1", "old-2")]
        await asyncio.sleep(2 * HANDOVER_S)
        new = [made.start(name, shards=3) for name in ("new-1", "new-2")]
        await asyncio.sleep(60)
        assert made.held.of("new-1") == made.held.of("new-2") == set()

        await old[0].stop()
        overlap = []
        for _ in range(400):
            await asyncio.sleep(0.1)
            held = {process.name: bool(made.held.of(process.name)) for process in old + new}
            overlap.append(held["old-2"] and (held["new-1"] or held["new-2"]))
        await old[1].stop()
        await asyncio.sleep(3 * HANDOVER_S)

        assert not any(overlap)
        assert made.held.of("new-1") | made.held.of("new-2") == {0, 1, 2}
        assert made.held.twice == []


async def test_who_is_long_gone_is_struck_from_the_roll() -> None:
    async with fleet() as made:
        a, _ = made.start("a"), made.start("b")
        await asyncio.sleep(5)
        a.pause()
        await asyncio.sleep(11 * TERMS.lease_s)
        assert await _members(made) == ["tandem-member-b"]

        a.resume()
        await asyncio.sleep(3 * HANDOVER_S)
        assert await _members(made) == ["tandem-member-a", "tandem-member-b"]


async def _members(made: Fleet) -> list[str]:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    names = [
        each["metadata"]["name"]
        for each in (await Client(made.sandbox.transport()).get_path(path))["items"]
    ]
    return sorted(name for name in names if "-member-" in name)
