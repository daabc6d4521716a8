"""Values with an end, fetched once for all who ask at a time: tokens, secrets of a vault.

Who asks while a fetch is under way gets its outcome, a failure too; so a thousand triggers that
share a token ask for it once, and a dead token endpoint is not asked a thousand times in a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old a value may be.

    Attributes:
        oldest: of any value; None for its end. A leased one may be as old as *oldest_lease*.
        early: when this much of its life is over, who asks tries to get another, and takes the old
            one where that fails.
        failure: who asks this soon after a fetch failed gets that failure.
    """

    oldest: timedelta | None = None
    oldest_lease: timedelta | None = None
    early: float = 1.0
    failure: timedelta = timedelta()


ANY = Ages()


class Kept(Generic[T]):
    """One value. Times are the caller's; none is read here."""

    def __init__(self) -> None:
        self._held: Lasting[T] | None = None
        self._since = EPOCH
        self._flight: _Flight[T] | None = None
        self._error: Exception | None = None
        self._failed = EPOCH

    async def get(
        self, now: datetime, fetch: Callable[[], Awaitable[Lasting[T]]], ages: Ages = ANY
    ) -> Lasting[T]:
        """The value, fetched where there is none that *ages* allow.

        Raises:
            Exception: what *fetch* raised, for all who waited for it.
        """
        held = self._usable(now, ages)
        if held is not None and now - self._since < (held.until - self._since) * ages.early:
            return held
        try:
            return await self._joined(now, fetch, ages)
        except Exception:
            if held is None:
                raise
            return held  # its end will tell, should this go on

    def forget(self, value: T) -> None:
        """*value* is of no use any more: the next who asks fetches, unless somebody has already."""
        if self._held is not None and self._held.value == value:
            self._held = None

    def _usable(self, now: datetime, ages: Ages) -> Lasting[T] | None:
        held = self._held
        if held is None:
            return None
        limit = ages.oldest_lease if held.leased else ages.oldest
        life = held.until - self._since
        is_usable = _is_younger(now - self._since, life if limit is None else min(life, limit))
        return held if is_usable else None

    async def _joined(
        self, now: datetime, fetch: Callable[[], Awaitable[Lasting[T]]], ages: Ages
    ) -> Lasting[T]:
        """The outcome of a fetch: one under way, one that failed just now, or a new one."""
        while (flight := self._flight) is not None:
            await flight.landed.wait()
            if flight.error is not None:
                raise copy(flight.error) from flight.error
            if flight.found is not None:
                return flight.found
        if self._error is not None and _is_younger(now - self._failed, ages.failure):
            raise copy(self._error) from self._error
        return await self._fly(now, fetch)

    async def _fly(self, now: datetime, fetch: Callable[[], Awaitable[Lasting[T]]]) -> Lasting[T]:
        flight = self._flight = _Flight()
        self._error = None
        try:
            flight.found = self._held = await fetch()
            self._since = now
        except Exception as error:
            flight.error = self._error = error
            self._failed = now
            raise
        finally:
            self._flight = None
            flight.landed.set()
        return flight.found


def _is_younger(age: timedelta, limit: timedelta) -> bool:
    """A negative age is none: the clock was set back, and nobody knows how old it is."""
    return timedelta() <= age < limit
