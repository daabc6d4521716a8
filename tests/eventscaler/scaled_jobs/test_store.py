"""Jobs are started and deleted in batches; what stops a batch stops the turn, and is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from eventscaler.core.jobs import Removal, RemovalReason
from eventscaler.decode import ScaledJob, scaled_job
from eventscaler.scaled_jobs.memory import JobMemory
from eventscaler.scaled_jobs.store import BATCH, PER_TURN, Done, Store
from kube.client import Client
from kube.errors import NotLeading, Unavailable
from kube.transport import Request
from tests.eventscaler import manifests
from tests.eventscaler.played import jobs
from tests.eventscaler.world import DEFAULTS, World, made

pytestmark = pytest.mark.looptime


def order_of(**spec: Any) -> ScaledJob:
    body = manifests.scaled_job(**spec)
    body["metadata"] |= {"uid": "u", "generation": 1}
    order, faults = scaled_job(body)
    assert order is not None, faults
    return order


def world() -> World:
    return made(DEFAULTS, None)[0]


@dataclass(slots=True)
class Slow:
    """Each write takes a second, and one of them, counted from 1, fails."""

    failing: int = 0
    begun: int = 0

    def attach(self, to: World) -> None:
        to.wire.delay_s = lambda request: 1.0 if request.method == "POST" else 0.0
        to.wire.fail = self.fails

    def fails(self, request: Request) -> bool:
        self.begun += request.method == "POST"
        return request.method == "POST" and self.begun == self.failing


async def test_a_turn_starts_so_many_and_leaves_the_rest() -> None:
    here = world()
    done = await Store(here.client).start(order_of(), PER_TURN + 7, [], JobMemory())

    assert done == Done(PER_TURN, "", 7)
    assert len(await jobs(here)) == PER_TURN


async def test_batches_run_one_after_another() -> None:
    here = world()
    Slow().attach(here)
    began = asyncio.get_running_loop().time()
    await Store(here.client).start(order_of(), 2 * BATCH + 1, [], JobMemory())

    assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)


async def test_a_failure_ends_the_turn_and_its_number_is_tried_again() -> None:
    here, memory = world(), JobMemory()
    Slow(failing=3).attach(here)
    store = Store(here.client)
    done = await store.start(order_of(), 2 * BATCH, [], memory)

    assert (done.count, done.left) == (BATCH - 1, BATCH)
    assert "connection refused" in done.refused
    assert len(memory.doubtful) == 1
    done = await store.start(order_of(), 2, await store.listed(order_of()), memory)
    assert done == Done(2)
    assert memory.doubtful == set()
    sequences = [job["metadata"]["annotations"]["tandem.sh/sequence"] for job in await jobs(here)]
    assert sequences == [str(number) for number in range(1, BATCH + 2)]


async def test_who_does_not_lead_any_more_starts_nothing() -> None:
    def gate() -> None:
        raise NotLeading("somebody else does")

    here = world()
    store = Store(Client(here.wire, gate=gate))
    with pytest.raises(NotLeading):
        await store.start(order_of(), 3, [], JobMemory())

    assert await jobs(here) == []


async def test_deleting_what_is_gone_or_another_is_done() -> None:
    here = world()
    store = Store(here.client)
    await store.start(order_of(), 2, [], JobMemory())
    first, second = await store.listed(order_of())
    removals = [
        Removal(first.name, first.uid, RemovalReason.HISTORY),
        Removal(second.name, "somebody else's", RemovalReason.HISTORY),
        Removal("gone", "x", RemovalReason.HISTORY),
    ]
    done = await store.remove(order_of(), removals)

    assert done == Done(3)
    assert [job.name for job in await store.listed(order_of())] == [second.name]


async def test_pods_are_only_read_where_they_count() -> None:
    here = world()
    store, memory = Store(here.client), JobMemory()
    asked: list[str] = []
    here.wire.answered = lambda request, _: asked.append(request.path)
    accurate = order_of(scalingStrategy={"strategy": "accurate"})
    assert await store.listed(accurate) == ()
    await store.start(order_of(), 1, [], memory)
    plain = await store.listed(order_of())
    assert not [path for path in asked if path.endswith("/pods")]

    looked = await store.listed(accurate)
    assert [path for path in asked if path.endswith("/pods")]
    assert ([job.pods for job in plain], [job.pods for job in looked]) == ([None], [()])


async def test_an_api_that_is_away_is_the_callers_to_tell() -> None:
    here = world()
    here.wire.fail = lambda _: True
    with pytest.raises(Unavailable):
        await Store(here.client).listed(order_of())
