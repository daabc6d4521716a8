"""The API server in memory: a `kube.transport.Transport` without sockets.

Works under any event loop, also a virtual one; answers never take time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from kube.transport import Request, Response, Stream
from tandem.sandbox.api import Api


class MemoryTransport:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        del timeout_s  # an answer takes no time
        await asyncio.sleep(0)  # a real one lets others run, and callers must bear it
        answer = self._api.handle(request)
        if isinstance(answer, Response):
            return answer
        lines = [line async for line in answer.lines]
        return Response(answer.status, b"\n".join(lines), answer.headers)

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        del timeout_s  # the server ends a watch itself, after timeoutSeconds
        await asyncio.sleep(0)
        answer = self._api.handle(request)
        if isinstance(answer, Response):
            yield Stream(answer.status, _once(answer.body), answer.headers)
            return
        async with aclosing(answer.lines) as lines:  # type: ignore[type-var]  # a generator
            yield Stream(answer.status, lines, answer.headers)

    async def close(self) -> None:
        return None


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
