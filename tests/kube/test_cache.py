"""Caches against a server that misbehaves: the state ends equal, the changes replay to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from kube.cache import Cache, Change, ChangeType, newer
from kube.client import Client, ClientSettings
from kube.http import HttpTransport
from kube.objects import ObjectMeta
from kube.resources import PODS
from tests.kube.scripted import Script, line, serving, status

DEADLINE_S = 10.0


class Spec(msgspec.Struct, frozen=True):
    replicas: int = 0


class Thing(msgspec.Struct, frozen=True):
    metadata: ObjectMeta
    spec: Spec = Spec()


class Fixture:
    """A cache of a scripted server, with all that it told."""

    def __init__(self, script: Script, cache: Cache[Thing]) -> None:
        self.script = script
        self.cache = cache
        self.changes: list[Change[Thing]] = []
        self._told = asyncio.Event()
        cache.subscribe(self._on_change)

    def _on_change(self, change: Change[Thing]) -> None:
        self.changes.append(change)
        self._told.set()

    def held(self) -> dict[str, str]:
        return {each.metadata.name: each.metadata.resource_version for each in self.cache.values()}

    def replayed(self) -> dict[str, str]:
        """What a subscriber knows that heard everything."""
        known: dict[str, str] = {}
        for change in self.changes:
            replay(known, change)
        return known

    def truth(self) -> dict[str, str]:
        return {
            name: body["metadata"]["resourceVersion"] for name, body in self.script.objects.items()
        }

    async def settled(self) -> None:
        """Until the cache holds what the server does."""
        await self.script.publish()
        await until(lambda: self.held() == self.truth())
        assert self.replayed() == self.truth()

    async def watching(self, times: int) -> None:
        await until(lambda: len(self.script.watches) >= times and bool(self.script.streams))

    def types(self) -> list[tuple[ChangeType, str]]:
        return [(c.type, (c.new or c.old).metadata.name) for c in self.changes if c.new or c.old]  # type: ignore[union-attr]  # one of the two is there


def replay(known: dict[str, str], change: Change[Thing]) -> None:
    """Apply a change, and refuse one that does not follow from what is known."""
    either = change.new or change.old
    assert either is not None
    name = either.metadata.name
    assert (change.old.metadata.resource_version if change.old else None) == known.get(name)
    assert (change.type is ChangeType.ADDED) == (change.old is None)
    assert (change.type is ChangeType.DELETED) == (change.new is None)
    if change.new is None:
        del known[name]
    else:
        known[name] = change.new.metadata.resource_version


async def until(done: Callable[[], bool]) -> None:
    """Wait for a condition of a real server, bounded."""
    async with asyncio.timeout(DEADLINE_S):
        while not done():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(script: Script, *, page: int = 2) -> AsyncIterator[Fixture]:
    async with serving(script) as url, asyncio.TaskGroup() as group:
        client = Client(HttpTransport(url), settings=ClientSettings(page=page))
        fixture = Fixture(script, Cache(client, PODS, Thing))
        task = group.create_task(fixture.cache.run())
        try:
            await asyncio.wait_for(fixture.cache.wait_synced(), DEADLINE_S)
            await fixture.watching(1)
            yield fixture
        finally:
            task.cancel()
            await client.close()


async def test_a_list_in_pages_then_every_change() -> None:
    script = Script()
    for name in "abcde":
        script.write(name)
    async with following(script) as fixture:
        assert fixture.held() == fixture.truth()
        assert script.lists == 3

        script.write("a", replicas=7)
        script.remove("b")
        script.write("f")
        await fixture.settled()

    assert fixture.types()[-3:] == [
        (ChangeType.MODIFIED, "a"),
        (ChangeType.DELETED, "b"),
        (ChangeType.ADDED, "f"),
    ]
    thing = fixture.cache.get("a", "shop")
    assert thing is not None
    assert thing.spec.replicas == 7
    assert fixture.cache.get("b", "shop") is None
    assert script.lists == 3


async def test_a_broken_connection_resumes_where_it_ended() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        script.break_streams()
        script.write("b")
        await fixture.settled()

    assert script.lists == 1
    assert script.watches[1] == script.watches[0]
    assert fixture.types() == [(ChangeType.ADDED, "a"), (ChangeType.ADDED, "b")]


async def test_a_break_inside_a_line_is_no_event() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        half = line("MODIFIED", script.objects["a"])[:-20]
        await script.send(half)
        script.break_streams()
        script.write("a")
        await fixture.settled()

    assert [change.type for change in fixture.changes] == [ChangeType.ADDED, ChangeType.MODIFIED]


async def test_events_that_come_twice_are_told_once() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        script.write("b")
        await fixture.settled()
        gone = script.objects["a"]
        script.remove("a")
        await fixture.settled()
        await script.send(line("ADDED", script.objects["b"]))
        await script.send(line("MODIFIED", gone))
        await script.send(script_deleted(script, "a"))
        script.write("c")
        await fixture.settled()

    assert [kind for kind, _ in fixture.types()] == ["ADDED", "ADDED", "DELETED", "ADDED"]


def script_deleted(script: Script, name: str) -> bytes:
    bodies = [body for _, type_, body in script.history if type_ == "DELETED"]
    return line("DELETED", next(body for body in bodies if body["metadata"]["name"] == name))


async def test_bookmarks_move_the_place_and_tell_nothing() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        script.version = 900
        bookmark = {"metadata": {"resourceVersion": "900"}, "kind": "Pod"}
        await script.send(line("BOOKMARK", bookmark))
        script.compact()
        script.write("b")
        await fixture.settled()
        script.break_streams()
        await fixture.watching(2)

    assert len(fixture.changes) == 2
    assert script.watches[1] == "901"
    assert script.lists == 1


@pytest.mark.parametrize("gone", ["http", "event"])
async def test_a_forgotten_place_is_listed_anew_and_only_differences_are_told(gone: str) -> None:
    script = Script()
    for name in "abc":
        script.write(name)
    async with following(script) as fixture:
        before = len(fixture.changes)
        script.remove("a")
        script.write("b")
        script.write("d")
        script.compact()
        if gone == "event":
            await script.send(line("ERROR", status(410, "Expired")))
        script.break_streams()
        await fixture.settled()

    told = fixture.types()[before:]
    assert sorted(told) == [("ADDED", "d"), ("DELETED", "a"), ("MODIFIED", "b")]


async def test_an_object_made_again_under_its_name_is_another_one() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        script.remove("a")
        script.write("a")
        script.compact()
        script.break_streams()
        await fixture.settled()

    assert [change.type for change in fixture.changes] == ["ADDED", "DELETED", "ADDED"]


async def test_garbage_lines_never_reach_a_subscriber() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        await script.send(b"<html>gateway timeout</html>\n")
        script.streams.clear()
        script.write("b")
        await fixture.settled()

    assert fixture.held() == fixture.truth()


async def test_an_error_event_is_a_reason_to_ask_again() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        await script.send(line("ERROR", status(500, "InternalError", "etcd is away")))
        await until(lambda: fixture.cache.last_error is not None)
        assert "etcd is away" in str(fixture.cache.last_error)
        script.streams.clear()
        script.write("b")
        await fixture.settled()

    assert script.lists == 1
    assert fixture.cache.last_error is None


async def test_a_snapshot_forgotten_between_pages_is_begun_again() -> None:
    script = Script()
    for name in "abcd":
        script.write(name)
    script.change_between_pages = ["e"]
    async with following(script) as fixture:
        await fixture.settled()

    assert fixture.held() == fixture.truth()


async def test_a_server_that_is_away_at_first_is_waited_for() -> None:
    script = Script()
    script.write("a")
    script.answers = [(503, status(503, "ServiceUnavailable"), {})]
    async with following(script) as fixture:
        assert fixture.held() == fixture.truth()


async def test_our_own_write_is_held_at_once_and_told_once() -> None:
    script = Script()
    script.write("a")
    async with following(script) as fixture:
        body = script.write("a", replicas=9)
        fixture.cache.put(thing_of(body))
        thing = fixture.cache.get("a", "shop")
        assert thing is not None
        assert thing.spec.replicas == 9
        await fixture.settled()
        script.write("b")
        await fixture.settled()

    assert [kind for kind, _ in fixture.types()] == ["ADDED", "MODIFIED", "ADDED"]


async def test_an_old_answer_never_brings_a_deleted_object_back() -> None:
    script = Script()
    body = script.write("a")
    async with following(script) as fixture:
        script.remove("a")
        await fixture.settled()
        fixture.cache.put(thing_of(body))

        assert fixture.held() == {}


async def test_our_own_write_survives_a_list_made_before_it() -> None:
    client = Client(HttpTransport("http://127.0.0.1:9"))
    cache: Cache[Thing] = Cache(client, PODS, Thing)
    cache._settle({}, "10")
    made = thing_of({"metadata": {"name": "a", "resourceVersion": "12", "uid": "u"}})
    cache.put(made)

    cache._settle({}, "11")
    assert list(cache.values()) == [made]

    cache._settle({}, "13")
    assert list(cache.values()) == []


async def test_an_object_that_does_not_fit_is_left_out_and_spares_the_others() -> None:
    script = Script()
    script.write("a", replicas="many")
    script.write("b")
    async with following(script) as fixture:
        assert set(fixture.held()) == {"b"}
        script.write("b", replicas="many")
        script.write("c")
        await script.publish()
        await until(lambda: set(fixture.held()) == {"c"})
        script.write("b", replicas=1)
        await script.publish()
        await until(lambda: set(fixture.held()) == {"b", "c"})


async def test_who_left_hears_no_more() -> None:
    script = Script()
    async with following(script) as fixture:
        heard: list[Change[Thing]] = []
        leave = fixture.cache.subscribe(heard.append)
        script.write("a")
        await fixture.settled()
        leave()
        script.write("b")
        await fixture.settled()

    assert len(heard) == 1
    assert fixture.cache.statistics().changes == 2


async def test_a_defect_of_a_subscriber_is_not_hidden() -> None:
    def broken(_: Change[Thing]) -> None:
        raise ZeroDivisionError

    script = Script()
    script.write("a")
    async with serving(script) as url:
        client = Client(HttpTransport(url))
        cache = Cache(client, PODS, Thing)
        cache.subscribe(broken)
        with pytest.raises(ZeroDivisionError):
            await cache.run()
        await client.close()


def thing_of(body: dict[str, Any]) -> Thing:
    return msgspec.json.decode(json.dumps(body), type=Thing)


def test_versions_are_compared_as_numbers() -> None:
    assert newer("100", "99")
    assert not newer("99", "100")
