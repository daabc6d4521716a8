"""kopf as the host of our custom resources' handlers, in a thread and a loop of its own.

When kopf stops, it cancels every task of its loop that it did not find at its start; and it takes
the process's signals. Both are right for a program that is only kopf. Here the loop belongs to the
engines, so kopf gets another, and hands each event over with `call_soon_threadsafe`.

Only `on.event` handlers are registered (by the two halves): no finalizer, no annotation, no write.

Admission is hosted apart, with a server and a registry of its own and on every replica; its
questions cross to the engines' loop and the answers back (`across`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import aiohttp
import kopf
import structlog
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from kube.client import Json
from kube.config import ClusterConfig
from kube.feed import Sink

log = structlog.get_logger()

PAUSE_S = 1.0
END_S, END_TIMES = 0.3, 10

Q = TypeVar("Q")
A = TypeVar("A")
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


def server_at(address: str, port: int, certificate: Path, key: Path) -> kopf.WebhookServer:
    """A server for the API server's questions; it looks each minute whether the files are new."""
    return kopf.WebhookServer(addr=address, port=port, certfile=certificate, pkeyfile=key)


def across(
    ask: Callable[[Q], Coroutine[Any, Any, A]], loop: asyncio.AbstractEventLoop
) -> Callable[[Q], Awaitable[A]]:
    """*ask*, which belongs to *loop*, for callers in another loop."""

    async def asked(question: Q) -> A:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ask(question), loop))

    return asked


async def host(
    registry: Registry,
    load: Load,
    missed: Callable[[], Awaitable[None]],
    server: kopf.WebhookServer | None = None,
) -> NoReturn:
    """Run kopf until cancelled.

    kopf ends itself when it cannot watch, as after the deletion of a custom resource's definition.
    Then it is started again, and *missed* is called, because it told nobody of what went by.

    Args:
        registry: the handlers.
        load: gives a `ClusterConfig`; called in kopf's loop at each login.
        missed: lists everything anew.
        server: where the API server asks, when the handlers are about admission.
    """
    kopf.on.login(registry=registry)(_login(load))
    while True:
        why = await _until_it_ends(registry, server)
        log.warning("kopf ended", object="handlers", decided="start it again", why=why)
        await asyncio.sleep(PAUSE_S)
        await missed()


async def _until_it_ends(registry: Registry, server: kopf.WebhookServer | None) -> str:
    stop = threading.Event()
    thread = asyncio.ensure_future(asyncio.to_thread(_run, registry, server, stop))
    try:
        await asyncio.wait([thread])  # which, cancelled, leaves the thread for us to stop
    finally:
        stop.set()
        await asyncio.wait([thread])
    error = thread.exception()
    # An error of kopf's client is the server's message and then its whole answer.
    return str(error.args[0] if error and error.args else error or "without a reason")


def _run(registry: Registry, server: kopf.WebhookServer | None, stop: threading.Event) -> None:
    """Host kopf in a loop that can be left; `asyncio.run` would wait for every last task."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(_kopf(registry, server, stop))
    finally:
        loop.close()


async def _kopf(
    registry: Registry, server: kopf.WebhookServer | None, stop: threading.Event
) -> None:
    asyncio.get_running_loop().set_exception_handler(_stumbled)
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # our own recorder publishes events, without repeating them
    settings.networking.error_backoffs = [1, 2, 4, 8]
    settings.admission.server = server
    roots = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        memories=_Forgetful(),
        standalone=True,  # leadership is decided by our own lease before we get here
        clusterwide=True,
        stop_flag=stop,
    )
    ended, _ = await asyncio.wait(roots, return_when=asyncio.FIRST_COMPLETED)
    gone = ended | await _cancelled()
    errors = [task.exception() for task in gone if not task.cancelled()]
    for error in filter(None, errors):
        raise error


class _Forgetful(ResourceMemories):
    """Keeps nothing of an object; kopf 1.45 keeps what it was asked about until it is deleted.

    It hears of no deletion where only admission is hosted, so that each object ever edited would
    stay. Our handlers keep their own state.
    """

    async def recall(self, *args: Any, **options: Any) -> ResourceMemory:
        return await super().recall(*args, **(options | {"ephemeral": True}))


async def _cancelled() -> set[asyncio.Task[Any]]:
    """Cancel what is left in the loop; again, because parts of kopf 1.45 survive the first time."""
    gone = set[asyncio.Task[Any]]()
    for _ in range(END_TIMES):
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if not rest:
            break
        for task in rest:
            task.cancel()
        done, _ = await asyncio.wait(rest, timeout=END_S)
        gone |= done
    return gone


def _stumbled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Put an error that reached nobody in kopf's loop on one line."""
    error = context.get("exception")
    told = context["message"].partition("\n")[0]
    log.warning("kopf stumbled", object="handlers", why=f"{told}: {error!r}" if error else told)


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
