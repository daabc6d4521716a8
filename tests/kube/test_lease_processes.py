"""Two real processes, paused and resumed by signals: their writes never overlap."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from kube.lease import boottime
from tests.kube.lease_server import application
from tests.kube.lease_writer import LEASE_S

ROOT = Path(__file__).parents[2]
DEADLINE_S = 20.0


class Writer:
    """One process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process

    async def until(self, word: str) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while (line := await self.process.stdout.readline()).decode().strip() != word:
                assert line, f"{self.name} ended without saying {word!r}"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def writers(url: str, *names: str) -> AsyncIterator[list[Writer]]:
    started = []
    try:
        for name in names:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.kube.lease_writer", url, name),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            started.append(Writer(name, process))
        yield started
    finally:
        for writer in started:
            if writer.process.returncode is None:
                writer.signal(signal.SIGKILL)
            await writer.process.wait()


async def written(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/writes") as answer:
        found: dict[str, Any] = await answer.json()
        return found


def turns(moments: list[tuple[float, str]]) -> list[str]:
    """Who wrote, run by run: with two leaders at once the runs would alternate."""
    return [name for name, _ in itertools.groupby(name for _, name in moments)]


@pytest.mark.slow
async def test_a_paused_leader_refuses_its_next_write() -> None:
    """Each leader is stopped in the middle of writing until another leads, three times over."""
    async with TestServer(application(), host="127.0.0.1") as server:
        url = str(server.make_url("")).rstrip("/")
        async with writers(url, "a") as [first], writers(url, "b") as [second]:
            leader, other = await leader_first(first, second)
            for _ in range(3):
                leader.signal(signal.SIGSTOP)
                paused_s = boottime()
                await other.until("leading")
                assert boottime() - paused_s > LEASE_S - 0.7, "it must outlast what was renewed"
                leader.signal(signal.SIGCONT)
                await leader.until("refused")
                leader, other = other, leader
            expected = await stop_both(leader, other)
        found = await written(url)

    assert turns(found["writes"])[:4] == expected
    assert len(found["writes"]) >= 4 * 9


async def leader_first(a: Writer, b: Writer) -> tuple[Writer, Writer]:
    """Whoever leads, and the other."""
    one, two = asyncio.ensure_future(a.until("leading")), asyncio.ensure_future(b.until("leading"))
    done, pending = await asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED)
    for waiting in pending:
        waiting.cancel()
    await asyncio.wait(pending)
    return (a, b) if one in done else (b, a)


async def stop_both(leader: Writer, other: Writer) -> list[str]:
    """A clean stop hands over at once; the four turns before it."""
    leader.signal(signal.SIGTERM)
    started_s = boottime()
    await leader.until("stopped")
    await other.until("leading")
    assert boottime() - started_s < LEASE_S, "a released lease needs no waiting"
    other.signal(signal.SIGTERM)
    await other.until("stopped")
    return [other.name, leader.name, other.name, leader.name]
