"""Access tokens: whom a token is asked of, with what, kept until shortly before it ends.

A grant is a frozen value that says how to get a token; equal grants share one token. `token` gets
it, `forgotten` drops one that a server refused. Grants of the clouds are in `_cloud_grants`.

What a token endpoint answers is not quoted, for it may repeat what it was sent; of a refusal only
the error codes that the standard lists are shown.
Source: https://www.rfc-editor.org/rfc/rfc6749#section-4.4 and #section-5.2
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from scalers._errors import ScalerError, Secret, refusal
from scalers._http import FINAL, Answer, Call, accepted, exchanged, get_json, parsed
from scalers._kept import Ages, Kept, Lasting
from scalers.io import IO

MARGIN = timedelta(seconds=60)
"""A token is renewed this long before it ends, or at half its life if that is later."""
AGES = Ages(failure=timedelta(seconds=1))
"""A dead endpoint is not asked by a thousand triggers in a row."""
UNSTATED_S = 60.0
"""Life of a token whose endpoint does not say how long it lives."""
LONGEST_S = 365 * 86400.0
OK = 200
UNAUTHORIZED = 401
_REFUSALS = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


class Grant(Protocol):
    """How to get a token; hashable, for equal ones share it."""

    def __hash__(self) -> int: ...

    async def fetch(self, io: IO) -> Lasting[Secret]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """The client-credentials grant.

    Args:
        params: more fields of the form, as pairs.
    """

    token_url: str
    client_id: str
    client_secret: Secret
    scopes: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    async def fetch(self, io: IO) -> Lasting[Secret]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            **({"scope": " ".join(self.scopes)} if self.scopes else {}),
            **dict(self.params),
        }
        return await exchange(Call(self.token_url, data=form), io)


async def token(grant: Grant, io: IO) -> Secret:
    """The token of *grant*.

    Raises:
        ScalerError: none can be had; the message names the endpoint and holds no value.
    """
    kept = _kept(grant, io)
    return (await kept.get(io.now(), lambda: grant.fetch(io), AGES)).value


def forgotten(grant: Grant, refused: Secret, io: IO) -> None:
    """The token *refused* is worth nothing any more."""
    _kept(grant, io).forget(refused)


def _kept(grant: Grant, io: IO) -> Kept[Secret]:
    return io.remembered(("token", grant), Kept[Secret])


async def as_bearer(call: Call, grant: Grant, io: IO) -> Answer:
    """The answer to *call* with the token; asked once more with a new one when it answers 401."""
    first = await token(grant, io)
    answer = await exchanged(_with(call, first), io)
    if answer.status != UNAUTHORIZED:
        return answer
    forgotten(grant, first, io)
    return await exchanged(_with(call, await token(grant, io)), io)


async def get_json_as(call: Call, grant: Grant | None, io: IO) -> Any:
    """As `get_json`, with the token of *grant* where there is one."""
    if grant is None:
        return await get_json(call, io)
    return parsed(call, accepted(call, await as_bearer(call, grant, io)))


def _with(call: Call, bearer: Secret) -> Call:
    headers = {**call.headers, "Authorization": f"Bearer {bearer.reveal()}"}
    return replace(call, headers=headers, secrets=(*call.secrets, bearer.reveal()))


async def exchange(call: Call, io: IO) -> Lasting[Secret]:
    """Ask a token endpoint.

    Raises:
        ScalerError: it refused, did not answer, or answered without a token.
    """
    answer = await exchanged(call, io)
    said = fields_of(answer)
    if answer.status != OK:
        raise refusal(answer.status, f"{call.host} answered {answer.status}{_why(answer, said)}")
    text = said.get("access_token")
    if not isinstance(text, str) or not text:
        raise ScalerError(f"{call.host} answered without an access_token")
    return lasting(text, io.now(), _life(said.get("expires_in")))


def lasting(text: str, now: datetime, life: timedelta) -> Lasting[Secret]:
    """A token of that life, to be renewed before it ends."""
    return Lasting(Secret(text), now + max(life - MARGIN, life / 2))


def fields_of(answer: Answer) -> Mapping[str, Any]:
    """The answer's JSON object; empty when it is none."""
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _life(written: object) -> timedelta:
    """`expires_in`: a number of seconds, by some endpoints as a text."""
    try:
        seconds = float(str(written))
    except ValueError:
        seconds = UNSTATED_S
    return timedelta(seconds=min(seconds, LONGEST_S) if seconds >= 0 else 0.0)


def _why(answer: Answer, said: Mapping[str, Any]) -> str:
    if answer.status // 100 == 3:  # noqa: PLR2004 - a redirect
        return f", a redirect; {FINAL}"
    code = said.get("error")
    shown = [code] if isinstance(code, str) and code in _REFUSALS else []
    numbers = said.get("error_codes")  # Microsoft's; whole numbers, so nothing that we sent
    if isinstance(numbers, list):
        shown += [f"AADSTS{number}" for number in numbers if type(number) is int]
    return f": {', '.join(shown)}" if shown else ""
