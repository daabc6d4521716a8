"""Where the demo's messages wait: a queue of its own, or a real broker behind the same protocol.

A message taken by a worker counts as waiting until the worker is done with it, and goes back when
the worker's pod dies first: no message is lost, which the demo proves by counting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from aiohttp import web

from kube.client import Json


class Broker(Protocol):
    """A queue named `work` that the demo fills and the simulated workers empty."""

    name: str

    @property
    def depth(self) -> int:
        """Messages that no worker has finished, as last known."""

    @property
    def done(self) -> int:
        """Messages that a worker has finished."""

    def trigger(self) -> Json:
        """The trigger of a ScaledObject that watches this queue."""

    async def publish(self, messages: int) -> None: ...

    def take(self) -> AbstractAsyncContextManager[bool]:
        """One message while inside; False when there is none. Leaving by an error returns it."""


class WorkQueue:
    """The demo's own queue, readable by anyone on this machine: `curl URL`, `curl -d 50 URL`."""

    name = "http"

    def __init__(self, *, per_replica: int) -> None:
        self._per_replica = per_replica
        self._waiting = 0
        self._taken = 0
        self._done = 0
        self.url = ""

    @property
    def depth(self) -> int:
        return self._waiting + self._taken

    @property
    def done(self) -> int:
        return self._done

    def trigger(self) -> Json:
        return {
            "type": "metrics-api",
            "name": "work",
            "metadata": {
                "url": self.url,
                "valueLocation": "messages",
                "targetValue": str(self._per_replica),
            },
        }

    async def publish(self, messages: int) -> None:
        self._waiting += messages

    @asynccontextmanager
    async def take(self) -> AsyncIterator[bool]:
        if not self._waiting:
            yield False
            return
        self._waiting -= 1
        self._taken += 1
        finished = False
        try:
            yield True
            finished = True
        finally:
            self._taken -= 1
            self._done += finished
            self._waiting += not finished

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[None]:
        """Answer GET with the depth and take POST as so many new messages."""
        app = web.Application()
        app.router.add_get("/", self._read)
        app.router.add_post("/", self._add)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            yield
        finally:
            await runner.cleanup()

    async def _read(self, _request: web.Request) -> web.Response:
        return web.json_response({"messages": self.depth, "done": self.done})

    async def _add(self, request: web.Request) -> web.Response:
        text = (await request.text()).strip()
        if not text.isdecimal():
            found = text[:40] or "nothing"
            return web.json_response(
                {"error": f"body: found {found!r}; would do: a count of messages, such as 50"},
                status=400,
            )
        await self.publish(int(text))
        return await self._read(request)
