"""OAuth2 client credentials: the token that a scaler gets at each read, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from eventscaler.auth import AuthFault
from eventscaler.auth.remote import oauth2
from eventscaler.decode.sources import OAuth2, SecretKey
from scalers._grants import Grant, as_bearer, token
from scalers._http import Call
from scalers.base import ScalerError
from tests.eventscaler.auth.servers.oauth import TokenEndpoint, token_endpoint
from tests.eventscaler.auth.tools import Place, placed
from tests.scalers.servers import served

SECRETS = {("shop", "idp"): {"secret": "canary-client-secret", "wrong": "canary-wrong"}}


@asynccontextmanager
async def endpoint() -> AsyncIterator[tuple[TokenEndpoint, Place]]:
    async with token_endpoint() as server, placed(SECRETS) as place:
        yield server, place


def source(server: TokenEndpoint, **more: Any) -> OAuth2:
    given: dict[str, Any] = {
        "client_id": server.client_id,
        "client_secret": SecretKey("idp", "secret"),
        "token_url": f"{server.url}/token",
    }
    return OAuth2(**given | more)


async def granted(server: TokenEndpoint, place: Place, **more: Any) -> Grant:
    found = await oauth2.fetch(source(server, **more), place.where())
    assert found.grant is not None
    assert found.values == {}
    return found.grant


async def test_a_token_is_asked_for_as_written_shared_and_renewed_before_it_ends() -> None:
    async with endpoint() as (server, place):
        wanted = {"scopes": ("read", "list"), "params": {"audience": "mq"}}
        grant = await granted(server, place, **wanted)
        assert server.forms == [
            {
                "grant_type": "client_credentials",
                "client_id": "scaler",
                "client_secret": "canary-client-secret",
                "scope": "read list",
                "audience": "mq",
            }
        ]
        again = await granted(server, place, **wanted)
        shared = await asyncio.gather(*(token(each, place.io) for each in [grant, again] * 5))
        assert {each.reveal() for each in shared} == {"canary-token-1"}

        place.clock.move(minutes=58, seconds=59)
        assert (await token(grant, place.io)).reveal() == "canary-token-1"
        place.clock.move(seconds=2)
        assert (await token(grant, place.io)).reveal() == "canary-token-2"


async def test_a_short_token_lives_for_half_its_life_and_one_without_a_term_for_little() -> None:
    async with endpoint() as (server, place):
        server.life_s = 20
        grant = await granted(server, place)
        place.clock.move(seconds=9)
        assert (await token(grant, place.io)).reveal() == "canary-token-1"
        place.clock.move(seconds=2)
        server.life_s = None
        assert (await token(grant, place.io)).reveal() == "canary-token-2"
        place.clock.move(seconds=31)
        assert (await token(grant, place.io)).reveal() == "canary-token-3"


async def test_a_token_that_a_server_refuses_is_replaced_once() -> None:
    async with endpoint() as (server, place):
        grant = await granted(server, place)
        server.revoked.add("canary-token-1")
        answer = await as_bearer(Call(f"{server.url}/protected"), grant, place.io)
        assert answer.status == 200
        assert "canary-token-2" in answer.text

        server.revoked |= {"canary-token-2", "canary-token-3"}
        answer = await as_bearer(Call(f"{server.url}/protected"), grant, place.io)
        assert answer.status == 401
        assert len(server.forms) == 3


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"client_secret": SecretKey("idp", "wrong")}, "URL answered 401: invalid_client"),
        ({"scopes": ("everything",)}, "URL answered 400: invalid_scope"),
        ({"client_secret": SecretKey("idp", "gone")}, "secret shop/idp has no key 'gone'"),
    ],
)
async def test_a_refusal_is_told_when_the_trigger_is_bound(
    more: Mapping[str, Any], problem: str
) -> None:
    async with endpoint() as (server, place):
        with pytest.raises(AuthFault) as fault:
            await granted(server, place, **more)

        expected = f"oauth2 {server.url}/token: {problem.replace('URL', server.url)}"
        assert str(fault.value) == expected


@pytest.mark.parametrize(
    ("status", "text", "problem"),
    [
        (500, "canary-client-secret", "URL answered 500"),
        (400, '{"error": "canary-client-secret"}', "URL answered 400"),
        (400, '{"error": ["invalid_client"], "error_codes": ["canary"]}', "URL answered 400"),
        (307, "", "URL answered 307, a redirect; give its final address"),
        (200, "canary-client-secret", "URL answered without an access_token"),
        (200, '{"access_token": 7}', "URL answered without an access_token"),
        (200, "[" * 100_000, "URL answered without an access_token"),
    ],
)
async def test_nothing_of_an_odd_answer_is_repeated(status: int, text: str, problem: str) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(text=text, status=status)

    async with endpoint() as (server, place), served({"/token": odd}) as url:
        with pytest.raises(AuthFault) as fault:
            await granted(server, place, token_url=f"{url}/token")

    assert str(fault.value) == f"oauth2 {url}/token: {problem.replace('URL', url)}"


@pytest.mark.parametrize("life", ['"120"', "1e400", "-5", "NaN", '"soon"', "null", "true"])
async def test_an_odd_life_is_no_trouble(life: str) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(text=f'{{"access_token": "t", "expires_in": {life}}}')

    async with endpoint() as (server, place), served({"/token": odd}) as url:
        grant = await granted(server, place, token_url=f"{url}/token")

        assert (await token(grant, place.io)).reveal() == "t"


async def test_a_dead_endpoint_is_named() -> None:
    async with endpoint() as (server, place):
        grant = await granted(server, place)
        place.clock.move(hours=2)
        server.client_secret = "rotated"
        with pytest.raises(ScalerError, match=f"{server.url} answered 401: invalid_client"):
            await token(grant, place.io)
