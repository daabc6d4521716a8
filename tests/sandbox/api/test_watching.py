"""Watches under virtual time: nothing missed, nothing twice, bookmarks and the end on time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.api.calls import CRDS, MAPS, MERGE, PODS, Calls, Json, config_map, pod

pytestmark = pytest.mark.looptime


async def events(lines: AsyncIterator[bytes], count: int) -> list[tuple[str, str]]:
    """Take *count* events as (type, name)."""
    found: list[tuple[str, str]] = []
    async for line in lines:
        event = json.loads(line)
        found.append((event["type"], event["object"]["metadata"].get("name", "")))
        if len(found) == count:
            break
    return found


async def whole(lines: AsyncIterator[bytes]) -> list[Json]:
    return [json.loads(line) async for line in lines]


async def test_a_watch_tells_what_happens_after_it_was_opened() -> None:
    calls = Calls()
    stream = calls.watch(MAPS, resourceVersion=calls.revision())
    calls.ok("POST", MAPS, config_map("a"))
    calls.ok("PATCH", f"{MAPS}/a", {"data": {"k": "1"}}, content_type=MERGE)
    calls.ok("DELETE", f"{MAPS}/a")

    assert await events(stream.lines, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_twenty_watchers_see_the_same() -> None:
    calls = Calls()
    streams = [calls.watch(MAPS, resourceVersion=calls.revision()) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(events(stream.lines, 5)) for stream in streams]
        for number in range(5):
            await asyncio.sleep(1)
            calls.ok("POST", MAPS, config_map(f"m{number}"))

    assert {tuple(task.result()) for task in tasks} == {
        tuple(("ADDED", f"m{number}") for number in range(5))
    }


async def test_bookmarks_come_each_minute_to_who_asks(looptime: object) -> None:
    calls = Calls()
    query = {"resourceVersion": calls.revision(), "timeoutSeconds": "150"}
    asks = calls.watch(MAPS, allowWatchBookmarks="true", **query)
    silent = calls.watch(MAPS, **query)
    calls.ok("POST", PODS, pod("a"))

    told = await whole(asks.lines)

    assert [event["type"] for event in told] == ["BOOKMARK", "BOOKMARK"]
    assert told[0]["object"]["metadata"]["resourceVersion"] == calls.revision()
    assert await whole(silent.lines) == []
    assert looptime == 300


async def test_a_watch_behind_the_history_ends_with_410() -> None:
    calls = Calls(window=2)
    stream = calls.watch(MAPS, resourceVersion=calls.revision())
    for number in range(20):
        calls.ok("POST", MAPS, config_map(f"m{number}"))

    (event,) = await whole(stream.lines)

    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert "too old resource version" in event["object"]["message"]


async def test_initial_events_come_first_and_end_with_a_marked_bookmark() -> None:
    calls = Calls()
    calls.ok("POST", MAPS, config_map("a"))
    stream = calls.watch(
        MAPS,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        timeoutSeconds="1",
    )

    added, bookmark = await whole(stream.lines)

    assert added["type"] == "ADDED"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_leaving_a_selection_looks_like_a_deletion() -> None:
    calls = Calls()
    labelled = config_map("a") | {"metadata": {"name": "a", "labels": {"x": "1"}}}
    calls.ok("POST", MAPS, labelled)
    stream = calls.watch(MAPS, labelSelector="x=1", resourceVersion=calls.revision())
    for value in ("2", "1"):
        body = {"metadata": {"labels": {"x": value}}}
        calls.ok("PATCH", f"{MAPS}/a", body, content_type=MERGE)

    assert await events(stream.lines, 2) == [("DELETED", "a"), ("ADDED", "a")]


async def test_a_watch_ends_with_its_resource() -> None:
    calls = Calls()
    calls.ok("POST", CRDS, definition())
    stream = calls.watch("/apis/x.io/v1/things")
    calls.ok("DELETE", f"{CRDS}/things.x.io")

    assert await whole(stream.lines) == []


def definition() -> Json:
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "x.io", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "things.x.io"}, "spec": spec}
