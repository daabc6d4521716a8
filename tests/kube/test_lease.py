"""Election under a virtual clock: all orders of expiry, lost answers, pauses, release."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.client import Client
from kube.errors import NotLeading, Unavailable
from kube.lease import Candidacy, Elector, boottime, record_of
from kube.transport import Request
from tests.kube.memory import Memory, failure

PATH = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/tandem"
START = datetime(2024, 5, 1, tzinfo=UTC)


def candidate(memory: Memory, name: str) -> Elector:
    loop = asyncio.get_running_loop()
    candidacy = Candidacy(
        client=Client(memory),
        namespace="ns",
        identity=name,
        now=lambda: START + timedelta(seconds=loop.time()),
        clock=loop.time,
    )
    return Elector(candidacy, "tandem")


def holder(memory: Memory) -> str:
    return record_of(memory.objects[PATH]).holder


@pytest.mark.looptime
async def test_the_first_makes_the_lease_and_the_second_waits() -> None:
    memory = Memory()
    a, b = candidate(memory, "a"), candidate(memory, "b")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(a.run())]
        await a.wait_leading()
        tasks.append(group.create_task(b.run()))
        await asyncio.sleep(60)

        assert a.leading()
        assert not b.leading()
        spec = memory.objects[PATH]["spec"]
        assert spec["acquireTime"] == "2024-05-01T00:00:00.000000Z"
        assert spec["renewTime"] > spec["acquireTime"]
        with pytest.raises(NotLeading, match="'b' does not hold lease ns/tandem, 'a' may"):
            b.gate()
        for task in tasks:
            task.cancel()


@pytest.mark.looptime
async def test_a_clean_stop_hands_over_within_one_question() -> None:
    memory = Memory()
    a, b = candidate(memory, "a"), candidate(memory, "b")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(a.run())
        await a.wait_leading()
        second = group.create_task(b.run())
        await asyncio.sleep(5)
        first.cancel()
        await asyncio.wait([first])
        assert holder(memory) == ""
        with pytest.raises(NotLeading):
            a.gate()
        async with asyncio.timeout(2.1):
            await b.wait_leading()
        assert record_of(memory.objects[PATH]).transitions == 1
        second.cancel()


@pytest.mark.looptime
async def test_a_dead_leader_is_followed_after_its_lease_and_not_before() -> None:
    memory = Memory()
    a, b = candidate(memory, "a"), candidate(memory, "b")
    await a._once()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(b.run())
        await asyncio.sleep(14.9)
        assert not b.leading()
        await asyncio.sleep(2.2)
        assert b.leading()
        assert not a.leading()
        task.cancel()


@pytest.mark.looptime
async def test_a_leader_without_answers_stops_before_another_starts() -> None:
    memory = Memory()
    a, b = candidate(memory, "a"), candidate(memory, "b")
    await a._once()
    cut = Memory()
    a._client = Client(cut)
    cut.before = lambda _: 3600.0
    overlap = []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(a.run()), group.create_task(b.run())]
        for _ in range(400):
            await asyncio.sleep(0.1)
            overlap.append(a.leading() and b.leading())
        assert b.leading()
        await a.wait_lost()
        for task in tasks:
            task.cancel()

    assert not any(overlap)


@pytest.mark.looptime
async def test_a_claim_whose_answer_was_lost_is_recognised_as_our_own() -> None:
    memory = Memory()
    a = candidate(memory, "a")
    memory.after = lambda request: 3600.0 if request.method == "POST" else 0.0
    await a._once()
    assert holder(memory) == "a"
    assert not a.leading()

    await a._once()
    assert a.leading()


@pytest.mark.looptime
async def test_our_name_on_a_lease_we_never_asked_for_is_a_namesakes() -> None:
    """A process restarted under the same name must wait for its forerunner like anyone else."""
    memory = Memory()
    await candidate(memory, "a")._once()
    again = candidate(memory, "a")
    await again._once()
    assert not again.leading()

    await asyncio.sleep(15.1)
    await again._once()
    assert again.leading()


@pytest.mark.looptime
async def test_a_late_confirmation_gives_no_term() -> None:
    """The term counts from before the request: an answer after it is worth nothing."""
    memory = Memory()
    a = candidate(memory, "a")
    jumps: Iterator[float] = itertools.chain([0.0, 0.0, 100.0], itertools.repeat(100.0))
    a._clock = lambda: next(jumps)  # stopped while the answer was on its way
    await a._once()

    assert holder(memory) == "a"
    assert not a.leading()


@pytest.mark.looptime
async def test_losing_a_race_is_no_error() -> None:
    memory = Memory()
    a = candidate(memory, "a")
    memory.planned.extend([failure(404, "NotFound"), failure(409, "AlreadyExists")])
    await a._once()

    assert not a.leading()


@pytest.mark.looptime
async def test_a_release_that_fails_only_costs_time() -> None:
    memory = Memory()
    a = candidate(memory, "a")
    task = asyncio.ensure_future(a.run())
    await a.wait_leading()
    memory.planned.append(Unavailable("connection refused"))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert not a.leading()
    assert holder(memory) == "a"


WAITS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.0, 0.5, 3.0, 9.0, 16.0, 40.0])),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(WAITS, st.lists(st.sampled_from([0.0, 0.4, 4.0, 6.0, 20.0]), min_size=1, max_size=9))
def test_there_are_never_two_leaders(pauses: list[tuple[str, float]], delays: list[float]) -> None:
    """Candidates paused in any order for any time, over a network that delays both ways.

    A pause freezes a candidate's tasks but not its clock, as SIGSTOP does. At every step of time at
    most one gate is open; and whoever's gate is open holds the Lease on the server.
    """
    loop = looptime.new_event_loop()
    try:
        loop.run_until_complete(play(pauses, itertools.cycle(delays)))
    finally:
        loop.close()


async def play(pauses: list[tuple[str, float]], delays: Iterator[float]) -> None:
    memory, frozen_until = Memory(), dict.fromkeys("abc", 0.0)
    loop = asyncio.get_running_loop()

    def client_of(name: str) -> Memory:
        """The same store behind a network that is slow, and stands still while its owner does."""

        def late(_: Request) -> float:
            return next(delays) + max(0.0, frozen_until[name] - loop.time())

        return Memory(objects=memory.objects, before=late, after=late, counter=memory.counter)

    electors = {name: candidate(client_of(name), name) for name in "abc"}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(elector.run()) for elector in electors.values()]
        for name, pause_s in pauses:
            frozen_until[name] = loop.time() + pause_s
            for _ in range(int(pause_s * 2) + 4):
                await asyncio.sleep(0.5)
                leaders = [name for name, elector in electors.items() if elector.leading()]
                assert len(leaders) <= 1
                assert not leaders or holder(memory) == leaders[0]
        for task in tasks:
            task.cancel()


def test_the_clock_goes_on() -> None:
    assert boottime() <= boottime()
