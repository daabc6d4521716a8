"""Shared clients on a virtual clock: one per key, bounded, closed when idle or broken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from scalers._pool import together
from scalers.io import IO, IOSettings

pytestmark = pytest.mark.looptime

SETTINGS = IOSettings(idle_s=100, concurrency=2)


class Fake:
    """A client that counts itself."""

    def __init__(self, opened: list[Fake]) -> None:
        self.broken = False
        self.closed = False
        opened.append(self)

    async def close(self) -> None:
        self.closed = True


def make() -> IO:
    return IO(lambda: datetime(2026, 1, 1, tzinfo=UTC), settings=SETTINGS)


async def use(io: IO, opened: list[Fake], *, key: str = "k", lasts_s: float = 0) -> Fake:
    async def connect() -> Fake:
        await asyncio.sleep(1)
        return Fake(opened)

    async with io.client(("fake", key), connect) as client:
        await asyncio.sleep(lasts_s)
        return client


async def test_a_hundred_uses_at_once_open_one_client() -> None:
    io, opened = make(), list[Fake]()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(use(io, opened)) for _ in range(100)]

    assert {id(task.result()) for task in tasks} == {id(opened[0])}
    assert len(opened) == 1


async def test_keys_do_not_share() -> None:
    io, opened = make(), list[Fake]()
    await use(io, opened, key="a")
    await use(io, opened, key="b")

    assert len(opened) == 2
    assert [each.family for each in io.statistics().clients] == ["fake", "fake"]


async def test_concurrency_is_bounded_per_key() -> None:
    """Four uses of 10 s, two at a time: 20 s after the connection's first second."""
    io, opened = make(), list[Fake]()
    start = asyncio.get_running_loop().time()
    await together(9, [lambda: use(io, opened, lasts_s=10) for _ in range(4)])

    assert asyncio.get_running_loop().time() - start == pytest.approx(21)


async def test_an_idle_client_is_closed_by_the_next_use_of_any() -> None:
    io, opened = make(), list[Fake]()
    await use(io, opened, key="a")
    await asyncio.sleep(100)
    await use(io, opened, key="b")

    assert [client.closed for client in opened] == [True, False]
    assert io.statistics().closed == 1


async def test_an_idle_client_is_closed_also_when_nobody_reads() -> None:
    io, opened = make(), list[Fake]()
    await use(io, opened)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(200):
            await io.run()

    assert opened[0].closed


async def test_a_client_in_use_is_never_idle() -> None:
    io, opened = make(), list[Fake]()
    async with asyncio.TaskGroup() as group:
        group.create_task(use(io, opened, key="a", lasts_s=500))
        await asyncio.sleep(300)
        await use(io, opened, key="b")
        assert not opened[0].closed


async def test_a_broken_client_is_closed_and_replaced() -> None:
    io, opened = make(), list[Fake]()
    first = await use(io, opened)
    first.broken = True
    second = await use(io, opened)

    assert first.closed
    assert second is not first


async def test_a_failure_to_open_is_tried_again_by_the_next() -> None:
    io, opened = make(), list[Fake]()

    async def refuse() -> Fake:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        async with io.client(("fake", "k"), refuse):
            pass

    assert await use(io, opened) is opened[0]


async def test_a_client_that_cannot_be_closed_harms_nobody_else() -> None:
    class Stuck(Fake):
        async def close(self) -> None:
            raise OSError("already gone")

    io, opened = make(), list[Fake]()

    async def connect() -> Stuck:
        return Stuck(opened)

    async with io.client(("fake", "stuck"), connect):
        pass
    await asyncio.sleep(100)
    with capture_logs() as logs:
        await use(io, opened, key="b")

    assert [line["event"] for line in logs] == ["client not closed"]


async def test_close_closes_everything() -> None:
    io, opened = make(), list[Fake]()
    await use(io, opened, key="a")
    await use(io, opened, key="b")
    await io.close()

    assert all(client.closed for client in opened)
    assert io.statistics().clients == ()


async def test_memory_is_kept_while_asked_for_and_forgotten_after() -> None:
    io = make()
    kept = io.remembered("a", list[int])
    await asyncio.sleep(1000)
    assert io.remembered("a", list[int]) is kept
    await asyncio.sleep(1201)
    assert io.remembered("a", list[int]) is not kept


async def test_one_error_ends_all_and_comes_out_bare() -> None:
    """A caller that catches the error of one call need not know that several ran."""
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await together(2, [endless, fail])
    assert ended == ["endless"]
