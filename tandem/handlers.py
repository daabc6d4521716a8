"""kopf as the host of our custom resources' handlers, in a thread and a loop of its own.

When kopf stops, it cancels every task of its loop that it did not find at its start; and it takes
the process's signals. Both are right for a program that is only kopf. Here the loop belongs to the
engines, so kopf gets another, and hands each event over with `call_soon_threadsafe`.

Only `on.event` handlers are registered (by the two halves): no finalizer, no annotation, no write.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import kopf

from kube.client import Json
from kube.config import ClusterConfig
from kube.feed import Sink

Load = Callable[[], Awaitable[ClusterConfig]]
Registry = kopf.OperatorRegistry


class CrossThread:
    """Passes events on to *sink* in the loop that it lives in."""

    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self._sink = sink
        self._loop = loop

    def changed(self, body: Json) -> None:
        self._loop.call_soon_threadsafe(self._sink.changed, body)

    def gone(self, body: Json) -> None:
        self._loop.call_soon_threadsafe(self._sink.gone, body)


@asynccontextmanager
async def hosting(
    registry: Registry, load: Load, namespaces: Collection[str] = ()
) -> AsyncIterator[asyncio.Future[None]]:
    """Run kopf while inside; gives a future that ends when kopf does, with its error if it had one.

    Args:
        registry: the handlers.
        load: coroutine function that gives a `ClusterConfig`; called in kopf's loop at each login.
        namespaces: where to look; everywhere when empty.
    """
    kopf.on.login(registry=registry)(_login(load))
    stop, ready = threading.Event(), threading.Event()
    host = asyncio.ensure_future(asyncio.to_thread(_host, registry, stop, ready, tuple(namespaces)))
    try:
        yield host
    finally:
        stop.set()
        await asyncio.wait([host])


def _host(
    registry: Registry,
    stop: threading.Event,
    ready: threading.Event,
    namespaces: Collection[str],
) -> None:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # our own recorder publishes events, without repeating them
    settings.networking.error_backoffs = [1, 2, 4, 8]
    asyncio.run(
        kopf.operator(
            registry=registry,
            settings=settings,
            standalone=True,  # leadership is decided by our own lease before we get here
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
            ready_flag=ready,
        )
    )


def _login(load: Load) -> Callable[..., Any]:
    async def login(**_: Any) -> kopf.AiohttpSession:
        config = await load()
        credentials = config.credentials

        async def prove(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            if credentials is not None:
                request.headers.update(await credentials.headers())
            return await handler(request)

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=config.tls or True),
            middlewares=(prove,),
            proxy=config.proxy,
        )
        return kopf.AiohttpSession(
            server=config.server, aiohttp_session=session, default_namespace=config.namespace
        )

    return login
