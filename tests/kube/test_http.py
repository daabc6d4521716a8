"""The HTTP transport against a real server: lines, credentials, TLS, timeouts, no secrets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from kube.errors import NotLeading, Unavailable
from kube.http import HttpTransport, split_lines
from kube.transport import Request

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECRET = "s3cr3t-t0k3n"


def serve(handler: Handler) -> TestServer:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return TestServer(app, host="127.0.0.1")


class Token:
    """Credentials that become good after a refusal."""

    def __init__(self) -> None:
        self.text = "old"

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.text}"}

    def refused(self) -> None:
        self.text = SECRET


async def each(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@given(st.binary(), st.lists(st.integers(0, 50)))
def test_lines_do_not_depend_on_how_they_arrive(text: bytes, cuts: list[int]) -> None:
    parts, rest = [], text + b"\n"
    for cut in cuts:
        parts.append(rest[:cut])
        rest = rest[cut:]

    async def read() -> list[bytes]:
        return [line async for line in split_lines(each([*parts, rest]))]

    assert asyncio.run(read()) == [line for line in text.split(b"\n") if line]


async def test_a_line_without_an_end_is_none() -> None:
    lines = split_lines(each([b"one\ntw", b"o"]))

    assert await anext(lines) == b"one"
    with pytest.raises(Unavailable, match="ended inside a line"):
        await anext(lines)


async def test_a_request_and_its_answer() -> None:
    async def handler(request: web.Request) -> web.Response:
        text = f"{request.method} {request.path_qs} {await request.text()}"
        return web.Response(text=text, status=201, headers={"X-Kind": "Test"})

    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("/below")))
        request = Request("POST", "/api/v1/pods", {"labelSelector": "a in (b,c)"}, b"{}")
        answer = await transport.send(request, timeout_s=5)
        await transport.close()

    assert answer.status == 201
    assert answer.headers["x-kind"] == "Test"
    assert answer.body.startswith(b"POST /below/api/v1/pods?labelSelector=a")


async def test_a_connection_is_used_again() -> None:
    peers = set()

    async def handler(request: web.Request) -> web.Response:
        peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        return web.Response()

    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("")))
        for _ in range(5):
            await transport.send(Request("GET", "/"), timeout_s=5)
        await transport.close()

    assert len(peers) == 1


async def test_a_refused_token_is_replaced_once_and_never_told() -> None:
    async def handler(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == f"Bearer {SECRET}"
        return web.Response(status=200 if good else 401)

    async with serve(handler) as server:
        url = str(server.make_url(""))
        transport = HttpTransport(url, credentials=Token())
        answer = await transport.send(Request("GET", "/"), timeout_s=5)
        assert answer.status == 200
        await server.close()
        with pytest.raises(Unavailable) as caught:
            await transport.send(Request("GET", "/"), timeout_s=5)
        await transport.close()

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


async def test_a_server_that_says_nothing_is_unavailable() -> None:
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("")))
        with pytest.raises(Unavailable, match="GET /slow: no answer in time"):
            await transport.send(Request("GET", "/slow"), timeout_s=0.05)
        release.set()
        await transport.close()


async def test_a_stream_of_lines_longer_than_any_buffer() -> None:
    long = b"x" * 3_000_000

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"one\n" + long + b"\ntwo\n")
        return stream

    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("")))
        async with transport.stream(Request("GET", "/"), timeout_s=5) as stream:
            found = [line async for line in stream.lines]
        await transport.close()

    assert [len(line) for line in found] == [3, 3_000_000, 3]


async def test_a_refused_stream_gives_its_body() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=401, text="no")

    token = Token()
    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("")), credentials=token)
        async with transport.stream(Request("GET", "/"), timeout_s=5) as stream:
            assert stream.status == 401
            assert [line async for line in stream.lines] == [b"no"]
        await transport.close()

    assert token.text == SECRET


async def test_a_stream_that_falls_silent_is_unavailable() -> None:
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"one\n")
        await release.wait()
        return stream

    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("")))
        async with transport.stream(Request("GET", "/"), timeout_s=0.1) as stream:
            assert await anext(stream.lines) == b"one"
            with pytest.raises(Unavailable, match="in time"):
                await anext(stream.lines)
        release.set()
        await transport.close()


async def test_a_gate_that_shuts_while_connecting_stops_the_write() -> None:
    served = []

    async def handler(request: web.Request) -> web.Response:
        served.append(await request.read())
        return web.Response()

    def shut() -> None:
        raise NotLeading("the lease ran out")

    async with serve(handler) as server:
        transport = HttpTransport(str(server.make_url("")))
        await transport.send(Request("PUT", "/", body=b"{}"), timeout_s=5)
        with pytest.raises(NotLeading, match="the lease ran out"):
            await transport.send(Request("PUT", "/", body=b"{}", gate=shut), timeout_s=5)
        await transport.send(Request("GET", "/"), timeout_s=5)
        await transport.close()

    assert served == [b"{}", b""]


async def test_closing_what_was_never_used_is_fine() -> None:
    await HttpTransport("http://127.0.0.1:1").close()
