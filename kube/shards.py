"""Holding one's share of the shards: a Lease a shard, so that each has one holder at most.

    look at the Leases -> the share that is ours -> compete for it, let the rest go

A shard is taken up when its Lease is won, laid down before the Lease is let go, and laid down when
the Lease is lost. Writes go through `gate`, which asks the Lease of the very shard that the
writing task is `acting` for: a process that was paused refuses its next write by itself.

The leader's Lease says into how many shards all divide. A process that divides otherwise stands by,
and nobody begins beside one that still does; so a rollout that changes the number is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from kube.errors import KubeError, NotLeading
from kube.lease import Candidacy, Elector
from kube.roll import Roll, labels_of, shard_lease

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Acting:
    """For which shard a task acts, and whether the gate has let a write of it pass."""

    shard: int
    writing: bool = False


acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


class Keeper(Protocol):
    """Who does the work of the shards that are held."""

    def take_up(self, shard: int) -> None: ...

    async def lay_down(self, shard: int) -> None:
        """Nothing is written for the shard any more once this returns."""
        ...


class Shards:
    """One process's part.

    Args:
        lease: name of the leader's Lease; the others are named after it.
        shards: how many there are; the same in all processes.
    """

    def __init__(self, candidacy: Candidacy, *, lease: str, shards: int) -> None:
        self._candidacy = candidacy
        self._identity = candidacy.identity
        self._terms = candidacy.terms
        self._lease = lease
        self._shards = shards
        self._roll = Roll(candidacy, lease=lease, shards=shards)
        self._stakes: dict[int, asyncio.Task[None]] = {}
        self._taken: dict[int, Elector] = {}
        self._reached = False
        self._trouble = ""

    def held(self) -> frozenset[int]:
        """The shards that are ours at this moment."""
        return frozenset(shard for shard, elector in self._taken.items() if elector.leading())

    def reached(self) -> bool:
        """Whether the server has ever told who holds what."""
        return self._reached

    def gate(self) -> None:
        """Let a write pass. Raises `NotLeading`."""
        errand = acting.get()
        if errand is None:
            if not self.held():
                raise NotLeading(f"{self._identity!r} holds no shard; nothing was sent")
            return
        elector = self._taken.get(errand.shard)
        if elector is None:
            told = f"{self._identity!r} does not hold shard {errand.shard}; nothing was sent"
            raise NotLeading(told)
        elector.gate()
        errand.writing = True

    async def run(self, keeper: Keeper) -> None:
        """Hold our share until cancelled; then lay it down and give the Leases back."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._round(group, keeper)
                    await asyncio.sleep(self._terms.retry_s)
            finally:
                await self._leave()

    async def _round(self, group: asyncio.TaskGroup, keeper: Keeper) -> None:
        try:
            async with asyncio.timeout(self._terms.spare_s):
                await self._roll.announce()
                view = await self._roll.look()
            self._trouble = ""
        except (KubeError, TimeoutError) as error:  # what is held is held for its term
            self._complain(str(error) or "no answer in time")
            return
        self._reached = True
        share = view.share(self._identity, self._shards)
        self._stakes = {n: stake for n, stake in self._stakes.items() if not stake.done()}
        for shard in self._stakes.keys() - share:
            self._stakes[shard].cancel()
        for shard in sorted(share - self._stakes.keys()):
            self._stakes[shard] = group.create_task(self._stake(shard, keeper))

    def _complain(self, why: str) -> None:
        if why != self._trouble:  # told once, not at every try
            log.warning("leases not read", lease=self._lease, why=why)
        self._trouble = why

    async def _stake(self, shard: int, keeper: Keeper) -> None:
        """Compete for a shard, and keep it, until cancelled."""
        elector = Elector(
            self._candidacy,
            shard_lease(self._lease, shard),
            labels=labels_of(self._lease, self._shards),
            seen=self._roll.sighting(shard),
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(elector.run())
            while True:
                await elector.wait_leading()
                if await self._admitted(elector):
                    await self._keep(shard, elector, keeper)

    async def _admitted(self, elector: Elector) -> bool:
        """Wait, while we lead, until nobody divides otherwise; looked at after the Lease was won.

        Of two that divide differently, each claims before it looks: so one of them sees the other.
        """
        while elector.leading():
            try:
                async with asyncio.timeout(self._terms.spare_s):
                    if (await self._roll.look()).admits(self._shards):
                        return True
            except (KubeError, TimeoutError) as error:
                self._complain(str(error) or "no answer in time")
            await asyncio.sleep(self._terms.retry_s)
        return False

    async def _keep(self, shard: int, elector: Elector, keeper: Keeper) -> None:
        self._taken[shard] = elector
        keeper.take_up(shard)
        log.info("shard taken up", object=self._identity, shard=shard)
        try:
            await elector.wait_lost()
        finally:
            del self._taken[shard]  # which shuts the gate
            await _to_the_end(keeper.lay_down(shard))
            log.info("shard laid down", object=self._identity, shard=shard)

    async def _leave(self) -> None:
        """First of all, so that the others reckon without us when our Leases become free."""
        try:
            async with asyncio.timeout(self._terms.spare_s):
                await self._roll.leave()
        except (KubeError, TimeoutError) as error:
            log.warning("still on the roll; others will notice", why=str(error))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for *work* however often we are cancelled meanwhile; the cancellation goes on then."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
