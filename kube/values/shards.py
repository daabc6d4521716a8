"""How objects are divided into shards, and shards among processes. Pure.

Every process works out the same from the same Leases, so nobody has to tell anybody what to take.
Views that differ for a moment do no harm: a shard's Lease has one holder whatever each thinks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class View:
    """What the Leases said at one moment.

    Attributes:
        shards: into how many the leader divides; 0 while there has been no leader.
        members: who has told lately that it is there.
        holders: of each shard that somebody holds.
        odd: shards held by a process that divides otherwise; nobody may begin beside it.
    """

    shards: int = 0
    members: frozenset[str] = frozenset()
    holders: Mapping[int, str] = field(default_factory=dict)
    odd: frozenset[int] = frozenset()

    def share(self, identity: str, shards: int) -> frozenset[int]:
        """The shards that *identity* should have; none while the leader divides otherwise."""
        if self.shards != shards:
            return frozenset()
        dealt = assigned(self.holders, self.members | {identity}, shards)
        return frozenset(shard for shard, member in dealt.items() if member == identity)

    def admits(self, shards: int) -> bool:
        """Whether a process that divides into *shards* may begin with those that it holds."""
        return self.shards == shards and not self.odd


def shard_of(key: str, shards: int) -> int:
    """The shard of *key*, the same in every process.

    >>> shard_of("default/orders", 1), shard_of("default/orders", 8)
    (0, 1)
    """
    return int.from_bytes(sha256(key.encode()).digest()[:8]) % shards


def assigned(holders: Mapping[int, str], members: Iterable[str], shards: int) -> dict[int, str]:
    """A member for each shard: loads differ by at most one, and no shard moves without need.

    Args:
        holders: who has which shard now; one who is no member has none.
        members: who may have some; with nobody there is no assignment.
        shards: how many there are.

    >>> assigned({0: "a", 1: "a", 2: "a", 3: "gone"}, ["a", "b"], 4)
    {0: 'a', 1: 'a', 2: 'b', 3: 'b'}
    """
    held: dict[str, list[int]] = {member: [] for member in sorted(members)}
    if not held:
        return {}
    for shard in range(shards):
        if holders.get(shard) in held:
            held[holders[shard]].append(shard)
    least, extra = divmod(shards, len(held))
    by_load = sorted(held, key=lambda member: -len(held[member]))  # stable: ties go by name
    room = {member: least + (place < extra) for place, member in enumerate(by_load)}
    kept = {shard: member for member in held for shard in held[member][: room[member]]}
    places = [member for member in by_load for _ in range(room[member] - len(held[member]))]
    free = [shard for shard in range(shards) if shard not in kept]
    return dict(sorted((kept | dict(zip(free, places, strict=True))).items()))
