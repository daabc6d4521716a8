"""What is asked over HTTP: `/healthz`, `/readyz`, `/metrics`, `/decisions/KIND/NAMESPACE/NAME`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from eventscaler.metrics import text_of
from kube.client import Json

# A question with an answer for people: None is yes, a text says what is missing.
Check = Callable[[], str | None]
Decisions = Callable[[str, str, str], list[Json] | None]


def make_app(
    registry: CollectorRegistry,
    *,
    alive: Check,
    ready: Check,
    decisions: Decisions = lambda _kind, _namespace, _name: None,
) -> web.Application:
    """Build the endpoints.

    Args:
        registry: what `/metrics` shows.
        alive: why the process should be restarted, or None.
        ready: what it still waits for, or None.
        decisions: the last ones of an object, oldest first; None when it is not handled here.
    """

    def answer(check: Check) -> Callable[[web.Request], object]:
        async def handle(_request: web.Request) -> web.Response:
            problem = check()
            return web.Response(text=problem or "ok", status=503 if problem else 200)

        return handle

    async def metrics(_request: web.Request) -> web.Response:
        # In a thread: 10,000 objects are some work, and the loop has better to do.
        text = await asyncio.to_thread(text_of, registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def explain(request: web.Request) -> web.Response:
        asked = request.match_info
        kind, namespace, name = asked["kind"], asked["namespace"], asked["name"]
        found = decisions(kind, namespace, name)
        if found is None:
            text = f"{kind} {namespace}/{name} is not handled by this process"
            return web.json_response({"error": text}, status=404)
        return web.json_response({"decisions": found})

    app = web.Application()
    app.router.add_get("/healthz", answer(alive))  # type: ignore[arg-type]  # aiohttp's Handler is an overload
    app.router.add_get("/readyz", answer(ready))  # type: ignore[arg-type]
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/decisions/{kind}/{namespace}/{name}", explain)
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve *app* while inside; gives the port, which differs from *port* when that was 0."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
