"""The batch window, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from nodescaler.controllers.batch import Batch

pytestmark = pytest.mark.looptime


async def trigger_at(batch: Batch, *times_s: float) -> None:
    loop = asyncio.get_running_loop()
    for at in times_s:
        await asyncio.sleep(at - loop.time())
        batch.trigger()


@pytest.mark.parametrize(
    ("triggers", "closes"),
    [
        pytest.param([5], 6, id="one pod: an idle second later"),
        pytest.param([5, 5.5, 6.2], 7.2, id="each new pod prolongs the wait"),
        pytest.param([5 + 0.9 * n for n in range(20)], 15, id="but never past the maximum"),
    ],
)
async def test_a_batch_closes_when_pods_stop_coming(triggers: list[float], closes: float) -> None:
    batch = Batch(idle_s=1, most_s=10, complete=lambda: False)
    async with asyncio.TaskGroup() as group:
        group.create_task(trigger_at(batch, *triggers))
        await batch.closed()

        assert asyncio.get_running_loop().time() == pytest.approx(closes)


async def test_a_batch_closes_at_once_when_nothing_more_can_come() -> None:
    batch = Batch(idle_s=1, most_s=10, complete=lambda: True)
    batch.trigger()

    assert await batch.closed() == 0
    assert asyncio.get_running_loop().time() == 0


@pytest.mark.parametrize("window", [{"idle_s": 0, "most_s": 10}, {"idle_s": 1, "most_s": 0}])
async def test_a_window_of_nothing_closes_at_once(window: dict[str, float]) -> None:
    batch = Batch(**window, complete=lambda: False)
    batch.trigger()

    assert await batch.closed() == 0


async def test_a_trigger_that_waits_for_nobody_takes_the_whole_batch_along() -> None:
    batch = Batch(idle_s=1, most_s=10, complete=lambda: False)
    batch.trigger()

    async def urgent() -> None:
        await asyncio.sleep(0.3)
        batch.trigger(at_once=True)

    async with asyncio.TaskGroup() as group:
        group.create_task(urgent())
        first_s = await batch.closed()
    batch.trigger()

    assert first_s == pytest.approx(0.3)
    assert await batch.closed() == pytest.approx(1), "the hurry was that batch's own"


async def test_a_hurry_during_a_pass_is_not_forgotten() -> None:
    batch = Batch(idle_s=1, most_s=10, complete=lambda: False)
    batch.trigger()
    await batch.closed()
    batch.trigger(at_once=True)

    assert await batch.closed() == 0


async def test_a_look_closes_a_batch_that_became_complete_and_does_not_prolong_it() -> None:
    done = False
    batch = Batch(idle_s=1, most_s=10, complete=lambda: done)

    async def looks() -> None:
        nonlocal done
        await asyncio.sleep(0.25)
        batch.look()
        await asyncio.sleep(0.25)
        done = True
        batch.look()

    batch.trigger()
    async with asyncio.TaskGroup() as group:
        group.create_task(looks())
        took_s = await batch.closed()

    assert took_s == pytest.approx(0.5)


async def test_a_trigger_during_a_pass_opens_the_next_batch() -> None:
    batch = Batch(idle_s=1, most_s=10, complete=lambda: False)
    batch.trigger()
    await batch.closed()
    await asyncio.sleep(3)
    batch.trigger()

    assert await batch.closed() == pytest.approx(1)
