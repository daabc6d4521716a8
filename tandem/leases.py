"""The Leases that a process takes part in: the leader's, and those of the event half's shards."""

from __future__ import annotations

import asyncio

import structlog
from prometheus_client import Gauge

from kube.errors import KubeError
from kube.lease import Candidacy, Elector
from kube.roll import Roll, labels_of
from kube.shards import Keeper, Shards

log = structlog.get_logger()


class Leases:
    """Makes candidates.

    Args:
        lease: name of the leader's Lease; those of shards and members are named after it.
        shards: into how many the event half is divided.
    """

    def __init__(self, candidacy: Candidacy, *, lease: str, shards: int) -> None:
        self._candidacy = candidacy
        self._lease = lease
        self._shards = shards

    def elector(self) -> Elector:
        """For the leader's Lease, which tells the others into how many shards we divide."""
        labels = labels_of(self._lease, self._shards)
        return Elector(self._candidacy, self._lease, labels=labels)

    def shards(self) -> Shards:
        return Shards(self._candidacy, lease=self._lease, shards=self._shards)

    async def until_nobody_divides_otherwise(self) -> None:
        """Wait for processes that hold shards; they let go when they see that we lead."""
        roll = Roll(self._candidacy, lease=self._lease, shards=self._shards)
        while True:
            try:
                view = await roll.look()
                if view.admits(self._shards):
                    return
                why = f"shards {set(view.odd)} are held"
                log.info("waiting", object=self._candidacy.identity, why=why)
            except KubeError as error:
                log.warning("leases not read", lease=self._lease, why=str(error))
            await asyncio.sleep(self._candidacy.terms.retry_s)


class Counted:
    """Tells in a metric which shards *keeper* has."""

    def __init__(self, keeper: Keeper, held: Gauge, shards: int) -> None:
        self._keeper = keeper
        self._held = held
        for shard in range(shards):
            held.labels(str(shard)).set(0)

    def take_up(self, shard: int) -> None:
        self._keeper.take_up(shard)
        self._held.labels(str(shard)).set(1)

    async def lay_down(self, shard: int) -> None:
        self._held.labels(str(shard)).set(0)
        await self._keeper.lay_down(shard)
