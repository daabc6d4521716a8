"""The throttle under a virtual clock: the rate, the bound, and who goes first."""

from __future__ import annotations

import asyncio

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.throttle import Priority, Throttle

PRIORITIES = st.sampled_from(Priority)


async def use(
    throttle: Throttle, priority: Priority, log: list[float], hold_s: float = 0.0
) -> None:
    async with throttle.slot(priority):
        log.append(asyncio.get_running_loop().time())
        await asyncio.sleep(hold_s)


@pytest.mark.looptime
async def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    throttle, log = Throttle(per_s=10, burst=5), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(use(throttle, Priority.NORMAL, log))

    assert log == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2, 0.3])


@pytest.mark.looptime
async def test_high_waits_for_one_token_however_many_low_ones_wait() -> None:
    throttle, low, high = Throttle(per_s=10, burst=1), list[float](), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(use(throttle, Priority.LOW, low))
        await asyncio.sleep(1.05)
        group.create_task(use(throttle, Priority.HIGH, high))

    assert high == pytest.approx([1.1])


@pytest.mark.looptime
async def test_slots_held_by_the_slow_never_stop_high() -> None:
    throttle = Throttle(per_s=1000, burst=1000, in_flight=10, reserved=2)
    low, high = list[float](), list[float]()
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(use(throttle, Priority.LOW, low, hold_s=30))
        await asyncio.sleep(1)
        group.create_task(use(throttle, Priority.HIGH, high))

    assert low.count(0.0) == 8
    assert high == [1.0]


@pytest.mark.looptime
async def test_who_gives_up_waiting_costs_nothing() -> None:
    throttle, log = Throttle(per_s=1, burst=1), list[float]()
    async with asyncio.TaskGroup() as group:
        group.create_task(use(throttle, Priority.NORMAL, log))
        await asyncio.sleep(0)
        impatient = group.create_task(use(throttle, Priority.NORMAL, log))
        await asyncio.sleep(0)
        assert throttle.waiting == 1
        impatient.cancel()
        group.create_task(use(throttle, Priority.NORMAL, log))

    assert log == pytest.approx([0.0, 1.0])
    assert throttle.waiting == 0


@pytest.mark.looptime
async def test_a_turn_granted_and_cancelled_at_once_goes_to_the_next() -> None:
    throttle, log = Throttle(per_s=1, burst=1, in_flight=9, reserved=8), list[float]()
    async with asyncio.TaskGroup() as group:
        async with throttle.slot(Priority.NORMAL):
            waiting = group.create_task(use(throttle, Priority.NORMAL, log))
            group.create_task(use(throttle, Priority.NORMAL, log))
            await asyncio.sleep(5)
        waiting.cancel()  # its turn has come, and it does not know yet

    assert log == pytest.approx([5.0])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(PRIORITIES, st.floats(0, 3), st.floats(0, 2)), max_size=40),
    st.integers(1, 20),
    st.integers(1, 5),
)
def test_no_window_passes_more_than_burst_and_rate(
    uses: list[tuple[Priority, float, float]], per_s: int, burst: int
) -> None:
    log: list[float] = []

    async def late(throttle: Throttle, priority: Priority, at_s: float, hold_s: float) -> None:
        await asyncio.sleep(at_s)
        await use(throttle, priority, log, hold_s)

    async def play() -> None:
        throttle = Throttle(per_s=per_s, burst=burst, in_flight=4, reserved=1)
        async with asyncio.TaskGroup() as group:
            for priority, at_s, hold_s in uses:
                group.create_task(late(throttle, priority, at_s, hold_s))

    loop = looptime.new_event_loop()
    loop.run_until_complete(play())
    loop.close()

    assert len(log) == len(uses)
    for first, start in enumerate(log):
        for last in range(first, len(log)):
            assert last - first + 1 <= burst + (log[last] - start) * per_s + 1e-3
