"""The Leases that a process takes part in: the leader's, and those of the event half's shards."""

from __future__ import annotations

import asyncio

import structlog
from prometheus_client import Gauge

from kube.client import Client
from kube.errors import KubeError
from kube.lease import Elector
from kube.roll import Roll, labels_of
from kube.shards import Keeper, Shards
from kube.values.lease import Terms
from kube.values.times import Now

log = structlog.get_logger()


class Leases:
    """Makes candidates.

    Args:
        client: without a gate.
        lease: name of the leader's Lease; those of shards and members are named after it.
        shards: into how many the event half is divided.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        lease: str,
        identity: str,
        shards: int,
        now: Now,
        terms: Terms,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._lease = lease
        self._identity = identity
        self._shards = shards
        self._now = now
        self._terms = terms

    def elector(self) -> Elector:
        """For the leader's Lease, which tells the others into how many shards we divide."""
        return Elector(
            self._client,
            namespace=self._namespace,
            name=self._lease,
            identity=self._identity,
            now=self._now,
            lease_s=self._terms.lease_s,
            renew_s=self._terms.renew_s,
            retry_s=self._terms.retry_s,
            labels=labels_of(self._lease, self._shards),
        )

    def shards(self) -> Shards:
        return Shards(
            self._client,
            namespace=self._namespace,
            lease=self._lease,
            identity=self._identity,
            shards=self._shards,
            now=self._now,
            terms=self._terms,
        )

    async def until_nobody_divides_otherwise(self) -> None:
        """Wait for processes that hold shards; they let go when they see that we lead."""
        roll = Roll(
            self._client,
            namespace=self._namespace,
            lease=self._lease,
            identity=self._identity,
            shards=self._shards,
            now=self._now,
            terms=self._terms,
        )
        while True:
            try:
                view = await roll.look()
                if view.admits(self._shards):
                    return
                log.info("waiting", object=self._identity, why=f"shards {set(view.odd)} are held")
            except KubeError as error:
                log.warning("leases not read", lease=self._lease, why=str(error))
            await asyncio.sleep(self._terms.retry_s)


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
