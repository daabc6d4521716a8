"""Calls that send something: what goes out, and that nothing of it follows a redirect."""

from __future__ import annotations

import pytest
from aiohttp import web

from scalers._http import Answer, Call, exchanged, get_text
from scalers.base import ScalerError
from scalers.io import IO
from tests.scalers.servers import served


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
