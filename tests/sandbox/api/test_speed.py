"""How much CPU the server takes; the floors are promises to those who build on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from kube.transport import Request, Response
from tests.sandbox.api.calls import MERGE, PODS, Calls, pod

PODS_LISTED = 10_000
LIST_S = 1.0
WRITES, WATCHERS = 200, 20
WRITE_MS = 3.0  # 0.9 on a quiet machine


@pytest.mark.slow
def test_ten_thousand_pods_are_listed_in_a_second() -> None:
    calls = Calls()
    for number in range(PODS_LISTED):
        calls.ok("POST", PODS, pod(f"p{number}"))

    started = time.process_time()
    answer = calls.api.handle(Request("GET", "/api/v1/pods"))

    assert isinstance(answer, Response)
    assert time.process_time() - started < LIST_S


@pytest.mark.slow
async def test_a_write_with_twenty_watchers_is_cheap() -> None:
    calls = Calls()
    calls.ok("POST", PODS, pod("a"))
    streams = [calls.watch(PODS, resourceVersion=calls.revision()) for _ in range(WATCHERS)]
    async with asyncio.TaskGroup() as group:
        for stream in streams:
            group.create_task(_take(stream.lines, WRITES))
        await asyncio.sleep(0)
        started = time.process_time()
        for number in range(WRITES):
            body = {"status": {"message": str(number)}}
            calls.ok("PATCH", f"{PODS}/a/status", body, content_type=MERGE)
            await asyncio.sleep(0)

    assert (time.process_time() - started) / WRITES * 1000 < WRITE_MS


async def _take(lines: AsyncIterator[bytes], count: int) -> None:
    async for _ in lines:
        count -= 1
        if not count:
            return
