"""The Leases of one operator's processes: who is there, who holds which shard, in how many shards.

Each process announces itself by a Lease of its own, renewed with every look. How long a Lease has
not changed is measured on our own clock from when we first saw it, as in `kube.values.lease`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from kube.client import Json
from kube.errors import Conflict, NotFound
from kube.lease import Candidacy, record_of
from kube.resources import LEASES
from kube.values import times
from kube.values.lease import Sighting
from kube.values.shards import View

OF = "tandem.sh/lease"  # label: the leader's Lease, which all of them carry
SHARDS = "tandem.sh/shards"  # label: into how many its holder divides
FORGOTTEN = 10  # a member that was silent for so many lease durations is swept away


def labels_of(lease: str, shards: int) -> dict[str, str]:
    return {OF: lease, SHARDS: str(shards)}


def shard_lease(lease: str, shard: int) -> str:
    return f"{lease}-shard-{shard}"


class Roll:
    """Reads the Leases, and keeps our own entry.

    Args:
        lease: name of the leader's Lease; the others are named after it.
        shards: into how many we divide.
    """

    def __init__(self, candidacy: Candidacy, *, lease: str, shards: int) -> None:
        self._client = candidacy.client
        self._namespace = candidacy.namespace
        self._identity = candidacy.identity
        self._now = candidacy.now
        self._terms = candidacy.terms
        self._clock = candidacy.clock
        self._lease = lease
        self._shards = shards
        self._members = f"{lease}-member-"
        self._own = self._members + self._identity.lower().replace("_", "-")
        self._labels: dict[str, dict[str, str]] = {}
        self._seen: dict[str, Sighting] = {}

    def sighting(self, shard: int) -> Sighting | None:
        """The Lease of *shard* as last seen."""
        return self._seen.get(shard_lease(self._lease, shard))

    async def look(self) -> View:
        """What the Leases say now. Raises `KubeError`."""
        asked = f"{OF}={self._lease}"
        found = await self._client.items(LEASES, namespace=self._namespace, labels=asked)
        self._learn(found, self._clock())  # after the answer, never before
        return View(
            shards=self._divided(self._lease),
            members=frozenset(self._present()),
            holders={shard: holder for shard, holder, alike in self._held() if alike},
            odd=frozenset(shard for shard, _, alike in self._held() if not alike),
        )

    async def announce(self) -> None:
        """Say that we are here, and sweep away those that have long been silent."""
        spec: Json = {"renewTime": times.micros(self._now())}
        try:
            await self._client.patch(LEASES, self._own, {"spec": spec}, namespace=self._namespace)
        except NotFound:
            await self._enrol(spec)
        for name in self._silent():
            await self._strike(name, self._seen[name].record.version)

    async def leave(self) -> None:
        """Say that we are not here any more."""
        await self._strike(self._own, None)

    async def _enrol(self, spec: Json) -> None:
        metadata = {"name": self._own, "namespace": self._namespace}
        metadata |= {"labels": labels_of(self._lease, self._shards)}  # type: ignore[dict-item]
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": ceil(self._terms.lease_s),
        }
        await self._client.create(LEASES, {"metadata": metadata, "spec": spec})

    async def _strike(self, name: str, version: str | None) -> None:
        try:
            await self._client.delete(
                LEASES, name, namespace=self._namespace, resource_version=version
            )
        except (NotFound, Conflict):
            return  # gone already, or back

    def _learn(self, found: list[Json], seen_s: float) -> None:
        before, self._seen, self._labels = self._seen, {}, {}
        for body in found:
            name, record = str(body["metadata"]["name"]), record_of(body)
            was = before.get(name)
            self._seen[name] = was.then(record, seen_s) if was else Sighting(record, seen_s)
            self._labels[name] = body["metadata"].get("labels") or {}

    def _divided(self, name: str) -> int:
        text = self._labels.get(name, {}).get(SHARDS, "")
        return int(text) if text.isdecimal() else 0

    def _present(self) -> Iterator[str]:
        """Members whose announcement is not older than what a holder trusts its own term for."""
        for name, seen in self._seen.items():
            if name.startswith(self._members) and self._age_s(seen) < self._terms.renew_s:
                yield seen.record.holder

    def _held(self) -> Iterator[tuple[int, str, bool]]:
        """Shards that somebody holds: number, holder, whether it divides as we do."""
        start = shard_lease(self._lease, 0)[:-1]
        for name, seen in self._seen.items():
            number = name.removeprefix(start)
            if number.isdecimal() and not seen.claimable(self._clock()):
                yield int(number), seen.record.holder, self._divided(name) == self._shards

    def _silent(self) -> list[str]:
        longest = FORGOTTEN * self._terms.lease_s
        return [
            name
            for name, seen in self._seen.items()
            if name.startswith(self._members) and self._age_s(seen) > longest
        ]

    def _age_s(self, seen: Sighting) -> float:
        return self._clock() - seen.at_s
