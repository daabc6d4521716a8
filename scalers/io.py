"""The world that scalers read: shared clients, a clock, the cluster.

Scalers never open a connection of their own. They ask for a client by endpoint and credentials and
get the one that every other trigger with the same endpoint and credentials uses; at most
`IOSettings.concurrency` calls run on one client at a time, and one that nobody asked for during
`idle_s` is closed. The families (`_http`, `_amqp`, `_kafka`, `_aws`) say how a client is opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from kube.client import Client
from kube.values.times import Now
from scalers._egress import NO_RULES, Egress
from scalers._errors import ScalerError
from scalers._pool import ClientStatistics, Closable, Memory, Pool
from scalers._surroundings import AzureSurroundings, GoogleServers

T = TypeVar("T")
C = TypeVar("C", bound=Closable)


@dataclass(frozen=True, slots=True)
class IOSettings:
    """How long and how much at a time.

    Args:
        read_timeout_s: the longest that one read of one trigger may take, connecting included.
        http_timeout_s: the longest HTTP call where the trigger has no `timeout` of its own.
        idle_s: a client unused for this long is closed.
        concurrency: calls at a time on one client, by endpoint and credentials.
        threads: calls at a time of SDKs that block, over all endpoints.
        egress: where the addresses that triggers name may lead.
        azure, google: the identity that this pod has in a cloud, and where the cloud answers.
    """

    read_timeout_s: float = 15.0
    http_timeout_s: float = 3.0
    idle_s: float = 300.0
    concurrency: int = 8
    threads: int = 8
    egress: Egress = NO_RULES
    azure: AzureSurroundings = field(default_factory=AzureSurroundings)
    google: GoogleServers = field(default_factory=GoogleServers)


class Observer(Protocol):
    """Who wants to know what the reads of one trigger do."""

    def called(self, status: int | None, took_s: float) -> None:
        """An HTTP call was made; without a status when there was no answer."""

    def empty(self, *, ignored: bool) -> None:
        """The source answered without a value; *ignored* when that counts as zero."""


@dataclass(frozen=True, slots=True)
class IOStatistics:
    clients: tuple[ClientStatistics, ...]
    opened: int
    closed: int


class IO:
    """What a scaler's `read` is given.

    Args:
        now: the wall clock, aware UTC.
        kube: the cluster, for the triggers that read it; None where there is none.
    """

    def __init__(
        self, now: Now, kube: Client | None = None, *, settings: IOSettings | None = None
    ) -> None:
        self.now = now
        self.observer: Observer | None = None
        self.settings = settings or IOSettings()
        self._kube = kube
        self._pool = Pool(self.settings.idle_s, self.settings.concurrency)
        self._memory = Memory(self.settings.idle_s * 12)

    def observed(self, by: Observer) -> IO:
        """The same world, whose reads *by* hears of."""
        other = copy(self)
        other.observer = by
        return other

    @property
    def kube(self) -> Client:
        """The cluster.

        Raises:
            ScalerError: there is none, as in an offline check.
        """
        if self._kube is None:
            raise ScalerError("this trigger reads the cluster, and there is none here")
        return self._kube

    @asynccontextmanager
    async def client(
        self, key: Hashable, opened: Callable[[], Awaitable[C]], *, slots: int | None = None
    ) -> AsyncIterator[C]:
        """The shared client of *key*, opened when there is none, for one call.

        A client whose `broken` is true afterwards is closed and not given out again.
        """
        async with self._pool.client(key, opened, slots) as client:
            yield client

    def remembered(self, key: Hashable, made: Callable[[], T]) -> T:
        """What *key* remembers between reads; made anew when nobody asked for an hour."""
        return self._memory.get(key, made)

    async def run(self) -> None:
        """Close idle clients as they become idle, until cancelled."""
        await self._pool.run()

    async def close(self) -> None:
        await self._pool.close()

    def statistics(self) -> IOStatistics:
        pool = self._pool
        return IOStatistics(pool.statistics(), pool.opened, pool.closed)
