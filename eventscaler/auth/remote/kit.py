"""What the sources share: faults from failures, values kept for a while, texts out of answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from eventscaler.auth.objects import AuthFault
from eventscaler.auth.where import Fetched, Where
from scalers._errors import Refused, refusal
from scalers._http import Answer
from scalers._kept import Ages, Kept, Lasting
from scalers._pool import together
from scalers.base import ScalerError, Secret

AT_A_TIME = 4
CALM = Ages(early=2 / 3, failure=timedelta(seconds=1))
"""A value serves for two thirds of its life without a look at its source; one that is down is not
asked by a thousand triggers in a row."""
ODD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What one stumbles over in an answer: missing parts, texts for numbers, numbers too large."""
FORBIDDEN = 403
NOT_FOUND = 404
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
Read = Callable[[], Awaitable[Lasting[T]]]


@asynccontextmanager
async def faults(what: str, where: Where) -> AsyncIterator[None]:
    """Turn what goes wrong with *what* into an `AuthFault` that begins with it."""
    limit = where.settings.remote.timeout_s
    try:
        async with asyncio.timeout(limit):
            yield
    except AuthFault as fault:
        raise AuthFault(f"{what}: {fault}", passing=fault.passing) from fault
    except ScalerError as error:
        passing = not isinstance(error, Refused)
        raise AuthFault(f"{what}: {error}", passing=passing) from error
    except TimeoutError:
        raise AuthFault(f"{what}: not had within {limit:g} s", passing=True) from None
    except ODD as error:
        raise AuthFault(f"{what}: an answer of an odd shape ({type(error).__name__})") from None


async def kept(key: Hashable, fetch: Read[T], where: Where) -> Lasting[T]:
    """What *fetch* brings, or brought before for whoever asked.

    A reading that failed doubts it: then only what is moments old is taken again, and what was made
    for us when it is not older than `keep`, or each failure would make another.
    """
    settings = where.settings.remote
    slot = where.io.remembered(key, Kept[T])
    ages = CALM
    if where.doubted:
        ages = replace(CALM, oldest=settings.share, oldest_lease=settings.keep)
    return await slot.get(where.io.now(), fetch, ages)


async def all_of(
    keys: Iterable[K], read: Callable[[K], Awaitable[Lasting[T]]]
) -> dict[K, Lasting[T]]:
    """Each of *keys* read once, some at a time; the first failure ends it."""
    distinct = list(dict.fromkeys(keys))

    def call(key: K) -> Callable[[], Awaitable[Lasting[T]]]:
        return lambda: read(key)

    found = await together(AT_A_TIME, [call(key) for key in distinct])
    return dict(zip(distinct, found, strict=True))


def fetched(values: dict[str, Secret], ends: Iterable[datetime]) -> Fetched:
    return Fetched(values, min(ends, default=None))


def lasting(value: T, where: Where) -> Lasting[T]:
    """A value without a lease of its own."""
    return Lasting(value, where.io.now() + where.settings.remote.keep)


def refused(status: int, message: str) -> AuthFault:
    """What an answer other than 2xx means."""
    return AuthFault(message, passing=not isinstance(refusal(status, message), Refused))


def json_object(answer: Answer) -> dict[str, Any]:
    """The answer's JSON.

    Raises:
        AuthFault: it is none.
    """
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AuthFault(f"answered {answer.status} and no JSON object")
    return found


def text_of(found: object, what: str) -> str:
    """A value as a parameter's text; numbers and truths as JSON writes them.

    Raises:
        AuthFault: it is a list, an object or null.
    """
    if isinstance(found, str):
        return found
    if isinstance(found, bool | int | float):
        return json.dumps(found)
    kind = "null" if found is None else type(found).__name__
    raise AuthFault(f"{what} is no text but {kind}")
