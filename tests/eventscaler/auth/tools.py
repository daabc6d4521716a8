"""What tests of remote sources share: a clock that is moved by hand, a place to fetch for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ssl import SSLContext

import aiohttp
from aiohttp import web

from eventscaler.auth import AuthSettings, Objects, Where, Workload
from eventscaler.auth.surroundings import RemoteSettings
from kube.client import Client
from kube.scale import Target
from scalers.base import Secret
from scalers.io import IO, IOSettings

OPERATOR = "tandem"


class Clock:
    """The moment at which it was made, for real servers live now, plus as much as it was moved."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self._now

    def move(self, **by: float) -> None:
        self._now += timedelta(**by)


@dataclass
class Place:
    """Makes `Where`s with the Secrets given."""

    clock: Clock
    io: IO
    secrets: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def where(
        self,
        remote: RemoteSettings | None = None,
        home: str = "shop",
        kube: Client | None = None,
        *,
        doubted: bool = False,
    ) -> Where:
        given = {("Secret", *name): data for name, data in self.secrets.items()}
        objects = Objects(None, given)
        target = Target("shop", "apps/v1", "Deployment", "web")
        return Where(
            home=home,
            namespace="shop",
            objects=objects,
            workload=Workload(None, None, target, objects),
            io=self.io,
            settings=AuthSettings(cluster_namespace=OPERATOR, remote=remote or RemoteSettings()),
            kube=kube,
            doubted=doubted,
        )


@asynccontextmanager
async def placed(
    secrets: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    settings: IOSettings | None = None,
) -> AsyncIterator[Place]:
    clock = Clock()
    io = IO(clock, settings=settings)
    try:
        yield Place(clock, io, secrets or {})
    finally:
        await io.close()


def shown(values: Mapping[str, Secret]) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}


@dataclass
class Recorded:
    """A proxy before a real server, and what went through it."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def taken(self) -> list[str]:
        """The calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


@asynccontextmanager
async def recorded(target: str, tls: SSLContext | None = None) -> AsyncIterator[Recorded]:
    """Pass everything on to *target*, and write down method and path; with *tls* by https."""
    found = Recorded()

    async def passed(request: web.Request) -> web.Response:
        found.calls.append(f"{request.method} {request.path}")
        found.headers.append(dict(request.headers))
        kept = {k: v for k, v in request.headers.items() if k.lower().startswith("x-vault")}
        body = await request.read()
        url = f"{target}{request.path_qs}"
        async with session.request(request.method, url, headers=kept, data=body or None) as answer:
            text = await answer.read()
            return web.Response(body=text, status=answer.status, content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", passed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    found.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        try:
            yield found
        finally:
            await runner.cleanup()
