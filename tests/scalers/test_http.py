"""Calls that send something: what goes out, and that nothing of it follows a redirect."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from scalers._http import LARGEST, Answer, Call, answered, exchanged, get_json, get_text
from scalers._room import Held, Room
from scalers.base import ScalerError
from scalers.io import IO
from tests.scalers.servers import Handler, answering, served


async def test_a_json_text_is_posted_as_json(io: IO) -> None:
    async def echo(request: web.Request) -> web.Response:
        text = f"{request.method} {request.content_type} {await request.text()}"
        return web.Response(text=text, status=403)

    async with served({"/login": echo}) as url:
        answer = await exchanged(Call(f"{url}/login", json='{"role": "r"}'), io)

    assert answer == Answer(403, 'POST application/json {"role": "r"}')


async def test_a_form_is_not_sent_on_by_a_redirect(io: IO) -> None:
    reached = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(await request.text())
        return web.Response(text="thanks")

    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with served({"/token": moved, "/elsewhere": elsewhere}) as url:
        with pytest.raises(ScalerError, match="answered 307, a redirect; give its final address"):
            await get_text(Call(f"{url}/token", data={"client_secret": "hunter2"}), io)

    assert reached == []


def leading(to: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": to})

    return handler


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        pytest.param(leading("/x"), "redirects without end", id="a loop"),
        pytest.param(leading("file:///etc/passwd"), "redirects to what is not HTTP", id="a file"),
        pytest.param(answering("x" * (LARGEST + 1)), "answered more than 2 MiB", id="too large"),
        pytest.param(answering("[" * 10**5), "JSON that is nested too deeply", id="too deep"),
    ],
)
async def test_answers_that_are_of_no_use_are_told_apart(
    handler: Handler, why: str, io: IO
) -> None:
    async with served({"/x": handler}) as url:
        with pytest.raises(ScalerError, match=f"{url} .*{why}"):
            await get_json(Call(f"{url}/x"), io)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(
            b"SSH-2.0-OpenSSH_9.2\r\n", "something that is not HTTP", id="another protocol"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6, "something that is not HTTP", id="headers"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "broke off its answer", id="a half"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            "packed it wrongly",
            id="no gzip",
        ),
    ],
)
async def test_what_is_no_http_is_not_told_as_no_connection(said: bytes, why: str, io: IO) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ScalerError, match=f"127.0.0.1:{port} .*{why}"):
            await get_text(Call(f"http://127.0.0.1:{port}/"), io)


async def test_large_answers_share_a_room_and_give_it_back(io: IO) -> None:
    room = io.remembered(Room, Room)
    whole = room.free
    async with served({"/x": answering("x" * LARGEST), "/small": answering("1")}) as url:
        with Held(room) as others:
            assert others.fits(whole)
            with pytest.raises(ScalerError, match="too much while other large answers are read"):
                await get_text(Call(f"{url}/x"), io)
            assert await get_text(Call(f"{url}/small"), io) == "1"
        async with answered(Call(f"{url}/x"), io) as answer:
            assert len(answer.text) == LARGEST
            assert room.free < whole

    assert room.free == whole
