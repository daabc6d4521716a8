"""The API server over HTTP: kept-alive connections, TLS, fresh credentials, streams cut into lines.

Every way in which no answer arrives is an `Unavailable`. Credentials live in headers only, and
headers are in no message.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from kube.errors import NotLeading, Unavailable
from kube.transport import Request, Response, Stream

CONNECT_S = 10.0
UNAUTHORIZED = 401
OK = 200


class Credentials(Protocol):
    """Who we are; asked before every request."""

    async def headers(self) -> Mapping[str, str]:
        """Headers that prove it, refreshed when they are about to expire."""
        ...

    def refused(self) -> None:
        """The server answered 401: what `headers` gave is no longer good."""
        ...


class Anonymous:
    """No credentials but those of the TLS connection."""

    async def headers(self) -> Mapping[str, str]:
        return {}

    def refused(self) -> None:
        pass


class HttpTransport:
    """Bytes to and from one API server.

    Args:
        server: "https://host:port", with a path where the API lives below one.
        tls: trust and client certificate; None for plain HTTP.
        server_name: the name in the server's certificate, where the URL has another.
        credentials: headers for each request.
        proxy: URL of an HTTP proxy.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        credentials: Credentials | None = None,
        proxy: str | None = None,
    ) -> None:
        self._server = server.rstrip("/")
        self._tls = tls
        self._server_name = server_name
        self._credentials: Credentials = credentials or Anonymous()
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        """A request and its whole answer; after a 401 once more with fresh credentials."""
        answer = await self._send(request, timeout_s)
        if answer.status == UNAUTHORIZED:
            self._credentials.refused()
            answer = await self._send(request, timeout_s)
        return answer

    async def _send(self, request: Request, timeout_s: float) -> Response:
        limit = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S)
        with no_answer_is_unavailable(request):
            async with await self._open(request, limit) as answer:
                return Response(answer.status, await answer.read(), _lower(answer))

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=timeout_s)
        with no_answer_is_unavailable(request):
            answer = await self._open(request, limit)
        try:
            if answer.status == UNAUTHORIZED:
                self._credentials.refused()
            yield Stream(answer.status, _lines(request, answer), _lower(answer))
        finally:
            answer.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _open(self, request: Request, limit: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {"Accept": request.accept, "User-Agent": request.user_agent}
        headers |= await self._credentials.headers()
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        return await self._connected().request(
            request.method,
            URL(self._server + request.path).with_query(request.query),
            data=None if request.body is None else _Gated(request),
            headers=headers,
            timeout=limit,
            proxy=self._proxy,
            server_hostname=self._server_name,
            allow_redirects=False,
        )

    def _connected(self) -> aiohttp.ClientSession:
        """The session, made at first use because it belongs to the running loop."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,  # the client's throttle bounds requests; watches hold one each
                ssl=self._tls or True,
                socket_factory=_socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=2**18
            )
        return self._session


class _Gated(aiohttp.BytesPayload):
    """A body that asks the gate when the connection stands, which may be seconds after the request.

    Headers wait for the first bytes of the body, and a request that announces a body without
    sending it does nothing: so a lease that ran out during a handshake still stops the write.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request.body or b"", content_type=request.content_type)
        self._gate = request.gate

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        self._gate()
        await super().write_with_length(writer, content_length)


@contextmanager
def no_answer_is_unavailable(request: Request) -> Iterator[None]:
    """Every failure to get an answer becomes one error, named by what was asked."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable(f"{request.method} {request.path}: no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        if isinstance(error.__cause__, NotLeading):
            raise error.__cause__ from None
        raise Unavailable(f"{request.method} {request.path}: {_told(error)}") from error


def _told(error: aiohttp.ClientError | OSError) -> str:
    """What went wrong; of a refused connection only where to."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, ConnectionRefusedError
    ):
        return f"cannot connect to {error.host}:{error.port}: nobody listens there"
    return f"{type(error).__name__}: {error}"


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines of any length, without their newlines; empty ones are left out.

    Raises:
        Unavailable: the last line has no end, so it is not known to be whole.
    """
    line: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        line.append(first)
        for start in others:
            whole = b"".join(line)
            line = [start]
            if whole:
                yield whole
    if any(line):
        raise Unavailable("the stream ended inside a line")


async def _lines(request: Request, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    with no_answer_is_unavailable(request):
        if answer.status != OK:
            yield await answer.read()
            return
        async for line in split_lines(answer.content.iter_any()):
            yield line


def _lower(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _socket(address: AddrInfoType) -> socket.socket:
    """A socket that notices within half a minute that its peer is gone.

    A watch may be silent for minutes; without probes a vanished server looks like a quiet one.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.settimeout(0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    return made
