"""HTTP sessions that go only where `_egress` lets them, and the same question for other clients.

A name is judged by the addresses that are then connected to, for every connection and for every
redirect: the session's own resolver drops those that are refused, so that a name which leads to
one address when it is looked at and to another when it is used gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from scalers._egress import Egress, literal
from scalers._errors import ScalerError
from scalers.io import IO

PER_HOST = 16
NAMES_S = 10


class Session:
    """One session of aiohttp; without rules it goes anywhere.

    Args:
        names: who says where a name leads; the system when None.
        keep_names_s: how long that is taken for granted.
    """

    def __init__(
        self,
        egress: Egress | None,
        names: AbstractResolver | None = None,
        *,
        keep_names_s: int = NAMES_S,
    ) -> None:
        self._names = names or aiohttp.DefaultResolver()
        guard = () if egress is None else (_Guard(egress),)
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=PER_HOST,
                resolver=self._names if egress is None else _Resolver(egress, self._names),
                ttl_dns_cache=keep_names_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Answers are a few hundred bytes: to inflate one costs more than to receive it.
            headers={"User-Agent": "tandem", "Accept-Encoding": "identity"},
            middlewares=guard,
        )

    @property
    def broken(self) -> bool:
        return self.http.closed

    async def close(self) -> None:
        await self.http.close()
        await self._names.close()  # a connector does not close what it was given


class _Resolver(AbstractResolver):
    """What another resolver says without the addresses that are refused."""

    def __init__(self, egress: Egress, inner: AbstractResolver) -> None:
        self._egress = egress
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        why = {one["host"]: self._egress.refusal(host, ip_address(one["host"])) for one in found}
        allowed = [one for one in found if not why[one["host"]]]
        if found and not allowed:
            raise _refused(host, why[found[0]["host"]])
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class _Guard:
    """Addresses written as such, which no resolver sees; asked again at every redirect."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        host = request.url.host or ""
        address = literal(host)
        why = "" if address is None else self._egress.refusal(host, address)
        if why:
            raise _refused(host, why)
        return await handler(request)


async def admit(hosts: Iterable[str], io: IO) -> None:
    """Refuse *hosts* (names or addresses) if any address of theirs may not be connected to.

    For clients that connect by themselves: they look a name up again, so a name that leads
    elsewhere the next moment passes.

    Raises:
        ScalerError: one may not be; which and why is in the message.
    """
    for host in hosts:
        for address in await _addresses(host):
            why = io.settings.egress.refusal(host, ip_address(address))
            if why:
                raise _refused(host, why)


async def _addresses(host: str) -> list[str]:
    """All of them; none for a name that nobody knows, which is the client's to say."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(info[4][0]) for info in found]


def _refused(host: str, why: str) -> ScalerError:
    return ScalerError(f"{host} may not be reached: {why}")
