"""Values with an end: when they are fetched anew, and that one fetch serves all who wait."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scalers._kept import Ages, Kept, Lasting

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Source:
    """Gives 1, 2, 3...; waits for `open` first."""

    def __init__(self, *, life_s: float = 60, leased: bool = False) -> None:
        self.fetches = 0
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False
        self._life, self._leased = timedelta(seconds=life_s), leased

    async def __call__(self) -> Lasting[int]:
        self.fetches += 1
        await self.open.wait()
        if self.broken:
            raise OSError("no")
        return Lasting(self.fetches, NOW + self._life, self._leased)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_a_value_is_kept_until_its_end() -> None:
    kept, source = Kept[int](), Source()
    values = [(await kept.get(at(s), source)).value for s in (0, 59, 60)]

    assert values == [1, 1, 2]


@pytest.mark.parametrize(("leased", "values"), [(False, [1, 1, 2, 3]), (True, [1, 1, 1, 1])])
async def test_an_old_value_is_fetched_anew_unless_it_is_leased(
    *, leased: bool, values: list[int]
) -> None:
    kept, source = Kept[int](), Source(leased=leased)
    ages = Ages(oldest=timedelta(seconds=10))
    clock = (0, 9, 11, 5)  # the last: the clock was set back, and nobody knows how old it is

    assert [(await kept.get(at(s), source, ages)).value for s in clock] == values


async def test_who_asks_late_in_its_life_gets_another() -> None:
    kept, source = Kept[int](), Source()

    assert [(await kept.get(at(s), source, Ages(early=0.5))).value for s in (0, 29, 31)] == [
        1,
        1,
        2,
    ]


async def test_a_lease_may_be_too_old_as_well() -> None:
    kept, source = Kept[int](), Source(leased=True)
    ages = Ages(oldest_lease=timedelta(seconds=30))

    found = [(await kept.get(at(s), source, ages)).value for s in (0, 29, 31)]
    assert found == [1, 1, 2]


async def test_all_who_wait_get_the_outcome_a_failure_too() -> None:
    kept, source = Kept[int](), Source()
    source.open.clear()
    source.broken = True
    waiting = [asyncio.ensure_future(kept.get(NOW, source)) for _ in range(100)]
    await asyncio.sleep(0)
    source.open.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [OSError] * 100
    assert source.fetches == 1
    source.broken = False
    assert (await kept.get(NOW, source)).value == 2, "a failure is not kept"


async def test_a_failure_is_an_answer_for_a_moment() -> None:
    kept, source = Kept[int](), Source()
    source.broken = True
    ages = Ages(failure=timedelta(seconds=1))
    for s in (0, 0.5, 0.9):
        with pytest.raises(OSError, match="no"):
            await kept.get(at(s), source, ages)
    assert source.fetches == 1

    source.broken = False
    assert (await kept.get(at(1), source, ages)).value == 2


async def test_what_is_not_at_its_end_serves_on_when_no_other_can_be_had() -> None:
    kept, source = Kept[int](), Source()
    await kept.get(at(0), source)
    source.broken = True
    ages = Ages(early=0.5)

    assert (await kept.get(at(40), source, ages)).value == 1
    assert source.fetches == 2, "it was tried"
    with pytest.raises(OSError, match="no"):
        await kept.get(at(60), source, ages)
    with pytest.raises(OSError, match="no"):
        await kept.get(at(50), source, Ages(oldest=timedelta(seconds=10)))


async def test_another_fetches_when_the_one_who_did_was_cancelled() -> None:
    kept, source = Kept[int](), Source()
    source.open.clear()
    first, second = (asyncio.ensure_future(kept.get(NOW, source)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    source.open.set()

    assert (await second).value == 2
    assert first.cancelled()


async def test_only_the_value_that_was_refused_is_forgotten() -> None:
    kept, source = Kept[int](), Source()
    await kept.get(NOW, source)
    kept.forget(7)
    assert (await kept.get(NOW, source)).value == 1
    kept.forget(1)
    assert (await kept.get(NOW, source)).value == 2


def test_a_value_is_not_printed() -> None:
    assert "swordfish" not in repr(Lasting("swordfish", NOW))
