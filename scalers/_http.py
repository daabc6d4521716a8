"""HTTP calls of scalers: one session for all, bounded per host, and the shared block of auth modes.

Answers other than 2xx, slow ones and ones that are too large are `ScalerError`s that name the host
and never the query (keys travel in it). Credentials are not carried along a redirect.
Source of the auth block: https://keda.sh/docs/latest/scalers/prometheus/#authentication-parameters
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp

from scalers._egress import Egress
from scalers._errors import ScalerError, Secret
from scalers._guarded import Session
from scalers._kept import Kept, Lasting
from scalers._params import Param
from scalers._quoted import credentials_of, quoted
from scalers._room import Held, Room
from scalers._tls import PLAIN, Tls, context
from scalers.io import IO

LARGEST = 2 * 1024 * 1024  # read as a tree, that is up to 40 MiB and a tenth of a second
TOKEN_MARGIN_S = 30.0
_GOOD = range(200, 300)
_REDIRECTS = range(300, 400)
FINAL = "give its final address"
_TROUBLES: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.TooManyRedirects, "redirects without end"),
    (aiohttp.NonHttpUrlClientError, "redirects to what is not HTTP"),
    (aiohttp.ClientPayloadError, "broke off its answer, or packed it wrongly"),
    (aiohttp.ClientResponseError, "answered something that is not HTTP"),
)


class ApiKeyMethod(StrEnum):
    HEADER = "header"
    QUERY = "query"


MODES = ("apiKey", "basic", "tls", "bearer", "custom", "oauth")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAuth:
    """The auth keys that HTTP triggers share; their metadata classes inherit them."""

    auth_modes: Annotated[
        tuple[str, ...],
        Param("authModes", "ma", f"list of {', '.join(MODES)}", also="authMode"),
    ] = ()
    username: Annotated[Secret | None, Param("username", "a", "for basic")] = None
    password: Annotated[Secret | None, Param("password", "a", "for basic")] = None
    bearer_token: Annotated[
        Secret | None, Param("bearerToken", "a", "for bearer", also="token")
    ] = None
    cert: Annotated[Secret | None, Param("cert", "a", "client certificate, for tls")] = None
    key: Annotated[Secret | None, Param("key", "a", "key of the client certificate")] = None
    key_password: Annotated[Secret | None, Param("keyPassword", "a", "opens the key")] = None
    ca: Annotated[Secret | None, Param("ca", "a", "certificate authority of the server")] = None
    custom_header: Annotated[str, Param("customAuthHeader", "a", "header, for custom")] = ""
    custom_value: Annotated[Secret | None, Param("customAuthValue", "a", "its value")] = None
    api_key: Annotated[Secret | None, Param("apiKey", "a", "for apiKey")] = None
    api_key_method: Annotated[ApiKeyMethod, Param("method", "a", "where the API key travels")] = (
        ApiKeyMethod.HEADER
    )
    api_key_name: Annotated[
        str, Param("keyParamName", "a", "its header or parameter; X-API-KEY or api_key")
    ] = ""
    oauth_uri: Annotated[str, Param("oauthTokenURI", "a", "token endpoint, for oauth")] = ""
    oauth_scopes: Annotated[tuple[str, ...], Param("scopes", "a", "for oauth")] = ()
    client_id: Annotated[Secret | None, Param("clientID", "a", "for oauth")] = None
    client_secret: Annotated[Secret | None, Param("clientSecret", "a", "for oauth")] = None
    endpoint_params: Annotated[
        Secret | None, Param("endpointParams", "a", "more fields of the token request, URL-encoded")
    ] = None

    def auth_problems(self) -> Iterator[str]:
        for mode in self.auth_modes:
            if mode not in MODES:
                known = ", ".join(f"'{m}'" for m in MODES)
                yield f"'authModes' must be a list of {known}, got {mode}"
            for key, value in self._needs(mode):
                if not value:
                    yield f"'authModes' has {mode}, and the TriggerAuthentication has no '{key}'"
        if {"basic", "bearer"} <= set(self.auth_modes):
            yield "'authModes' has both basic and bearer, which use the same header"
        if bool(self.cert) != bool(self.key):
            yield "'cert' and 'key' of the TriggerAuthentication go together; one is missing"

    def _needs(self, mode: str) -> list[tuple[str, object]]:
        needs: dict[str, list[tuple[str, object]]] = {
            "apiKey": [("apiKey", self.api_key)],
            "basic": [("username", self.username)],
            "tls": [("cert", self.cert), ("key", self.key)],
            "bearer": [("bearerToken", self.bearer_token)],
            "custom": [
                ("customAuthHeader", self.custom_header),
                ("customAuthValue", self.custom_value),
            ],
            "oauth": [
                ("oauthTokenURI", self.oauth_uri),
                ("clientID", self.client_id),
                ("clientSecret", self.client_secret),
            ],
        }
        return needs.get(mode, [])


@dataclass(frozen=True, slots=True)
class Call:
    """One GET, or a POST when it has a form or a JSON text: where, with what, how long.

    Attributes:
        data: the fields of a form; all of their values count as secret.
        json: the body, already written as JSON.
        secrets: credentials among the query's values, or in the body.
        largest: bytes of an answer; more are refused.
        own: the address is Tandem's or its operator's, not a trigger's; egress rules do not hold.
    """

    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: Tls = PLAIN
    timeout_s: float = 0.0
    data: Mapping[str, str] | None = None
    json: str | None = None
    secrets: tuple[str, ...] = ()
    largest: int = LARGEST
    own: bool = False

    @property
    def method(self) -> str:
        return "GET" if self.data is None and self.json is None else "POST"

    @property
    def credentials(self) -> tuple[str, ...]:
        """What no message may repeat."""
        form = (self.data or {}).values()
        return (*self.secrets, *form, *credentials_of(self.url, self.headers))

    @property
    def host(self) -> str:
        """The part of the address that is safe to print.

        >>> Call("http://me:pw@mq:15672/api?key=x").host
        'http://mq:15672'
        """
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def _session(egress: Egress | None) -> Session:
    return Session(egress)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, whatever its status."""

    status: int
    text: str = field(repr=False)


async def exchanged(call: Call, io: IO) -> Answer:
    """The answer to *call*, also one that is not 2xx.

    Raises:
        ScalerError: no answer in time, one that is too large, an address that is not allowed.
    """
    async with answered(call, io) as answer:
        return answer


@asynccontextmanager
async def answered(call: Call, io: IO) -> AsyncIterator[Answer]:
    """As `exchanged`; until the block ends the answer's size counts among those in memory."""
    with Held(io.remembered(Room, Room)) as held:
        yield await _observed(call, io, held)


async def _observed(call: Call, io: IO, held: Held) -> Answer:
    if io.observer is None:
        return await _exchanged(call, io, held)
    clock = asyncio.get_running_loop().time
    began, status = clock(), None
    try:
        answer = await _exchanged(call, io, held)
        status = answer.status
    finally:
        io.observer.called(status, clock() - began)
    return answer


async def _exchanged(call: Call, io: IO, held: Held) -> Answer:
    timeout = aiohttp.ClientTimeout(total=call.timeout_s or io.settings.http_timeout_s)
    verify = await context(call.tls, io) if call.url.startswith("https") else True
    egress = None if call.own else io.settings.egress
    headers = dict(call.headers)
    if call.json is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        async with (
            io.client(("http", call.own), partial(_session, egress), slots=1024) as session,
            session.http.request(
                call.method,
                call.url,
                params=call.query,
                headers=headers,
                data=call.data if call.json is None else call.json,
                ssl=verify,
                timeout=timeout,
                allow_redirects=call.method == "GET" and not call.headers,
            ) as answer,
        ):
            body = await _body(answer, call, held)
    except TimeoutError:
        raise ScalerError(f"{call.host} gave no answer within {timeout.total:g} s") from None
    except aiohttp.InvalidURL:
        raise ScalerError("the address is not a URL") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ScalerError(_trouble(call, error)) from error
    return Answer(answer.status, body.decode(errors="replace"))


async def get_text(call: Call, io: IO) -> str:
    """The body of the answer.

    Raises:
        ScalerError: as `exchanged`, and for an answer that is not 2xx.
    """
    return accepted(call, await exchanged(call, io))


def accepted(call: Call, answer: Answer) -> str:
    """The body of *answer*.

    Raises:
        ScalerError: it is not 2xx.
    """
    if answer.status in _REDIRECTS:
        raise ScalerError(f"{call.host} answered {answer.status}, a redirect; {FINAL}")
    if answer.status not in _GOOD:
        said = quoted(answer.text, call.credentials)
        raise ScalerError(f"{call.host} answered {answer.status}: {said}")
    return answer.text


async def get_json(call: Call, io: IO) -> Any:
    """The JSON body of a GET; raises as `get_text`, and when the body is not JSON."""
    async with answered(call, io) as answer:
        return parsed(call, accepted(call, answer))


def parsed(call: Call, text: str) -> Any:
    """The JSON that *call* was answered with.

    Raises:
        ScalerError: it is none.
    """
    try:
        return json.loads(text)
    except ValueError:
        raise ScalerError(f"{call.host} answered something that is not JSON") from None
    except RecursionError:
        raise ScalerError(f"{call.host} answered JSON that is nested too deeply") from None


async def authorised(call: Call, auth: HttpAuth, io: IO) -> Call:
    """*call* with the credentials of *auth*."""
    headers, query = dict(call.headers), dict(call.query)
    secrets = (_text(auth.api_key),) if auth.api_key else ()
    modes = set(auth.auth_modes)
    if "basic" in modes:
        headers["Authorization"] = basic(_text(auth.username), _text(auth.password))
    if "bearer" in modes:
        headers["Authorization"] = f"Bearer {_text(auth.bearer_token)}"
    if "custom" in modes:
        headers[auth.custom_header] = _text(auth.custom_value)
    if "apiKey" in modes:
        in_query = auth.api_key_method is ApiKeyMethod.QUERY
        place = query if in_query else headers
        place[auth.api_key_name or ("api_key" if in_query else "X-API-KEY")] = _text(auth.api_key)
    pair = (auth.cert, auth.key, auth.key_password) if "tls" in modes else (None, None, None)
    tls = Tls(auth.ca, *pair, unsafe=call.tls.unsafe)
    if "oauth" in modes:
        headers["Authorization"] = f"Bearer {await _token(auth, tls, io)}"
    return Call(call.url, query, headers, tls, call.timeout_s, secrets=secrets)


def basic(username: str, password: str) -> str:
    """The value of an Authorization header.

    >>> basic("guest", "guest")
    'Basic Z3Vlc3Q6Z3Vlc3Q='
    """
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


async def _token(auth: HttpAuth, tls: Tls, io: IO) -> str:
    """A client-credentials token, shared by all with equal credentials until it soon expires."""

    async def fetch() -> Lasting[Secret]:
        text, lifetime_s = await fetch_token(auth, tls, io)
        left_s = max(lifetime_s - TOKEN_MARGIN_S, lifetime_s / 2)
        return Lasting(Secret(text), io.now() + timedelta(seconds=left_s))

    kept = io.remembered(("oauth", auth), Kept[Secret])
    return (await kept.get(io.now(), fetch)).value.reveal()


async def fetch_token(auth: HttpAuth, tls: Tls, io: IO) -> tuple[str, float]:
    """A fresh token and its lifetime in seconds.

    Source: RFC 6749, section 4.4.
    """
    more = dict(_pairs(_text(auth.endpoint_params)))
    form = {
        "grant_type": "client_credentials",
        "client_id": _text(auth.client_id),
        "client_secret": _text(auth.client_secret),
        **({"scope": " ".join(auth.oauth_scopes)} if auth.oauth_scopes else {}),
        **more,
    }
    answer = await get_json(Call(auth.oauth_uri, tls=tls, data=form), io)
    if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
        raise ScalerError(f"{Call(auth.oauth_uri).host} answered without an access_token")
    return answer["access_token"], float(answer.get("expires_in", 60))


async def _body(answer: aiohttp.ClientResponse, call: Call, held: Held) -> bytes:
    """The body.

    Raises:
        ScalerError: it is larger than *call* allows, or there is no room for it now.
    """
    body = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > call.largest:
            raise ScalerError(f"{call.host} answered more than {call.largest // 1024**2} MiB")
        if not held.fits(len(body)):
            raise ScalerError(f"{call.host} answered too much while other large answers are read")
    return bytes(body)


def _trouble(call: Call, error: Exception) -> str:
    for kind, text in _TROUBLES:
        if isinstance(error, kind):
            return f"{call.host} {text}"
    return f"no connection to {call.host}: {_reason(error)}"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted (give 'ca', or 'unsafeSsl')"
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or error.os_error)
    return type(error).__name__


def _text(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, text.split("&")):
        key, _, value = part.partition("=")
        yield key, value
