"""The API server on a loopback port, in plain HTTP, for kubectl and other programs.

Refuses any Host but this machine's own, so that a web page cannot reach it by DNS rebinding. There
is no authentication: whoever may open a loopback port here is an administrator.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import cast

import structlog
from aiohttp import web

from kube.transport import Request, Response, Stream
from tandem.sandbox.api import Api
from tandem.sandbox.openapi import definitions_for
from tandem.sandbox.prose import prepare

log = structlog.get_logger()

_HOSTS = {"127.0.0.1", "localhost"}
_MAX_BODY = 4 * 1024 * 1024


class Server:
    """Serves *api* on 127.0.0.1 between `start` and `close`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on *port* (0: any free one) and give the URL."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        bound = cast("tuple[str, int]", self._runner.addresses[0])
        return f"http://127.0.0.1:{bound[1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.host.rpartition(":")[0] not in _HOSTS and request.host not in _HOSTS:
            return web.Response(status=403, text=f"foreign Host header {request.host!r}\n")
        if request.path.startswith("/openapi/"):
            names = definitions_for(self._api.state, request.path)
            await asyncio.to_thread(prepare, names)
        answer = self._api.handle(await _read(request))
        if isinstance(answer, Response):
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        return await _send_lines(request, answer)


async def _read(request: web.Request) -> Request:
    return Request(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        body=await request.read() or None,
        content_type=request.headers.get("Content-Type", "application/json"),
        accept=request.headers.get("Accept", "application/json"),
        user_agent=request.headers.get("User-Agent", ""),
    )


async def _send_lines(request: web.Request, answer: Stream) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    try:
        await response.prepare(request)
        async with aclosing(answer.lines) as lines:  # type: ignore[type-var]  # a generator
            async for line in lines:
                await response.write(line + b"\n")
        await response.write_eof()
    except ConnectionResetError:  # how a watcher says that it has seen enough
        log.debug("watcher gone", object=request.path)
    return response
