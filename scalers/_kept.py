"""Values with an end, fetched once for all who ask at a time: tokens, secrets of a vault.

Who asks while a fetch is under way gets its outcome, a failure too; so a thousand triggers that
share a token ask for it once, and a dead token endpoint is not asked a thousand times in a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from kube.values.times import EPOCH

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lasting(Generic[T]):
    """A value and when it may not be used any more, aware UTC.

    Attributes:
        leased: it was made for us; asking again makes another.
    """

    value: T = field(repr=False)
    until: datetime
    leased: bool = False


@dataclass(slots=True)
class _Flight(Generic[T]):
    """A fetch under way; without an outcome when it was cancelled."""

    landed: asyncio.Event = field(default_factory=asyncio.Event)
    found: Lasting[T] | None = None
    error: Exception | None = None


class Kept(Generic[T]):
    """One value. Times are the caller's; none is read here."""

    def __init__(self) -> None:
        self._held: Lasting[T] | None = None
        self._since = EPOCH
        self._flight: _Flight[T] | None = None

    async def get(
        self,
        now: datetime,
        fetch: Callable[[], Awaitable[Lasting[T]]],
        oldest: timedelta | None = None,
        *,
        oldest_lease: timedelta | None = None,
        early: float = 1.0,
    ) -> Lasting[T]:
        """The value; fetched when there is none, when it ends, or *oldest* after the last fetch.

        What is leased may be as old as *oldest_lease*. Each is fetched anew when *early* of its
        life is over, so that who asks a little before the end gets what serves on.

        Raises:
            Exception: what *fetch* raised, for all who waited for it.
        """
        held = self._held
        if held is not None:
            limit = oldest_lease if held.leased else oldest
            life = (held.until - self._since) * early
            if _is_young(now - self._since, life if limit is None else min(life, limit)):
                return held
        while (flight := self._flight) is not None:
            await flight.landed.wait()
            if flight.error is not None:
                raise flight.error
            if flight.found is not None:
                return flight.found
        return await self._fly(now, fetch)

    def forget(self, value: T) -> None:
        """*value* is of no use any more: the next who asks fetches, unless somebody has already."""
        if self._held is not None and self._held.value == value:
            self._held = None

    async def _fly(self, now: datetime, fetch: Callable[[], Awaitable[Lasting[T]]]) -> Lasting[T]:
        flight = self._flight = _Flight()
        try:
            flight.found = self._held = await fetch()
            self._since = now
        except Exception as error:
            flight.error = error
            raise
        finally:
            self._flight = None
            flight.landed.set()
        return flight.found


def _is_young(age: timedelta, limit: timedelta) -> bool:
    """A negative age is none: the clock was set back, and nobody knows how old the value is."""
    return timedelta() <= age < limit
