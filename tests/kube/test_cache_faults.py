"""Random interleavings of changes and faults: the cache ends equal, its changes replay to it."""

from __future__ import annotations

import asyncio
from typing import Any

import looptime
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kube.cache import Cache, Change
from kube.client import Client, ClientSettings
from kube.errors import Unavailable
from kube.resources import PODS
from tests.kube.faulty import FaultyTransport
from tests.kube.scripted import Script, line, status
from tests.kube.test_cache import Thing, replay, thing_of

NAMES = st.sampled_from("abcde")
LONG_S = 300.0  # longer than any wait between two attempts


class CacheUnderFaults(RuleBasedStateMachine):
    """A server, a cache that follows it, and everything that can go wrong between them."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: Any = looptime.new_event_loop()
        self.script = Script()
        self.transport = FaultyTransport(self.script)
        client = Client(self.transport, settings=ClientSettings(page=2))
        self.cache: Cache[Thing] = Cache(client, PODS, Thing)
        self.replayed: dict[str, str] = {}
        self.cache.subscribe(self.on_change)
        self.running = self.loop.create_task(self.cache.run())

    def on_change(self, change: Change[Thing]) -> None:
        replay(self.replayed, change)

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def held(self) -> dict[str, str]:
        return {each.metadata.name: each.metadata.resource_version for each in self.cache.values()}

    @rule(name=NAMES, seen=st.booleans())
    def write(self, name: str, seen: bool) -> None:
        self.script.write(name)
        if seen:
            self.transport.push(None)

    @rule(name=NAMES, seen=st.booleans())
    def remove(self, name: str, seen: bool) -> None:
        if name in self.script.objects:
            self.script.remove(name)
            if seen:
                self.transport.push(None)

    @rule(name=NAMES)
    def write_ourselves(self, name: str) -> None:
        self.cache.put(thing_of(self.script.write(name)))

    @rule(data=st.data())
    def put_an_old_answer(self, data: st.DataObject) -> None:
        written = [body for _, type_, body in self.script.history if type_ != "DELETED"]
        if written:
            self.cache.put(thing_of(data.draw(st.sampled_from(written))))

    @rule()
    def forget(self) -> None:
        self.script.compact()

    @rule()
    def bookmark(self) -> None:
        """A promise that all up to here was sent, so what is unsent goes first."""
        self.transport.push(None)
        version = {"resourceVersion": str(self.script.version)}
        self.transport.push(line("BOOKMARK", {"metadata": version}))

    @rule()
    def repeat_everything(self) -> None:
        for _, type_, body in self.script.history:
            self.transport.push(None)
            self.transport.push(line(type_, body))

    @rule(code=st.sampled_from([410, 500, 504]))
    def send_an_error(self, code: int) -> None:
        self.transport.push(line("ERROR", status(code, "Expired" if code == 410 else "No")))

    @rule(raw=st.sampled_from([b"<html>", b"{}", b'{"type":"ADDED"}', b"null", b"\xff"]))
    def send_garbage(self, raw: bytes) -> None:
        self.transport.push(raw)

    @rule()
    def break_the_stream(self) -> None:
        self.transport.push(Unavailable("connection reset"))

    @rule(down=st.booleans())
    def go_down_or_up(self, down: bool) -> None:
        self.transport.down = down

    @rule(delay_s=st.sampled_from([0.0, 0.2, 5.0]))
    def answer_slowly(self, delay_s: float) -> None:
        self.transport.delay_s = delay_s

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 3.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self.wait(seconds)

    @invariant()
    def what_was_told_gives_what_is_held(self) -> None:
        assert self.replayed == self.held()

    @precondition(lambda self: self.script.lists > 0)
    @rule()
    def settle(self) -> None:
        """When the faults end, the cache becomes equal to the server."""
        self.transport.down = False
        self.transport.delay_s = 0.0
        self.transport.push(None)
        self.wait(LONG_S)
        self.transport.push(None)
        self.wait(1.0)
        assert not self.running.done()
        assert self.held() == {
            name: body["metadata"]["resourceVersion"] for name, body in self.script.objects.items()
        }

    def teardown(self) -> None:
        self.settle()
        self.running.cancel()
        self.wait(0.0)
        self.loop.close()


CacheUnderFaults.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)
TestCacheUnderFaults = CacheUnderFaults.TestCase
