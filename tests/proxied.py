"""What test proxies do alike: pass an answer on as it comes."""

from __future__ import annotations

import aiohttp
from aiohttp import web


async def passed(
    request: web.Request, answer: aiohttp.ClientResponse
) -> tuple[web.StreamResponse, bool]:
    """*answer* to whoever asked, and whether they stayed to its end."""
    response = web.StreamResponse(status=answer.status)
    response.content_type = answer.content_type
    try:
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except ConnectionResetError:
        return response, False
    return response, True
