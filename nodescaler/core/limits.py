"""What pools and reservations allow to be bought, as rows over the offers.

A limit of a pool counts the capacity of its machines, or their number (``nodes``); a capacity
reservation counts machines over every offer that draws from it.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nodescaler.core.columns import Ints
from nodescaler.core.offers import Offers
from nodescaler.core.resources import NODES, Resources


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: of *pool* on *resource*, or of a reservation (then *pool* is empty)."""

    pool: str
    resource: str


@dataclass(slots=True, eq=False)
class Limits:
    """All limits at once.

    Attributes:
        usage: int64[limits, offers], what one more node takes of each.
        room: int64[limits], what is left.
    """

    which: tuple[Limit, ...]
    usage: Ints
    room: Ints

    def most(self, offer: int) -> int:
        """How many nodes of *offer* may still be bought."""
        used = np.flatnonzero(self.usage[:, offer])
        if not len(used):
            return 2**40
        return int(max((self.room[used] // self.usage[used, offer]).min(), 0))

    def charge(self, offer: int, number: int) -> None:
        self.room = self.room - self.usage[:, offer] * number

    def widen(self, offer: int, listed: Ints, copies: int) -> None:
        """Charge nodes of *offer* as the largest of *listed*, whichever of them is launched."""
        if len(self.room) and len(listed):
            most = self.usage[:, listed].max(axis=1)
            self.room = self.room - (most - self.usage[:, offer]) * copies

    def copy(self) -> Limits:
        return Limits(self.which, self.usage, self.room.copy())


def limits_of(offers: Offers, usage: Mapping[str, Resources]) -> Limits:
    """The limits of the offers' pools, with what is used already, and of the reservations.

    Args:
        offers: rows.
        usage: what each pool's claims already count.
    """
    which: list[Limit] = []
    rows: list[Ints] = []
    room: list[int] = []
    for number, pool in enumerate(offers.pools):
        own = offers.pool == number
        for name, limit in sorted(pool.limits.items()):
            each = np.ones(len(offers), np.int64) if name == NODES else offers.capacity(name)
            which.append(Limit(pool.name, name))
            rows.append(np.where(own, each, 0))
            room.append(limit - usage.get(pool.name, {}).get(name, 0))
    counts = {
        each.reservation: each.count
        for each in offers.goods.offerings
        if each.reservation and each.count is not None
    }
    names = np.array([each.reservation for each in offers.goods.offerings] or [""])
    for reservation, count in sorted(counts.items()):
        which.append(Limit("", reservation))
        rows.append((names[offers.goods.offering] == reservation).astype(np.int64))
        room.append(count)
    table = np.array(rows, np.int64).reshape(len(which), len(offers))
    return Limits(tuple(which), table, np.array(room, np.int64))
