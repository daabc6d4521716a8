"""A scripted server without sockets, for caches under a virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kube.errors import Unavailable
from kube.transport import Request, Response, Stream
from tests.kube.scripted import Json, Script, line, status

Item = bytes | Exception | None


class FaultyTransport:
    """Serves a `Script`; a test pushes bytes and exceptions into the open streams."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.down = False
        self.delay_s = 0.0
        self.feeds: list[asyncio.Queue[Item]] = []

    def push(self, item: Item) -> None:
        """Bytes come as a line, an exception breaks the stream, None makes it look for news."""
        for feed in self.feeds:
            feed.put_nowait(item)

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        await asyncio.sleep(self.delay_s)
        if self.down:
            raise Unavailable("connection refused")
        found = self._list(request)
        return Response(int(found.get("code", 200)), json.dumps(found).encode())

    def _list(self, request: Request) -> Json:
        """Pages of the snapshot that the first page was taken at."""
        self.script.lists += 1
        offset, limit = 0, int(request.query.get("limit", 10**6))
        version = self.script.version
        if token := request.query.get("continue"):
            version, offset = (int(part) for part in token.split(":"))
            if version < self.script.compacted:
                return status(410, "Expired")
        items = self.script.at(version)
        more = f"{version}:{offset + limit}" if offset + limit < len(items) else ""
        metadata = {"resourceVersion": str(version), "continue": more}
        return {"metadata": metadata, "items": items[offset : offset + limit]}

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        await asyncio.sleep(self.delay_s)
        if self.down:
            raise Unavailable("connection refused")
        start = int(request.query["resourceVersion"])
        if start < self.script.compacted:
            body = json.dumps(status(410, "Expired")).encode()
            yield Stream(410, _once(body))
            return
        feed: asyncio.Queue[Item] = asyncio.Queue()
        self.feeds.append(feed)
        try:
            yield Stream(200, self._lines(start, feed))
        finally:
            self.feeds.remove(feed)

    async def _lines(self, start: int, feed: asyncio.Queue[Item]) -> AsyncIterator[bytes]:
        sent = start
        while True:
            if sent < self.script.compacted:  # history it had not sent is gone: it must say so
                yield line("ERROR", status(410, "Expired"))
                return
            for version, type_, body in list(self.script.history):
                if version > sent:
                    sent = version
                    yield line(type_, body)
            item = await feed.get()
            if isinstance(item, Exception):
                raise item
            if item is not None:
                yield item

    async def close(self) -> None:
        self.feeds.clear()


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
